"""Record what torchvision makes of small pictures, step by step, for tests/unit/train/augment_recorded_test.cpp.

    python tools/goldens/augment_record.py [tests/golden/augment]     (torch, torchvision, Pillow, safetensors)

Pictures are those of test_pattern.py. Colours go through torchvision's functions of float tensors in [0, 1]; crops are
cut and resized as Pillow images, in bytes. `cases.json` says what was done, `results.safetensors` what came of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import PIL
import torch
import torchvision
import torchvision.transforms.v2.functional as functional
from PIL import Image
from safetensors.torch import save_file

from test_pattern import draw

# Sizes that are no multiple of a vector, and one below it.
PICTURES = {"ramp": (23, 17), "disc": (40, 20), "noise": (5, 7)}
STEPS: list[tuple[str, dict[str, Any]]] = [
    ("brightness", {"factor": 0.6}),
    ("brightness", {"factor": 1.4}),
    ("contrast", {"factor": 0.3}),
    ("contrast", {"factor": 1.7}),
    ("saturation", {"factor": 0.0}),
    ("saturation", {"factor": 1.8}),
    ("hue", {"shift": -0.5}),
    ("hue", {"shift": 0.1}),
    ("hue", {"shift": 0.43}),
    ("grey", {}),
    ("blur", {"size": 3, "sigma": 0.1}),
    ("blur", {"size": 5, "sigma": 1.3}),
    ("solarize", {"threshold": 0.5}),
    ("rotation", {"degrees": 15.0}),
    ("rotation", {"degrees": -70.0}),
]
# Picture, its size, window (x, y, width, height), size of the result.
CROPS = [
    ("noise", (31, 19), (4, 2, 20, 11), (16, 16)),
    ("disc", (64, 48), (0, 0, 64, 48), (24, 24)),
    ("disc", (64, 48), (41, 7, 9, 30), (24, 24)),
    ("ramp", (50, 50), (10, 20, 3, 2), (12, 12)),
]


def apply(step: str, value: dict[str, Any], picture: torch.Tensor) -> torch.Tensor:
    if step == "brightness":
        return functional.adjust_brightness(picture, value["factor"])
    if step == "contrast":
        return functional.adjust_contrast(picture, value["factor"])
    if step == "saturation":
        return functional.adjust_saturation(picture, value["factor"])
    if step == "hue":
        return functional.adjust_hue(picture, value["shift"])
    if step == "grey":
        return functional.rgb_to_grayscale(picture, num_output_channels=3)
    if step == "blur":
        return functional.gaussian_blur(picture, [value["size"]] * 2, [value["sigma"]] * 2)
    if step == "solarize":
        return functional.solarize(picture, value["threshold"])
    bilinear = torchvision.transforms.InterpolationMode.BILINEAR
    return functional.rotate(picture, value["degrees"], interpolation=bilinear)


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/augment")
    root.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    cases: list[dict[str, Any]] = []
    results: dict[str, torch.Tensor] = {}
    for name, (width, height) in PICTURES.items():
        picture = torch.from_numpy(draw(name, width, height)).permute(2, 0, 1).float() / 255
        for step, value in STEPS:
            key = f"{len(cases):03}"
            cases.append({"result": key, "picture": name, "width": width, "height": height, "step": step, **value})
            results[key] = apply(step, value, picture).contiguous()
    for name, (width, height), (x, y, w, h), (to_width, to_height) in CROPS:
        key = f"{len(cases):03}"
        image = Image.fromarray(draw(name, width, height))
        crop = functional.resized_crop(image, y, x, h, w, [to_height, to_width])
        window = {"x": x, "y": y, "window_width": w, "window_height": h, "to_width": to_width, "to_height": to_height}
        cases.append({"result": key, "picture": name, "width": width, "height": height, "step": "crop", **window})
        results[key] = functional.pil_to_tensor(crop).contiguous()
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "Pillow": PIL.__version__}
    lines = ",\n  ".join(json.dumps(case) for case in cases)
    (root / "cases.json").write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n  {lines}\n]}}\n')
    save_file(results, root / "results.safetensors")


if __name__ == "__main__":
    main()
