"""Record scikit-learn's linear reductions on small matrices, for tests/unit/analysis/linear_methods_test.cpp.

Run: python tools/goldens/reductions_record.py   (scikit-learn, numpy)

The matrices are float32; scikit-learn works on them widened to float64, as Asterism does for matrices of this size.
Places are compared up to the sign of each component, within 2e-6 of the largest magnitude: Asterism multiplies in
float32 (6e-8 relative a term, a few dozen terms). What stays in float64 is compared within 1e-9.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.random_projection import johnson_lindenstrauss_min_dim

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "reductions" / "linear.json"


def matrix(rows: int, dim: int, seed: int) -> Any:
    """Rows with correlated columns of different scale, away from the origin."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(dim, dim)) * np.linspace(2.0, 0.2, dim)
    return (random.normal(size=(rows, dim)) @ mixing + random.normal(size=dim) * 3.0).astype(np.float32)


def case(
    name: str, method: str, options: dict[str, Any], data: Any, places: Any, values: dict[str, Any]
) -> dict[str, Any]:
    """One fit as the test reads it."""
    return {
        "name": name,
        "method": method,
        "options": options,
        "rows": data.shape[0],
        "dim": data.shape[1],
        "data": [float(v) for v in data.ravel()],
        "places": [float(f"{v:.10g}") for v in places.ravel()],
        "values": {key: value.tolist() for key, value in values.items()},
    }


def pca(name: str, rows: int, dim: int, count: int, whiten: bool) -> dict[str, Any]:
    """Principal components of all rows."""
    data = matrix(rows, dim, rows + dim)
    fitted = PCA(n_components=count, svd_solver="full", whiten=whiten).fit(data.astype(np.float64))
    values = {
        "explained_variances": fitted.explained_variance_,
        "explained_variance_ratios": fitted.explained_variance_ratio_,
    }
    options = {"components": count, "whiten": whiten}
    return case(name, "pca", options, data, fitted.transform(data.astype(np.float64)), values)


def svd(name: str, rows: int, dim: int, count: int) -> dict[str, Any]:
    """Singular vectors about the origin."""
    data = matrix(rows, dim, rows + dim)
    fitted = TruncatedSVD(n_components=count, algorithm="arpack", random_state=0).fit(data.astype(np.float64))
    values = {
        "singular_values": fitted.singular_values_,
        "explained_variance_ratios": fitted.explained_variance_ratio_,
    }
    return case(name, "svd", {"components": count}, data, fitted.transform(data.astype(np.float64)), values)


def lda(name: str, rows: int, dim: int, classes: int, missing: int, constant: bool = False) -> dict[str, Any]:
    """Discriminants of classes of different sizes; the first rows have no label and are placed all the same."""
    data = matrix(rows, dim, rows + dim + classes)
    random = np.random.default_rng(classes)
    labels = np.minimum(random.integers(0, classes + 1, size=rows), classes - 1)
    data += (random.normal(size=(classes, dim)) * 1.5).astype(np.float32)[labels]
    if constant:
        data[:, dim // 2] = 1.5
    fitted = LinearDiscriminantAnalysis(solver="svd").fit(data[missing:].astype(np.float64), labels[missing:])
    places = fitted.transform(data.astype(np.float64))
    labels[:missing] = -1
    values = {"between_variance_ratios": fitted.explained_variance_ratio_}
    return case(name, "lda", {}, data, places, values) | {"labels": labels.tolist()}


def main() -> None:
    """Write the golden file."""
    counts = [
        [rows, eps, int(johnson_lindenstrauss_min_dim(rows, eps=eps))]
        for rows, eps in ((10, 0.5), (1000, 0.1), (1_000_000, 0.3))
    ]
    golden = {
        "recorded_with": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "script": "tools/goldens/reductions_record.py",
        "cases": [
            pca("tall", 40, 6, 3, False),
            pca("whitened", 40, 6, 3, True),
            pca("wide", 8, 20, 5, False),
            svd("tall", 40, 6, 3),
            svd("wide", 9, 20, 4),
            lda("three_classes", 60, 5, 3, 0),
            lda("labels_missing", 60, 5, 4, 10),
            lda("constant_column", 50, 6, 3, 5, constant=True),
        ],
        "johnson_lindenstrauss": counts,
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
