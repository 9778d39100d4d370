"""Records what timm, transformers and torchvision make of small pictures under many preprocessing configurations.

    python tools/goldens/image_settings_record.py [tests/golden/image_settings]

`manifest.json` holds every configuration as its files and the options it is read with; `expected.safetensors` holds the
pictures (uint8 [height, width, 3]) and, for each case and picture,

    CASE.PICTURE.levels   uint8, what the library has after resize and crop, before it rescales
    CASE.PICTURE.torch    the same from transformers' torchvision backend, where it differs from that on Pillow
    CASE.PICTURE.values   float32, the library's own answer; for the first picture of a case

each flattened from [channels, height, width] with only every `stride`-th element kept, of the values every fifth of
those.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors.numpy import save_file
from timm.data import create_transform, resolve_data_config
from timm.models._hub import _parse_model_cfg
from torchvision import models
from torchvision.transforms import functional
from transformers import AutoImageProcessor

from image_settings_cases import TIMM_CASES, TORCHVISION_CASES, TRANSFORMERS_CASES, Case

LIBRARIES = ["timm", "torchvision", "transformers", "torch", "Pillow", "numpy"]
# A result with more elements than this is kept in part: every n-th, n prime, so that all columns take part.
ELEMENT_COUNT_MAX = 800
STRIDES = (1, 7, 41, 331, 1511)
VALUE_STRIDE = 5
PICTURES = {"landscape": (43, 64), "portrait": (57, 37), "tiny": (9, 5), "square": (40, 40)}

Array: TypeAlias = "npt.NDArray[Any]"


@dataclass
class Answer:
    levels: Array
    values: Array
    torch_levels: Array | None = None


def draw(height: int, width: int, seed: int) -> Array:
    """Smooth colours, hard edges and noise: what filters treat differently."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(rows / (5 + c) + seed) * np.cos(columns / (7 - c)) for c in range(3)]
    picture = np.stack(waves, axis=-1)
    picture[height // 4 : height // 2, width // 3 : width // 2] = (250, 5, 128)
    noise = np.random.default_rng(seed).integers(-30, 31, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def numpy_of(value: Any) -> Array:
    return np.asarray(value[0] if isinstance(value, list) else value)


def timm_reader(case: Case) -> Callable[[Image.Image], Answer]:
    config = json.loads(json.dumps(case.files["config.json"]))
    pretrained, _, _ = _parse_model_cfg(config, {})
    data = resolve_data_config(case.args, pretrained_cfg=pretrained, use_test_size=case.test_size)
    transform = create_transform(**data, is_training=False)
    raw = create_transform(**data, is_training=False, normalize=False)

    def answer(picture: Image.Image) -> Answer:
        if data["input_size"][0] == 1:
            picture = picture.convert("L")
        return Answer(levels=raw(picture).numpy(), values=transform(picture).numpy())

    return answer


def transformers_reader(case: Case) -> Callable[[Image.Image], Answer]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in case.files.items():
            (Path(folder) / name).write_text(json.dumps(content))
        pil = AutoImageProcessor.from_pretrained(folder, backend="pil")
        torch = AutoImageProcessor.from_pretrained(folder, backend="torchvision")
    plain = {"do_rescale": False, "do_normalize": False}
    if hasattr(pil, "include_top"):
        plain["include_top"] = False

    def answer(picture: Image.Image) -> Answer:
        def run(processor: Any, **kwargs: Any) -> Array:
            return numpy_of(processor(picture, **case.args, **kwargs)["pixel_values"])

        try:
            torch_levels = run(torch, **plain)
        except NotImplementedError:  # torch has no box and no Hamming filter
            torch_levels = None
        return Answer(levels=run(pil, **plain), values=run(pil).astype(np.float32), torch_levels=torch_levels)

    return answer


def torchvision_reader(case: Case) -> Callable[[Image.Image], Answer]:
    weights = models.get_weight(case.weights)
    assert case.file_name is None or weights.url.endswith("/" + case.file_name)
    preset = weights.transforms()

    def answer(picture: Image.Image) -> Answer:
        resized = functional.resize(picture, preset.resize_size, preset.interpolation)
        levels = functional.pil_to_tensor(functional.center_crop(resized, preset.crop_size))
        return Answer(levels=levels.numpy(), values=preset(picture).numpy())

    return answer


def sampled(values: Array, stride: int) -> Array:
    return np.ascontiguousarray(values.reshape(-1)[::stride])


def record(case: Case, reader: Callable[[Image.Image], Answer], pictures: dict[str, Array]) -> tuple[Any, Any]:
    tensors: dict[str, Array] = {}
    shape: list[int] = []
    stride = 1
    for name, pixels in pictures.items():
        answer = reader(Image.fromarray(pixels))
        assert answer.levels.dtype == np.uint8, (case.name, answer.levels.dtype)
        assert answer.levels.shape == answer.values.shape
        assert shape in ([], list(answer.levels.shape)), case.name
        if not shape:
            shape = list(answer.levels.shape)
            stride = next(s for s in STRIDES if answer.levels.size / s <= ELEMENT_COUNT_MAX)
            tensors[f"{case.name}.{name}.values"] = sampled(answer.values, stride * VALUE_STRIDE)
        tensors[f"{case.name}.{name}.levels"] = sampled(answer.levels, stride)
        if answer.torch_levels is not None and not np.array_equal(answer.torch_levels, answer.levels):
            tensors[f"{case.name}.{name}.torch"] = sampled(answer.torch_levels, stride)
    entry: dict[str, Any] = {"name": case.name, "dialect": case.dialect, "shape": shape, "stride": stride}
    for key in ("files", "file_name", "options", "note"):
        if value := getattr(case, key):
            entry[key] = value
    return entry, tensors


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/image_settings")
    out.mkdir(parents=True, exist_ok=True)
    pictures = {name: draw(*size, seed) for seed, (name, size) in enumerate(PICTURES.items())}
    readers = {"timm": timm_reader, "transformers": transformers_reader, "torchvision": torchvision_reader}
    tensors: dict[str, Array] = {f"picture.{name}": pixels for name, pixels in pictures.items()}
    entries = []
    for case in [*TIMM_CASES, *TRANSFORMERS_CASES, *TORCHVISION_CASES]:
        entry, recorded = record(case, readers[case.dialect](case), pictures)
        entries.append(entry)
        tensors.update(recorded)
    assert len({entry["name"] for entry in entries}) == len(entries)
    manifest = {
        "script": "tools/goldens/image_settings_record.py",
        "recorded_with": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "pictures": list(pictures),
        "cases": entries,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    save_file(tensors, out / "expected.safetensors")
    print(f"{len(entries)} cases, {(out / 'expected.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
