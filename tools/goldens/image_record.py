"""Record what Pillow, torchvision, timm and transformers make of small pictures, for tests/unit/image.

Run: python tools/goldens/image_record.py   (Pillow, numpy, torch, torchvision, timm, transformers)

Files go to tests/golden/image/samples, what becomes of them to tests/golden/image/*.json. Pixels and tensors are kept as
SHA-256 where the tests ask for equality in every bit, and as numbers where they allow a difference. Pictures that are no
file come from a linear congruential generator, which the tests run too.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import timm
import torch
import torchvision
import torchvision.transforms as transforms
import torchvision.transforms.v2.functional as functional
import transformers
from PIL import Image, ImageOps
from timm.data.transforms_factory import create_transform

import image_samples

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "image"
VERSIONS = {
    "Pillow": PIL.__version__,
    "torch": torch.__version__,
    "torchvision": torchvision.__version__,
    "timm": timm.__version__,
    "transformers": transformers.__version__,
}
# Pillow converts uncompressed YCbCr itself with tables of six bits; libtiff's conversion differs by one level.
WITHIN_ONE_LEVEL = ("tiff_ycbcr",)
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
SIZES = (
    (1, 1, 1, 1), (1, 1, 7, 5), (2, 3, 1, 1), (3, 2, 64, 64), (5, 5, 4, 4), (16, 16, 16, 16), (16, 16, 33, 16),
    (16, 16, 16, 9), (37, 23, 12, 40), (37, 23, 64, 7), (64, 48, 32, 32), (64, 200, 50, 30), (200, 64, 30, 50),
    (100, 75, 299, 224), (300, 200, 224, 149), (257, 129, 56, 28), (3, 700, 3, 70), (700, 3, 70, 3), (3, 700, 40, 9),
    (90, 90, 1, 1), (31, 400, 31, 40), (400, 31, 40, 31),
)  # fmt: skip
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def noise(width: int, height: int, seed: int) -> np.ndarray:
    """Bytes 24..31 of x -> 1664525 x + 1013904223 (mod 2^32), started with the seed."""
    values = np.empty(width * height * 3, dtype=np.uint8)
    state = seed
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[i] = state >> 24
    return values.reshape(height, width, 3)


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write(name: str, cases: list[dict[str, Any]]) -> None:
    document = {"recorded_with": VERSIONS, "script": "tools/goldens/image_record.py", "cases": cases}
    lines = json.dumps(document, indent=None, separators=(", ", ": ")).replace('{"name"', '\n{"name"')
    (TARGET / name).write_text(lines + "\n", encoding="utf-8")


def pillow_rgb(data: bytes) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def record_decoding() -> None:
    folder = TARGET / "samples"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cases = []
    for name, data in image_samples.all_samples().items():
        (folder / name).write_bytes(data)
        pixels = pillow_rgb(data)
        case: dict[str, Any] = {
            "name": name,
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "sha256": sha256(pixels),
        }
        if name in WITHIN_ONE_LEVEL:
            case["pixels"] = pixels.reshape(-1).tolist()
        cases.append(case)
    write("decode.json", cases)


def record_resizing() -> None:
    cases: list[dict[str, Any]] = []
    for seed, (width, height, new_width, new_height) in enumerate(SIZES):
        pixels = noise(width, height, seed)
        sizes = {"width": width, "height": height, "new_width": new_width, "new_height": new_height, "seed": seed}
        for name, kind in FILTERS.items():
            resized = np.asarray(Image.fromarray(pixels).resize((new_width, new_height), kind))
            cases.append({"name": f"pillow_{name}", "filter": name, **sizes, "sha256": sha256(resized)})
        tensor = functional.pil_to_tensor(Image.fromarray(pixels))
        for name in ("bilinear", "bicubic"):
            mode = transforms.InterpolationMode(name)
            resized = functional.resize(tensor, [new_height, new_width], mode, antialias=True).permute(1, 2, 0).numpy()
            cases.append({"name": f"torch_{name}", "filter": name, **sizes, "sha256": sha256(resized)})
    for seed, (width, height, new_width, new_height) in enumerate(((9, 7, 5, 4), (6, 5, 13, 11), (40, 30, 10, 9))):
        tensor = torch.from_numpy(noise(width, height, seed)).permute(2, 0, 1)[None].contiguous()
        for name in ("bilinear", "bicubic"):
            mode = transforms.InterpolationMode(name)
            resized = transforms.functional.resize(tensor, [new_height, new_width], mode, antialias=False)[0]
            sizes = {"width": width, "height": height, "new_width": new_width, "new_height": new_height, "seed": seed}
            pixels = resized.permute(1, 2, 0).reshape(-1).tolist()
            cases.append({"name": f"plain_{name}", "filter": name, **sizes, "pixels": pixels})
    write("resize.json", cases)


def preprocess_chains() -> dict[str, tuple[dict[str, Any], Any]]:
    """Settings in the words of ImagePreprocess, and the original that they stand for."""
    normalize = transforms.Normalize(MEAN, STD)
    tail = [transforms.ToTensor(), normalize]
    bilinear = transforms.InterpolationMode.BILINEAR

    def timm_chain(size: tuple[int, int], mode: str, interpolation: str) -> Any:
        return create_transform(
            input_size=(3, *size), interpolation=interpolation, mean=MEAN, std=STD, crop_pct=0.9, crop_mode=mode
        )

    crop48 = {"crop": "center", "crop_width": 48, "crop_height": 48}
    chains: dict[str, tuple[dict[str, Any], Any]] = {}
    chains["torchvision"] = (
        {"resize": "shortest", "resize_width": 56, "interpolation": "bilinear", **crop48},
        transforms.Compose([transforms.Resize(56, bilinear), transforms.CenterCrop(48), *tail]),
    )
    chains["torchvision_crop_only"] = (crop48, transforms.Compose([transforms.CenterCrop(48), *tail]))
    chains["torchvision_none"] = ({}, transforms.Compose(tail))
    chains["timm_center"] = (
        {"resize": "shortest", "resize_width": 53, **crop48}, timm_chain((48, 48), "center", "bicubic"))  # fmt: skip
    chains["timm_squash"] = (
        {"resize": "exact", "resize_width": 53, "resize_height": 53, "interpolation": "lanczos", **crop48},
        timm_chain((48, 48), "squash", "lanczos"),
    )
    chains["timm_border"] = (
        {"resize": "fit", "resize_width": 53, "resize_height": 53, "resize_rounding": "half_even", **crop48,
         "fill": [round(255 * value) for value in MEAN]},
        timm_chain((48, 48), "border", "bicubic"),
    )  # fmt: skip
    chains["timm_rectangle"] = (
        {"resize": "fill", "resize_width": 44, "resize_height": 53, "resize_rounding": "half_even",
         "crop": "center", "crop_width": 40, "crop_height": 48},
        timm_chain((48, 40), "center", "bicubic"),
    )  # fmt: skip
    clip = {"resize": "shortest", "resize_width": 48, **crop48, "crop_offset": "floor"}
    sizes = {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}}
    on_pillow = transformers.CLIPImageProcessorPil(**sizes)
    chains["transformers_pillow"] = ({**clip, "normalize": "rescale"}, lambda image: pixel_values(on_pillow, image))
    on_torch = transformers.CLIPImageProcessor(**sizes)
    chains["transformers_torchvision"] = (
        {**clip, "normalize": "fused", "arithmetic": "torch"}, lambda image: pixel_values(on_torch, image))  # fmt: skip
    large_crop = transformers.CLIPImageProcessorPil(do_resize=False, crop_size={"height": 91, "width": 64})
    chains["transformers_pillow_pad"] = (
        {"crop": "center", "crop_width": 64, "crop_height": 91, "crop_offset": "floor", "normalize": "rescale"},
        lambda image: pixel_values(large_crop, image),
    )
    return chains


def pixel_values(processor: Any, image: Image.Image) -> np.ndarray:
    return np.asarray(processor(image, return_tensors="np")["pixel_values"][0])


def record_preprocessing() -> None:
    cases: list[dict[str, Any]] = []
    for name, (settings, original) in preprocess_chains().items():
        for seed, (width, height) in enumerate(((90, 61), (61, 90), (40, 130), (33, 33), (200, 151))):
            tensor = np.asarray(original(Image.fromarray(noise(width, height, seed))), dtype=np.float32)
            case = {"name": name, "width": width, "height": height, "seed": seed, "settings": settings}
            case["shape"] = list(tensor.shape)
            case["sha256"] = sha256(tensor)
            case["values"] = [float(value) for value in tensor.reshape(-1)[:: max(1, tensor.size // 16)]]
            cases.append(case)
    image = Image.fromarray(noise(50, 40, 3))
    grey = transforms.ToTensor()(image.convert("L").resize((20, 16), Image.Resampling.BICUBIC)).numpy()
    settings = {
        "resize": "exact",
        "resize_width": 20,
        "resize_height": 16,
        "channels": "grey",
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
    }
    cases.append({"name": "grey", "width": 50, "height": 40, "seed": 3, "settings": settings, "shape": list(grey.shape),
                  "sha256": sha256(grey), "values": []})  # fmt: skip
    write("preprocess.json", cases)


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    record_decoding()
    record_resizing()
    record_preprocessing()


if __name__ == "__main__":
    main()
