"""How far a contender's vectors are from the original's, on every element.

The judge is the original itself in float64. Its own float32 run gives the noise; a float32 contender should stay
within max(20 x noise, 1e-5 x largest magnitude) of the original's float32. Cosine alone proves little.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contenders import Contender


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


def vectors_of(contender: Contender, load: str, chunk: Path, scratch: Path) -> Any:
    import numpy as np

    contender.ask(f"{load} {chunk}")
    contender.ask("encode")
    rows, dim, dtype = contender.ask(f"save {scratch}").split()
    values = np.fromfile(scratch, dtype=dtype).reshape(int(rows), int(dim))
    scratch.unlink()
    return values.astype(np.float64)


def compare_vectors(vectors: dict[str, Any], original: Any, judge: Any) -> dict[str, Fidelity]:
    """`vectors` by contender; `original` in float32 and `judge` in float64 are the original library's."""
    import numpy as np

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
