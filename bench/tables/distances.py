"""Neighbours by distances between rows of a table: what each way of turning columns into numbers is worth.

usage: bench/tables/distances.py TABLE.csv --label COLUMN [--numeric A,B] [--categorical C,D]
           [--vectors NAME=FILE.npy ...] [--beside NAME=FILE.npy ...]

Splits as `asterism train` does (10 % test, 10 % validation, by what a row says), takes the 20 nearest training rows of
each test row, by Euclidean distance and by cosine, and prints the share of test rows whose label these rows tell, that
the single nearest tells, and how many test rows have the commonest neighbour among their 20. --vectors compares what
`asterism embed TABLE.csv` wrote, --beside the same put before the columns (each column alike) as they are. Needs
numpy.
"""

from __future__ import annotations

import argparse
import collections
import csv
import hashlib
from pathlib import Path

import numpy as np

NEIGHBOUR_COUNT = 20
RARE_COUNT_MIN = 5
BLOCK = 500


def split_position(row: dict[str, str], columns: list[str]) -> float:
    key = "0:" + "".join("\x1f" + row[column] for column in columns)
    return int(hashlib.sha256(key.encode()).hexdigest()[:13], 16) / 2**52


def numeric_part(rows: list[dict[str, str]], column: str, train: np.ndarray) -> np.ndarray:
    values = np.array([float(row[column]) if row[column].strip() else np.nan for row in rows])
    values = (values - np.nanmean(values[train])) / np.nanstd(values[train])
    return np.nan_to_num(values)[:, None]


def one_hot_part(rows: list[dict[str, str]], column: str, train: np.ndarray, scale: str) -> np.ndarray:
    counts = collections.Counter(row[column] for row, learnt in zip(rows, train, strict=True) if learnt)
    kept = sorted((v for v, n in counts.items() if n >= RARE_COUNT_MIN or v == ""), key=lambda v: (-counts[v], v))
    number = {value: i + 1 for i, value in enumerate(kept)}
    ids = np.array([number.get(row[column], 0) for row in rows])
    out = np.zeros((len(rows), len(kept) + 1))
    out[np.arange(len(rows)), ids] = 1.0
    share = out[train].mean(axis=0)
    if scale == "each value standardised":
        deviation = np.sqrt(share * (1.0 - share))
        return out * np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    if scale == "each column alike":
        return out / np.sqrt(max(0.1, 1.0 - float((share**2).sum())))
    return out


def figures(
    vectors: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, by_cosine: bool
) -> list[float]:
    vectors = vectors.astype(np.float64)
    made = np.isfinite(vectors).all(axis=1)  # a row that could not be embedded is NaN
    train, test = train & made, test & made
    if by_cosine:
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    bank, asked = vectors[train], vectors[test]
    bank_labels, asked_labels = labels[train], labels[test]
    squares = (bank**2).sum(axis=1)
    told = nearest_told = 0
    used = np.zeros(len(bank), dtype=int)
    for begin in range(0, len(asked), BLOCK):
        block = asked[begin : begin + BLOCK]
        near = np.argsort(squares[None] - 2.0 * block @ bank.T, axis=1, kind="stable")[:, :NEIGHBOUR_COUNT]
        for row, neighbours in enumerate(near):
            votes = np.bincount(bank_labels[neighbours])
            told += votes.argmax() == asked_labels[begin + row]
            nearest_told += bank_labels[neighbours[0]] == asked_labels[begin + row]
            used[neighbours] += 1
    return [100.0 * told / len(asked), 100.0 * nearest_told / len(asked), float(used.max())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--label", required=True)
    parser.add_argument("--numeric", default="")
    parser.add_argument("--categorical", default="")
    parser.add_argument("--vectors", action="append", default=[])
    parser.add_argument("--beside", action="append", default=[])
    arguments = parser.parse_args()
    numeric = [name for name in arguments.numeric.split(",") if name]
    categorical = [name for name in arguments.categorical.split(",") if name]
    with arguments.table.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = [dict(zip(header, cells, strict=True)) for cells in reader if len(cells) == len(header)]
    positions = np.array([split_position(row, numeric + categorical) for row in rows])
    test, train = positions < 0.1, positions >= 0.2
    names = {label: i for i, label in enumerate(sorted({row[arguments.label] for row in rows}))}
    labels = np.array([names[row[arguments.label]] for row in rows])
    different = {tuple(row[column] for column in numeric + categorical) for row in rows}
    print(f"{len(rows)} rows, {len(different)} different by these columns")
    print(f"{train.sum()} rows to compare with, {test.sum()} that ask, {len(names)} labels")
    print(f"{'':36}{'numbers':>9}{'20 nearest':>12}{'nearest':>10}{'commonest':>11}")
    ways = {}
    numbers = [numeric_part(rows, column, train) for column in numeric]
    for scale in ("one-hot", "each value standardised", "each column alike"):
        ways[scale] = np.hstack(numbers + [one_hot_part(rows, column, train, scale) for column in categorical])
    for given in arguments.vectors + arguments.beside:
        name, _, path = given.partition("=")
        vectors = np.load(path)
        if len(vectors) != len(rows):
            raise SystemExit(f"{path}: expected {len(rows)} rows, found {len(vectors)}")
        ways[name] = np.hstack([vectors, ways["each column alike"]]) if given in arguments.beside else vectors
    for name, vectors in ways.items():
        for word, by_cosine in (("Euclidean", False), ("cosine", True)):
            told, nearest, commonest = figures(vectors, labels, train, test, by_cosine)
            print(f"{name + ', ' + word:36}{vectors.shape[1]:9}{told:10.1f} %{nearest:8.1f} %{commonest:11.0f}")


if __name__ == "__main__":
    main()
