"""Record what gensim makes of word vectors: files, analogies, similarities, and the catalogue's reference vectors.

Run: python tools/goldens/word_vectors_record.py            (goldens of tests/unit/weights and tests/golden/analysis)
     python tools/goldens/word_vectors_record.py FOLDER     (prints `verify` of a folder of *_emb.npy, *_index.parquet)

A small random vocabulary, so that every method has near ties to get right. Analogies by 3CosAdd and 3CosMul are
gensim's, PairDirection is computed in float64 by the formula of Levy and Goldberg 2014 (gensim has none). Texts are
given to gensim as the words that this program finds in them.
"""

from __future__ import annotations

import json
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gensim.models import KeyedVectors

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "tests" / "unit" / "weights" / "golden"
ANALYSIS = ROOT / "tests" / "golden" / "analysis"
CORPUS = ROOT / "fuzz" / "corpus"
WORD_COUNT = 48
DIM = 7
QUESTION_COUNT = 12
LINE_LENGTH = 118
TEXTS = {
    "king and queen": ["king", "and", "queen"],
    "The quick brown fox jumps over the lazy dog": "the quick brown fox jumps over the lazy dog".split(),
    "Ice cream, please!": ["ice", "cream", ",", "please", "!"],
}


def small_model() -> KeyedVectors:
    random = np.random.default_rng(8)
    # Three decimals: the text file then holds the same float32 as memory.
    values = (random.standard_normal((WORD_COUNT, DIM)).round(3)).astype(np.float32)
    model = KeyedVectors(DIM)
    model.add_vectors([f"w{i}" for i in range(WORD_COUNT)], values)
    return model


def pair_direction(model: KeyedVectors, a: str, b: str, c: str) -> list[tuple[str, float]]:
    """Words x by the cosine of x - c and b - a, all vectors at length 1."""
    unit = model.vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    row = {word: unit[i] for i, word in enumerate(model.index_to_key)}
    direction = row[b] - row[a]
    moved = unit - row[c]
    lengths = np.linalg.norm(moved, axis=1) * np.linalg.norm(direction)
    scores = np.divide(moved @ direction, lengths, out=np.zeros(len(unit)), where=lengths > 0)
    order = np.argsort(-scores, kind="stable")
    return [(model.index_to_key[i], float(scores[i])) for i in order if model.index_to_key[i] not in (a, b, c)]


