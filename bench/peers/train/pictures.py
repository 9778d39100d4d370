"""Pictures as a torch Dataset, and the augmentations of a recipe as torchvision has them, on Pillow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision import transforms

from rows import Row, fits_in_cache, open_sheets, training_rows

Transform = Callable[[Image.Image], Any]


class Pictures(Dataset[tuple[Any, int]]):
    """Pictures and the numbers of their labels. Where the recipe's cache holds all of them decoded, so does this, from
    the start: what asterism does in its first epoch."""

    def __init__(self, settings: dict[str, Any], transform: Transform) -> None:
        self.rows = training_rows(settings["data"])
        names = sorted({row.label for row in self.rows if row.label is not None})
        self.class_count = len(names)
        self.labels = [-1 if row.label is None else names.index(row.label) for row in self.rows]
        self.mode = "L" if settings["model"].get("channels", 3) == 1 else "RGB"
        self.transform = transform
        self.kept: list[Image.Image] = []
        sheets = open_sheets(self.rows)
        if sheets:
            self.kept = [sheets[row.path].crop(row.tile).convert(self.mode) for row in self.rows]
        elif fits_in_cache([Image.open(row.path) for row in self.rows], settings["data"]):
            self.kept = [self.read(row) for row in self.rows]

    def read(self, row: Row) -> Image.Image:
        return Image.open(row.path).convert(self.mode)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        picture = self.kept[i] if self.kept else self.read(self.rows[i])
        return self.transform(picture), self.labels[i]


def augmentation(settings: dict[str, Any]) -> transforms.Compose:
    """[augmentation] of a recipe, in its order."""
    model, recipe = settings["model"], settings.get("augmentation", {})
    size = model["image_size"]
    steps: list[Any] = []
    if recipe.get("crop_area_min", 1.0) < 1.0:
        aspect = recipe.get("crop_aspect_max", 1.0)
        steps.append(transforms.RandomResizedCrop(size, (recipe["crop_area_min"], 1.0), (1.0 / aspect, aspect)))
    else:
        steps.append(transforms.Resize((size, size)))
    if recipe.get("flip", False):
        steps.append(transforms.RandomHorizontalFlip())
    if recipe.get("shift_pixels", 0) > 0:
        steps.append(transforms.RandomCrop(size, padding=recipe["shift_pixels"]))
    if recipe.get("rotation_degrees", 0.0) > 0.0:
        bilinear = transforms.InterpolationMode.BILINEAR
        steps.append(transforms.RandomRotation(recipe["rotation_degrees"], interpolation=bilinear))
    if recipe.get("jitter_probability", 0.0) > 0.0:
        names = ("brightness", "contrast", "saturation", "hue")
        jitter = transforms.ColorJitter(*(recipe.get(name, 0.0) for name in names))
        steps.append(transforms.RandomApply([jitter], p=recipe["jitter_probability"]))
    if recipe.get("grey_probability", 0.0) > 0.0:
        steps.append(transforms.RandomGrayscale(recipe["grey_probability"]))
    channels = model.get("channels", 3)
    half = [0.5] * channels
    return transforms.Compose(
        [*steps, transforms.ToTensor(), transforms.Normalize(model.get("mean", half), model.get("std", half))]
    )


def two_views(transform: Transform) -> Transform:
    return lambda picture: torch.stack([transform(picture), transform(picture)])
