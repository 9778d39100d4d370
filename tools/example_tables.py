"""Draws the example table examples/data/plants.csv from a seed.

usage: tools/example_tables.py OUT.csv

Six kinds of plants with sizes, a price and words that go with the kind; a few cells are empty, a few suppliers rare.
"""

from __future__ import annotations

import csv
import random
import sys
from dataclasses import dataclass
from pathlib import Path

SEED = 7
ROW_COUNT = 240
SUPPLIERS = ("North Nursery", "Lakeside", "Old Mill", "Green & Sons", "Hill Farm")
RARE_SUPPLIERS = ("A. Baker", "Moor Gate", "Swan Yard")
HEADER = ("name", "kind", "height_cm", "leaf_length_cm", "price", "colour", "light", "soil", "supplier", "note")


@dataclass(frozen=True)
class Kind:
    height: tuple[float, float]  # mean, standard deviation
    leaf: tuple[float, float]
    price: tuple[float, float]
    colours: tuple[str, ...]
    light: tuple[str, ...]
    soil: tuple[str, ...]
    notes: tuple[str, ...]


KINDS = {
    "cactus": Kind(
        (18, 6),
        (0.5, 0.2),
        (6, 2),
        ("green", "grey green"),
        ("sun",),
        ("sand", "gravel"),
        ("needs hardly any water", "has sharp spines"),
    ),
    "fern": Kind(
        (45, 10),
        (30, 8),
        (9, 2),
        ("green",),
        ("shade", "half shade"),
        ("moist", "peaty"),
        ("fronds unroll in spring", "likes a damp corner"),
    ),
    "hosta": Kind(
        (50, 12),
        (22, 5),
        (11, 3),
        ("green", "blue green"),
        ("shade", "half shade"),
        ("moist", "loam"),
        ("slugs love its leaves", "broad leaves for a dark bed"),
    ),
    "lavender": Kind(
        (55, 10),
        (4, 0.8),
        (5, 1),
        ("violet", "white"),
        ("sun",),
        ("sand", "gravel", "loam"),
        ("bees come to its flowers", "cut it back after flowering"),
    ),
    "orchid": Kind(
        (40, 10),
        (18, 4),
        (24, 6),
        ("white", "pink", "violet"),
        ("half shade",),
        ("bark",),
        ("grows on bark in a warm room", "flowers for months"),
    ),
    "rose": Kind(
        (90, 20),
        (6, 1.5),
        (14, 4),
        ("red", "white", "yellow", "pink"),
        ("sun",),
        ("loam", "clay"),
        ("scented blooms, mind the thorns", "prune it hard in March"),
    ),
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    draw = random.Random(SEED)

    def number(of: tuple[float, float], digits: int) -> str:
        return f"{max(0.2, draw.gauss(*of)):.{digits}f}"

    with Path(arguments[0]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in range(1, ROW_COUNT + 1):
            name = draw.choice(sorted(KINDS))
            kind = KINDS[name]
            price = "" if draw.random() < 0.08 else number(kind.price, 2)
            soil = "" if draw.random() < 0.03 else draw.choice(kind.soil)
            supplier = draw.choice(RARE_SUPPLIERS if draw.random() < 0.02 else SUPPLIERS)
            writer.writerow(
                (f"{name} {row}", name, number(kind.height, 0), number(kind.leaf, 1), price,
                 draw.choice(kind.colours), draw.choice(kind.light), soil, supplier, draw.choice(kind.notes))
            )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