def record_analogies(model: KeyedVectors) -> None:
    random = np.random.default_rng(21)
    cases: list[dict[str, Any]] = []
    for _ in range(QUESTION_COUNT):
        a, b, c = (f"w{i}" for i in random.choice(WORD_COUNT, 3, replace=False))
        cases.append(
            {
                "a": a,
                "b": b,
                "c": c,
                "3cosadd": model.most_similar(positive=[b, c], negative=[a], topn=10),
                "3cosmul": model.most_similar_cosmul(positive=[b, c], negative=[a], topn=10),
                "pair-direction": pair_direction(model, a, b, c)[:10],
            }
        )
    weighted = model.most_similar(positive=[("w1", 0.5), ("w2", 2.0)], negative=[("w3", -0.25)], topn=10)
    # Questions whose answers 3CosAdd gets right about half the time: its own first answer, or the second.
    questions: dict[str, list[list[str]]] = {"first": [], "second": []}
    for i in range(40):
        a, b, c = (f"w{j}" for j in random.choice(WORD_COUNT, 3, replace=False))
        best = model.most_similar(positive=[b, c], negative=[a], topn=2)
        questions["first" if i < 20 else "second"].append([a, b, c, best[i % 3 == 0][0]])
    questions["first"].append(["w0", "w1", "w2", "unknown"])
    text = "".join(
        f": {name}\n" + "".join(" ".join(question) + "\n" for question in lines) for name, lines in questions.items()
    )
    path = ANALYSIS / "analogy_questions.txt"
    path.write_text(text, encoding="utf-8")
    score, sections = model.evaluate_word_analogies(str(path), restrict_vocab=40, case_insensitive=True)
    evaluation = {
        "restrict_vocab": 40,
        "accuracy": score,
        "sections": [
            {"name": s["section"], "correct": len(s["correct"]), "incorrect": len(s["incorrect"])} for s in sections
        ],
    }
    words = random.integers(0, 46, (2, 30))
    scores = random.random(30)
    pairs = [[f"w{i}", f"w{j}", float(s)] for i, j, s in zip(*words, scores, strict=True)]
    pairs.append(["w0", "unknown", 1.0])
    pairs_path = ANALYSIS / "word_pairs.tsv"
    pairs_path.write_text("".join(f"{a}\t{b}\t{s}\n" for a, b, s in pairs), encoding="utf-8")
    pearson, spearman, unknown = model.evaluate_word_pairs(str(pairs_path))
    golden = {
        "versions": {name: version(name) for name in ("gensim", "numpy")},
        "cases": cases,
        "weighted": weighted,
        "evaluation": evaluation,
        "pairs": {"pearson": float(pearson[0]), "spearman": float(spearman[0]), "unknown_percent": float(unknown)},
    }
    (ANALYSIS / "analogies.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


def record_parquet() -> None:
    words = [f"w{i}" for i in range(300)] + ["a b", "é", "東京", ""]
    repeated = ["yes" if i % 3 else "no" for i in range(1000)]
    snappy: dict[str, Any] = {"compression": "snappy"}
    files: dict[str, tuple[list[str], dict[str, Any]]] = {
        "words_snappy": (words, snappy),
        "words_plain": (words, {"compression": "none", "use_dictionary": False}),
        "words_groups": (words, snappy | {"row_group_size": 100}),
        "words_repeated": (repeated, snappy),
        # A dictionary that grows past its limit: the rest is plain, as in the wheels.
        "words_mixed": (words, snappy | {"dictionary_pagesize_limit": 512, "write_batch_size": 64}),
    }
    for name, (column, options) in files.items():
        pq.write_table(pa.table({"index": column}), WEIGHTS / f"{name}.parquet", **options)
    (WEIGHTS / "words_parquet.json").write_text(
        json.dumps({name: column for name, (column, _) in files.items()}, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    pq.write_table(pa.table({"index": words}), WEIGHTS / "words_gzip.parquet", compression="gzip")
    pq.write_table(pa.table({"index": [*words, None]}), WEIGHTS / "words_null.parquet")
    pq.write_table(pa.table({"index": words}), WEIGHTS / "words_page_v2.parquet", data_page_version="2.0")
    pq.write_table(pa.table({"index": words, "n": list(range(len(words)))}), WEIGHTS / "words_columns.parquet")
    folder = CORPUS / "parquet_strings"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("words_snappy", "words_plain", "words_mixed", "words_repeated", "words_null"):
        (folder / name).write_bytes((WEIGHTS / f"{name}.parquet").read_bytes())


def record_files(model: KeyedVectors) -> None:
    folder = CORPUS / "word_vectors"
    folder.mkdir(parents=True, exist_ok=True)
    for name, options in {
        "word2vec.txt": {"binary": False},
        "word2vec.bin": {"binary": True},
        "glove.txt": {"binary": False, "write_header": False},
    }.items():
        model.save_word2vec_format(str(WEIGHTS / name), **options)
        first = {"text": b"t", "bin": b"b"}["bin" if name.endswith("bin") else "text"]
        (folder / name.replace(".", "_")).write_bytes(first + (WEIGHTS / name).read_bytes()[:600])
    (WEIGHTS / "word_vectors.json").write_text(
        json.dumps({"words": model.index_to_key, "values": model.vectors.astype(float).round(3).tolist()}) + "\n",
        encoding="utf-8",
    )


def print_verify(folder: Path) -> None:
    words = pq.read_table(next(folder.glob("*_index.parquet")))["index"].to_pylist()
    model = KeyedVectors(50)
    model.add_vectors(words, np.ascontiguousarray(np.load(next(folder.glob("*_emb.npy")))))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("gensim", "numpy"))
    print("[model.verify]")
    print(f'recorded_with = "{libraries}; get_mean_vector(pre_normalize=False), float32"')
    for text, keys in TEXTS.items():
        f32 = model.get_mean_vector(keys, pre_normalize=False, ignore_missing=False)
        f64 = np.mean([model[key].astype(np.float64) for key in keys], axis=0)
        print("\n[[model.verify.case]]")
        print(f'text = "{text}"')
        print(f"noise = {float(np.max(np.abs(f32.astype(np.float64) - f64))):.3g}")
        print("values = [")
        numbers = ", ".join(f"{value:.9g}" for value in f32)
        print(textwrap.fill(numbers, LINE_LENGTH, initial_indent="  ", subsequent_indent="  "))
        print("]")


def main() -> None:
    if len(sys.argv) > 1:
        print_verify(Path(sys.argv[1]))
        return
    ANALYSIS.mkdir(parents=True, exist_ok=True)
    model = small_model()
    record_files(model)
    record_parquet()
    record_analogies(model)


if __name__ == "__main__":
    main()
