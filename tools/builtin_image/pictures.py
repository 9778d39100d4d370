#!/usr/bin/env python3
"""The pictures that the built-in image model learns from, as a table: tools/builtin_image/pictures.py DATA -o TABLE.csv

DATA holds the folders clothing_small, fashion_products, artworks_pd and cifar10_train. Columns: image (an absolute path),
label ("clothing/dress"), set. Of cifar10_train every third picture is taken: it is small and would outweigh the others.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path

CIFAR_STEP = 3


def folders_by_class(root: Path) -> Iterator[tuple[Path, str]]:
    for picture in sorted(root.glob("*/*")):
        if picture.suffix.lower() in {".jpg", ".png"}:
            yield picture, picture.parent.name


def fashion(root: Path) -> Iterator[tuple[Path, str]]:
    with (root / "styles_with_titles.csv").open(encoding="utf-8", errors="replace", newline="") as lines:
        article_of = {row["id"]: row["articleType"] for row in csv.DictReader(lines)}
    for picture in sorted((root / "images").glob("*.jpg")):
        yield picture, article_of.get(picture.stem, "")


def artworks(root: Path) -> Iterator[tuple[Path, str]]:
    for picture in sorted((root / "images").glob("*.jpg")):
        yield picture, re.sub(r"_\d+$", "", picture.stem)


def pictures(data: Path) -> Iterator[tuple[str, Path, str]]:
    for picture, label in folders_by_class(data / "clothing_small"):
        yield "clothing", picture, label
    for picture, label in fashion(data / "fashion_products"):
        yield "fashion", picture, label
    for picture, label in artworks(data / "artworks_pd"):
        yield "artworks", picture, label
    for picture, label in list(folders_by_class(data / "cifar10_train"))[::CIFAR_STEP]:
        yield "cifar10", picture, label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    with options.output.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["image", "label", "set"])
        for name, picture, label in pictures(options.data):
            table.writerow([picture.resolve(), f"{name}/{label}" if label else "", name])


if __name__ == "__main__":
    main()
