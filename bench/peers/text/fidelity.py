"""The vectors of sentence-transformers in float32 and float64, and each contender's beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from contenders import Arena, Contender
from corpus import Corpus
from distance import Fidelity, compare_vectors
from distance import vectors_of as loaded_vectors_of

ORIGINAL = "sentence-transformers f32"
JUDGE = "sentence-transformers f64"


def vectors_of(contender: Contender, texts: Path, scratch: Path) -> Any:
    return loaded_vectors_of(contender, "texts", texts, scratch)


def judge_vectors(arena: Arena, texts: Path, cache: Path) -> Any | None:
    """The original in float64, kept in the cache: it is slow and never changes."""
    import numpy as np

    from export import digest

    key = hashlib.sha256(texts.read_bytes()).hexdigest()[:16]
    path = cache / f"judge-{digest(arena.model)}-{key}.npy"
    if not path.exists():
        judge = arena.add_peer(JUDGE)
        if judge is None:
            return None
        np.save(path, vectors_of(judge, texts, cache / "work" / "vectors.raw"))
        judge.close()
        arena.contenders.remove(judge)
    return np.load(path)


def measure_fidelity(arena: Arena, corpus: Corpus, count: int, cache: Path) -> dict[str, Fidelity]:
    """By contender; empty where the original cannot run."""
    if not arena.peers_available:
        return {}
    texts = cache / "work" / "fidelity.txt"
    texts.write_text("\n".join(corpus.texts[:count]) + "\n", encoding="utf-8")
    vectors = {c.name: vectors_of(c, texts, cache / "work" / "vectors.raw") for c in arena.contenders}
    judge = judge_vectors(arena, texts, cache)
    original = vectors.get(ORIGINAL)
    if judge is None or original is None:
        return {}
    return compare_vectors(vectors, original, judge)
