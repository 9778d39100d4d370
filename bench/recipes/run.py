#!/usr/bin/env python3
"""Trains the recipes on one set of pictures and prints the table of recipes/README.md: bench/recipes/run.py BUILD PICTURES -o OUT

PICTURES is a folder with a folder for each class (the table's is CIFAR-10's first 6,250 training pictures). Runs go to
OUT/RECIPE; what is finished there is not run again, and what was stopped goes on. `--only NAME...` takes some of them,
`--scale 0.1` a tenth of the epochs, `--set KEY=VALUE` is passed on. The figures are those of the test split in RUN/run.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Epochs of each run: enough to tell the recipes apart in minutes on a CPU with two cores, not the best they can do.
EPOCHS = {
    "supervised-resnet": 12,
    "supervised-vit": 30,
    "supervised-contrastive": 10,
    "triplet": 10,
    "simclr": 30,
    "vicreg": 15,
    "masked-autoencoder": 120,
    "data2vec": 40,
    "autoencoder-convolutional": 10,
    "autoencoder-denoising": 10,
    "autoencoder-variational": 10,
    "autoencoder-sparse": 10,
    "autoencoder-dense": 10,
    "distillation": 10,
}
# What a recipe needs to fit pictures of 32 pixels, or so few epochs.
SETTINGS = {
    "distillation": ["model.image_size=32", 'model.stem="small"', "objective.teacher_view_count=2"],
}


def train(options: argparse.Namespace, name: str) -> dict[str, object]:
    epochs = max(1, round(EPOCHS[name] * options.scale))
    settings = [
        f"training.epochs={epochs}",
        f"training.evaluation_epochs={epochs}",
        *SETTINGS.get(name, []),
        *options.set,
    ]
    command = [options.build / "bin/asterism", "train", ROOT / "recipes" / f"{name}.toml", "-o", options.output / name]
    command += ["--input", options.pictures, "--quiet", *(word for text in settings for word in ("--set", text))]
    subprocess.run([str(word) for word in command], check=True)
    run = json.loads((options.output / name / "run.json").read_text(encoding="utf-8"))
    assert isinstance(run, dict)
    return {"recipe": name, "epochs": epochs, **run}


def figures(of: object) -> str:
    if not isinstance(of, dict):
        return ""
    return " / ".join(
        "-" if of.get(key) is None else f"{100 * of[key]:.1f}" for key in ("neighbour_accuracy", "probe_accuracy")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    print(
        "| recipe | epochs | neighbours / probe | its untrained encoder | raw pixels |\n|---|---|---|---|---|",
        flush=True,
    )
    for name in options.only:
        run = train(options, name)
        result = run["result"]
        assert isinstance(result, dict)
        evaluations = [figures(result.get(key)) for key in ("trained", "untrained", "raw")]
        print(f"| `{name}` | {run['epochs']} | {' | '.join(evaluations)} |", flush=True)


if __name__ == "__main__":
    main()
