"""Spearman correlation on the development set of the STS benchmark, which ships with the data folder only."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from contenders import Arena, Contender
from corpus import one_line
from distilled import distilled_model
from environment import data_folder
from fidelity import vectors_of
from options import BenchmarkSkipped, Options
from report import table, write_result


def read_pairs(path: Path) -> tuple[list[str], list[str], list[float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) >= 3]
    return [one_line(row[0]) for row in rows], [one_line(row[1]) for row in rows], [float(row[2]) for row in rows]


def spearman(contender: Contender, files: tuple[Path, Path], scores: list[float], work: Path) -> float:
    import numpy as np
    from scipy.stats import spearmanr

    a, b = (vectors_of(contender, path, work / "vectors.raw") for path in files)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
    return float(spearmanr(cosine, scores).statistic)


def start(arena: Arena, options: Options, checkpoint: Path | None) -> None:
    threads = str(options.threads)
    if checkpoint is None:
        arena.skipped.append("model2vec: no distillation here (--static-model FOLDER)")
    else:
        arena.add_peer("model2vec", checkpoint)
    if options.worker is None:
        arena.skipped.append("asterism: asterism_peer_encoder_worker is not built")
    else:
        arena.add("asterism built-in", [str(options.worker), "builtin", "f32", threads])
        arena.add_asterism("f32")
    if not options.smoke:
        arena.add_peer("sentence-transformers f32")


def run(options: Options) -> None:
    path = data_folder() / "stsb" / "stsb-en-dev.csv"
    if not path.exists():
        raise BenchmarkSkipped(f"{path} is not there (ASTERISM_DATA names the data folder)")
    if not options.peers_available():
        raise BenchmarkSkipped("scipy and numpy come with the peers' environment (make -C bench/peers/text env)")
    left, right, scores = read_pairs(path)
    if options.smoke:
        left, right, scores = left[:64], right[:64], scores[:64]
    print(f"quality: STS-B dev, {len(scores)} pairs")
    work = options.cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    files = (work / "left.txt", work / "right.txt")
    for file, lines in zip(files, (left, right), strict=True):
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows: dict[str, dict[str, Any]] = {}
    with options.arena() as arena:
        start(arena, options, options.static_model or distilled_model(options))
        for contender in arena.contenders:
            if options.wants(contender.name):
                rows[contender.name] = {"spearman": spearman(contender, files, scores, work)}
        for reason in arena.skipped:
            print(f"skipped: {reason}")
        skipped = arena.skipped
    print(table(["model", "Spearman"], [[name, f"{row['spearman']:.4f}"] for name, row in rows.items()]))
    print(f"written: {write_result('quality', {'contenders': rows, 'skipped': skipped}, smoke=options.smoke)}")
