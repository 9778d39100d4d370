"""What is trained: a recipe of the repository with its data, and what is changed in it for a comparison."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environment import ROOT, data_folder

EXAMPLES = ROOT / "examples" / "data"
Overrides = dict[str, Any]  # "training.epochs": 3
# Nothing is evaluated or saved between epochs: while one side does that, its workers go on. Nor are vectors whitened at
# the end: that is no training, and the few examples of a smoke run do not suffice for it.
UNDISTURBED: Overrides = {
    "data.validation_share": 0.0,
    "training.evaluation_epochs": 1000,
    "training.checkpoint_steps": 1_000_000_000,
    "output.whitening": 0,
}
# Without labels the encoder is not evaluated, which no figure here is about.
UNLABELLED: Overrides = {"data.label_pattern": "{} has no label"}
# A network so small that decoding and augmenting take longer than learning.
SMALL_NETWORK: Overrides = {"model": {"architecture": "lenet", "image_size": 32}, "training.batch_size": 64}
SMOKE: Overrides = {"training.epochs": 2, "training.batch_size": 4, "training.workers": 1}


@dataclass(frozen=True)
class Case:
    about: str
    recipe: str  # of recipes/
    script: str  # the same in plain PyTorch
    data: str  # below the data folder
    examples: str  # in its place for a smoke run, below examples/data
    overrides: Overrides = field(default_factory=dict)
    data_overrides: Overrides = field(default_factory=dict)  # not for the examples

    def data_path(self) -> Path:
        return data_folder() / self.data

    def settings(self, *, smoke: bool, more: Overrides) -> dict[str, Any]:
        """The recipe as both sides get it."""
        recipe = tomllib.loads((ROOT / "recipes" / f"{self.recipe}.toml").read_text(encoding="utf-8"))
        source = EXAMPLES / self.examples if smoke else self.data_path()
        apply(recipe, {**UNDISTURBED, **self.overrides, **more, "data.inputs": [str(source)]})
        apply(recipe, SMOKE if smoke else self.data_overrides)
        return recipe


def apply(recipe: dict[str, Any], overrides: Overrides) -> None:
    for name, value in overrides.items():
        section, _, key = name.partition(".")
        if key:
            recipe.setdefault(section, {})[key] = value
        else:
            recipe[section] = value


def write_recipe(recipe: dict[str, Any], path: Path) -> None:
    """As TOML. Its texts, numbers, booleans and lists are written as those of JSON."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in recipe.items() if not isinstance(value, dict)]
    for section, values in recipe.items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sheet_of_digits() -> Overrides:
    labels = data_folder() / "mnist_sprites" / "mnist_10k_784d_labels.tsv"
    return {"data.tile_size": 28, "data.labels_file": str(labels), "data.label_pattern": ""}


CASES = {
    "lenet": Case(
        "LeNet-5 learns digits of 28 x 28", "lenet-digits", "lenet.py", "mnist_sprites/mnist_10k_sprite.png", "digits",
        {"training.epochs": 6}, sheet_of_digits(),
    ),
    "simclr": Case(
        "SimCLR, a ResNet of 32 x 32 pixels", "simclr", "simclr.py", "cifar10_train", "images",
        {**UNLABELLED, "training.epochs": 4, "schedule.warmup_epochs": 1},
    ),
    "masked_autoencoder": Case(
        "masked autoencoder, a ViT of 32 x 32 pixels", "masked-autoencoder", "masked_autoencoder.py", "cifar10_train",
        "images", {**UNLABELLED, "training.epochs": 4, "schedule.warmup_epochs": 1},
    ),
    "decoded": Case(
        "SimCLR, LeNet-5 of 32 x 32 pixels, JPEG files of 224 x 224 decoded in every epoch", "simclr", "simclr.py",
        "fashion_products/images", "images",
        {**SMALL_NETWORK, "training.epochs": 4, "schedule.warmup_epochs": 1, "data.cache_mb": 1},
    ),
    "kept": Case(
        "the same, decoded pictures kept in memory", "simclr", "simclr.py", "fashion_products/images", "images",
        {**SMALL_NETWORK, "training.epochs": 4, "schedule.warmup_epochs": 1},
    ),
}  # fmt: skip
