"""What a map does when rows are added: reduce a collection, add a fifth, reduce with --warm-start; beside a fresh map.

Run: python3 bench/maps/grown.py PROGRAM TEXTS [--column text] [--rows 4000] [--check]
TEXTS is what `asterism add` takes (.csv, .jsonl); rows are taken in an order drawn by a seed. For each method: how far
the rows that were there moved, in parts of the map's larger side (median, 95 of 100), and trustworthiness at 15 of the
grown and of the fresh map. --check ends with status 1 where a median is above 5 % or trustworthiness is more than 0.01
below that of the fresh map.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

METHODS = ("umap", "tsne", "pacmap")
NEW_SHARE = 0.2
MOVE_MAX = 0.05
TRUST_LOSS_MAX = 0.01
Places = dict[str, tuple[float, float]]


def read_texts(path: Path, column: str) -> list[str]:
    """The column of a .csv or .jsonl file, each text once."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
        return list(dict.fromkeys(str(row[column]) for row in rows))


class Collection:
    """A collection in a folder of its own, asked through the program."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            [self.program, *arguments], cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def add(self, texts: list[str], first: int) -> None:
        lines = (json.dumps({"id": f"t{first + n}", "text": text}) for n, text in enumerate(texts))
        (self.folder / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.run("add", "c", "items.jsonl", "--quiet")

    def reduce(self, method: str, name: str, *arguments: str) -> Places:
        self.run("reduce", "c", "--method", method, "--name", name, "-o", "map.csv", "--quiet", *arguments)
        with (self.folder / "map.csv").open(encoding="utf-8", newline="") as file:
            return {row["id"]: (float(row["x"]), float(row["y"])) for row in csv.DictReader(file)}

    def trustworthiness(self, places: Places) -> float:
        lines = (json.dumps({"id": each, "vector": place}) for each, place in places.items())
        (self.folder / "map.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        arguments = ("--sample", "1000", "--no-baselines", "--replicates", "100", "--json", "--quiet")
        report = json.loads(self.run("evaluate", "neighbors", "c", "map.jsonl", *arguments))
        return float(report["tasks"][0]["systems"][0]["measures"]["trustworthiness"]["value"])


def moves(before: Places, after: Places) -> list[float]:
    """How far each row of `before` moved over the larger side of its map, smallest first."""
    side = max(max(p[c] for p in before.values()) - min(p[c] for p in before.values()) for c in (0, 1))
    return sorted(math.dist(place, after[each]) / side for each, place in before.items())


def main() -> int:
    """Print a line a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--column", default="text")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    texts = read_texts(asked.texts, asked.column)
    random.Random(1).shuffle(texts)
    texts = texts[: asked.rows]
    known = round(len(texts) * (1.0 - NEW_SHARE))
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        collection = Collection(str(Path(asked.program).resolve()), Path(scratch))
        collection.add(texts[:known], 0)
        before = {method: collection.reduce(method, method) for method in asked.methods}
        collection.add(texts[known:], known)
        print(f"{len(texts)} rows, {len(texts) - known} of them new")
        for method in asked.methods:
            grown = collection.reduce(method, method, "--warm-start")
            moved = moves(before[method], grown)
            trust = collection.trustworthiness(grown)
            fresh = collection.trustworthiness(collection.reduce(method, f"{method}-fresh"))
            median = moved[len(moved) // 2]
            print(
                f"{method:7} moved {100 * median:.2f} % (95 of 100: {100 * moved[len(moved) * 95 // 100]:.2f} %), "
                f"trustworthiness {trust:.4f}, fresh {fresh:.4f}"
            )
            failed |= median > MOVE_MAX or trust < fresh - TRUST_LOSS_MAX
    return 1 if asked.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
