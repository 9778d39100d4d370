"""How far each contender's vectors are from the original's, on every element.

The judge is the original itself in float64. Its own float32 run gives the noise; a float32 contender should stay
within max(20 x noise, 1e-5 x largest magnitude) of the original's float32. Cosine alone proves little.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contenders import Arena, Contender
from corpus import Corpus

ORIGINAL = "sentence-transformers f32"
JUDGE = "sentence-transformers f64"


@dataclass
class Fidelity:
    difference_f64: float
    difference_f32: float
    cosine_min: float
    noise: float
    magnitude_max: float

    @property
    def tolerance(self) -> float:
        return max(20 * self.noise, 1e-5 * self.magnitude_max)

    def cells(self) -> list[str]:
        return [f"{self.difference_f64:.1e}", f"{self.difference_f32:.1e}", f"{self.cosine_min:.7f}"]

    def tolerance_line(self) -> str:
        return (
            f"float32 noise of the original {self.noise:.1e}, largest magnitude {self.magnitude_max:.2f}: "
            f"tolerance to its float32 {self.tolerance:.1e}"
        )

    def as_dict(self) -> dict[str, float]:
        return {
            "max_difference_to_f64": self.difference_f64,
            "max_difference_to_f32": self.difference_f32,
            "cosine_min": self.cosine_min,
            "noise": self.noise,
            "magnitude_max": self.magnitude_max,
            "tolerance_f32": self.tolerance,
        }


def vectors_of(contender: Contender, texts: Path, scratch: Path) -> Any:
    import numpy as np

    contender.ask(f"texts {texts}")
    contender.ask("encode")
    rows, dim, dtype = contender.ask(f"save {scratch}").split()
    values = np.fromfile(scratch, dtype=dtype).reshape(int(rows), int(dim))
    scratch.unlink()
    return values.astype(np.float64)


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
    import numpy as np

    texts = cache / "work" / "fidelity.txt"
    texts.write_text("\n".join(corpus.texts[:count]) + "\n", encoding="utf-8")
    vectors = {c.name: vectors_of(c, texts, cache / "work" / "vectors.raw") for c in arena.contenders}
    judge = judge_vectors(arena, texts, cache)
    original = vectors.get(ORIGINAL)
    if judge is None or original is None:
        return {}
    noise, largest = float(np.abs(original - judge).max()), float(np.abs(judge).max())
    result = {}
    for name, values in vectors.items():
        lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(judge, axis=1)
        result[name] = Fidelity(
            difference_f64=float(np.abs(values - judge).max()),
            difference_f32=float(np.abs(values - original).max()),
            cosine_min=float(((values * judge).sum(axis=1) / lengths).min()),
            noise=noise,
            magnitude_max=largest,
        )
    return result
