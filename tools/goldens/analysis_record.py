"""Record scikit-learn's PCA on small matrices, for tests/unit/analysis.

Run: python tools/goldens/analysis_record.py   (scikit-learn, numpy)

The matrices are float32; scikit-learn works on them widened to float64, as Asterism does. Tolerance of the tests: 1e-6
of the largest magnitude for scores, which Asterism rounds to float32 (6e-8 relative) after sums over a few dozen terms,
and 1e-9 for what stays in float64. Components and scores are compared up to sign.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.decomposition import PCA

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "analysis" / "pca.json"


def record(name: str, rows: int, dim: int, components: int, seed: int) -> dict[str, Any]:
    """One matrix with correlated columns of different scale, and what scikit-learn makes of it."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(dim, dim)) * np.linspace(3.0, 0.2, dim)
    data = (random.normal(size=(rows, dim)) @ mixing + random.normal(size=dim) * 5.0).astype(np.float32)
    pca = PCA(n_components=components, svd_solver="full").fit(data.astype(np.float64))
    return {
        "name": name,
        "rows": rows,
        "dim": dim,
        "components": components,
        "data": [float(v) for v in data.ravel()],
        "mean": pca.mean_.tolist(),
        "principal": pca.components_.ravel().tolist(),
        "variances": pca.explained_variance_.tolist(),
        "ratios": pca.explained_variance_ratio_.tolist(),
        "scores": pca.transform(data.astype(np.float64)).ravel().tolist(),
    }


def main() -> None:
    """Write the golden file."""
    golden = {
        "recorded_with": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "script": "tools/goldens/analysis_record.py",
        "cases": [
            record("tall", 60, 7, 4, 1),
            record("all_components", 30, 5, 5, 2),
            record("wide", 6, 12, 5, 3),
            record("one_component", 20, 3, 1, 4),
        ],
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
