"""Record what timm, transformers and torchvision answer on tiny random image models, for the golden tests of src/models
and of both backends.

    python tools/goldens/image_models_record.py [--only NAME ...] [--root tests/golden/image_models]

Each case is a checkpoint folder, written as its library writes it, with `expected.safetensors` beside it: `input`,
bytes b that stand for (b - 128) / 64, and what the original gives for it in float32: pooled vector, logits, feature maps
and inner modules, under the names of our graph. Of a large map it holds every `step`-th element. `manifest.json` holds, for every output, the noise (largest difference between the run in float32 and the run in
float64) and the tolerance max(20 x noise, 1e-5 x largest magnitude), and the versions of the libraries.

Weights are drawn so that mistakes show: no parameter is 0 or 1, layer scales and batch norm weights are spread around a
value near 1, and the statistics of batch norm are those of random images, disturbed, so that activations keep the order
of 1 at every depth. The cases are in image_models_<family>.py beside this file.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from image_models_case import Case, calibrate, randomize, shrink

LIBRARIES = ["torch", "timm", "transformers", "torchvision", "safetensors"]
NOISE_FACTOR = 20.0
MAGNITUDE_FACTOR = 1e-5
ROWS = 2
# Elements kept of one output.
SAMPLE_COUNT_MAX = 320
# One module a group of families; each holds `CASES: list[Case]`.
MODULES = ["image_models_convnets", "image_models_vits"]


def sample_step(count: int) -> int:
    """A step without the factors of usual sizes, so that it walks over all rows, channels and columns of a map."""
    step = -(-count // SAMPLE_COUNT_MAX)
    while step > 1 and any(step % factor == 0 for factor in (2, 3, 5, 7)):
        step += 1
    return step


def all_cases() -> list[Case]:
    return [case for module in MODULES for case in importlib.import_module(module).CASES]


def run(case: Case, model: torch.nn.Module, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """All outputs of one run: what the library's own interface gives, and inner modules by hooks."""
    outputs: dict[str, torch.Tensor] = {}
    modules = dict(model.named_modules())
    handles = []
    for path, name in case.hooked().items():

        def keep(_module: torch.nn.Module, _inputs: Any, output: Any, name: str = name) -> None:
            # Clone: an activation in place would change it afterwards.
            outputs[name] = (output[0] if isinstance(output, tuple) else output).clone()

        handles.append(modules[path].register_forward_hook(keep))
    with torch.inference_mode():
        answers = case.interface.answer(model, pixels)
    for handle in handles:
        handle.remove()
    return {**outputs, **answers}


def record(case: Case, root: Path) -> dict[str, Any]:
    folder = root / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # The seed is of the name, so that a new case leaves the others as they are.
    seed = int.from_bytes(case.name.encode()[-6:], "big") % 100003
    torch.manual_seed(seed)
    model = case.build().eval()
    generator = torch.Generator().manual_seed(seed)
    randomize(model, generator)
    shrink(model, case.small)
    height, width = case.size
    shape = (ROWS, case.channels, height, width)
    calibrate(model, lambda rows: case.interface.answer(model, rows), shape, generator)
    model.to(case.dtype)
    weights = case.interface.save(model, folder)
    model.float()
    stored = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    pixels = (stored.float() - 128.0) / 64.0
    single = run(case, model, pixels)
    double = run(case, model.double(), pixels.double())
    expected = {"input": stored}
    values = []
    for name, narrow in single.items():
        step = sample_step(narrow.numel())
        expected[name] = narrow.flatten()[::step].clone()
        noise = float((narrow.double() - double[name]).abs().max())
        largest = float(narrow.abs().max())
        if not noise > 0.0 and case.noisy:
            raise ValueError(f"{case.name}: {name}: no noise: is the run in float64 another run?")
        tolerance = max(NOISE_FACTOR * noise, MAGNITUDE_FACTOR * largest)
        values.append(
            {
                "value": name,
                "shape": list(narrow.shape),
                "step": step,
                "noise": noise,
                "largest": largest,
                "tolerance": tolerance,
            }
        )
    save_file(expected, folder / "expected.safetensors")
    return {
        "name": case.name,
        "family": case.family,
        "dialect": case.interface.dialect,
        "weights": weights,
        "height": height,
        "width": width,
        "values": values,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="record golden outputs of tiny image models")
    parser.add_argument("--root", type=Path, default=Path("tests/golden/image_models"))
    parser.add_argument("--only", nargs="*", help="record these cases and keep the others")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.root.mkdir(parents=True, exist_ok=True)
    path = arguments.root / "manifest.json"
    old = json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() and arguments.only else []
    done = {entry["name"]: entry for entry in old}
    cases = all_cases()
    for case in cases:
        if not arguments.only or case.name in arguments.only:
            done[case.name] = record(case, arguments.root)
            largest = max(value["largest"] for value in done[case.name]["values"])
            print(f"{case.name}: {len(done[case.name]['values'])} values, largest {largest:.3g}")
    manifest = {
        "made_by": "tools/goldens/image_models_record.py",
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "tolerance": "max(20 x noise, 1e-5 x largest magnitude); noise: float32 against float64 in the original",
        "cases": [done[case.name] for case in cases if case.name in done],
    }
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
