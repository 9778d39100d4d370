"""Trains the example model examples/models/lenet5: LeNet-5 on digits that this script draws.

    python tools/example_lenet.py [--epochs 12]

Needs torch, numpy, Pillow and safetensors, and the fonts of Debian's packages fonts-dejavu-core and
fonts-liberation (any TrueType fonts under /usr/share/fonts are used). Digits are drawn in every font found,
moved, turned, sheared and thickened at random, so that nothing but this repository's own drawing goes into the
weights. The seed is fixed; the accuracy on digits in a font that training never saw is printed.
Also written: twenty of those digits as pictures, in examples/data/digits.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from safetensors.torch import save_file
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
SIZE = 28
MEAN, STD = 0.13, 0.31
TRAIN_PER_CLASS = 1500
TEST_PER_CLASS = 100


class LeNet5(nn.Module):
    """Names and order of src/models/lenet.cpp."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = nn.functional.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc3(torch.tanh(self.fc2(x)))


def find_fonts() -> list[Path]:
    fonts = sorted(Path("/usr/share/fonts").rglob("*.ttf"))
    return [font for font in fonts if not any(word in font.name for word in ("Symbol", "Emoji", "Math"))]


def draw_digit(digit: int, font: Path, rng: random.Random) -> Image.Image:
    """A white digit on black, 28 x 28, about as MNIST has them."""
    scale = 4
    side = SIZE * scale
    canvas = Image.new("L", (side, side))
    drawing = ImageDraw.Draw(canvas)
    face = ImageFont.truetype(str(font), int(side * rng.uniform(0.62, 0.85)))
    drawing.text(
        (side / 2, side / 2),
        str(digit),
        font=face,
        fill=255,
        anchor="mm",
        stroke_width=rng.choice((0, 1, 2, 4, 6)),
        stroke_fill=255,
    )
    angle = math.radians(rng.uniform(-14, 14))
    shear = rng.uniform(-0.25, 0.25)
    dx, dy = rng.uniform(-8, 8), rng.uniform(-8, 8)
    cos, sin = math.cos(angle), math.sin(angle)
    a, b, d, e = cos, sin + shear, -sin, cos
    centre = side / 2
    c = centre - a * (centre + dx) - b * (centre + dy)
    f = centre - d * (centre + dx) - e * (centre + dy)
    canvas = canvas.transform((side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3.0)))
    return canvas.resize((SIZE, SIZE), Image.Resampling.BILINEAR)


def make_set(fonts: list[Path], per_class: int, seed: int) -> tuple[list[Image.Image], torch.Tensor, torch.Tensor]:
    rng = random.Random(seed)
    images, labels = [], []
    for digit in range(10):
        for _ in range(per_class):
            images.append(draw_digit(digit, rng.choice(fonts), rng))
            labels.append(digit)
    pixels = np.stack([np.asarray(image, dtype=np.float32) for image in images]) / 255.0
    return images, torch.from_numpy((pixels - MEAN) / STD)[:, None], torch.tensor(labels)


def train(model: LeNet5, x: torch.Tensor, y: torch.Tensor, epochs: int) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
        schedule.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")


def save(model: LeNet5) -> None:
    folder = ROOT / "examples/models/lenet5"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    config = {
        "model_type": "lenet",
        "image_size": SIZE,
        "num_channels": 1,
        "activation": "tanh",
        "pooling": "avg",
        "first_padding": 2,
        "num_labels": 10,
        "pretrained_cfg": {
            "input_size": [1, SIZE, SIZE],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "crop_mode": "squash",
            "mean": [MEAN],
            "std": [STD],
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def save_examples(images: list[Image.Image], labels: torch.Tensor) -> None:
    folder = ROOT / "examples/data/digits"
    folder.mkdir(parents=True, exist_ok=True)
    for digit in range(10):
        places = (labels == digit).nonzero().flatten().tolist()
        for number, place in enumerate(places[:2]):
            images[place].resize((112, 112), Image.Resampling.BICUBIC).save(
                folder / f"{digit}-{number}.png", optimize=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()
    torch.manual_seed(5)
    torch.set_num_threads(2)
    fonts = find_fonts()
    unseen = [font for font in fonts if "Liberation" in font.name or font == fonts[-1]]
    seen = [font for font in fonts if font not in unseen] or fonts
    print(f"{len(seen)} fonts to learn from, {len(unseen)} to test on")
    _, x, y = make_set(seen, TRAIN_PER_CLASS, seed=1)
    model = LeNet5()
    train(model, x, y, arguments.epochs)
    images, test_x, test_y = make_set(unseen, TEST_PER_CLASS, seed=2)
    with torch.no_grad():
        accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
    print(f"accuracy on digits in fonts that were not trained on: {accuracy:.4f}")
    save(model)
    save_examples(images, test_y)


if __name__ == "__main__":
    main()
