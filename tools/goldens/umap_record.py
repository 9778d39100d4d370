"""Record umap-learn's steps on small data, for tests/unit/analysis.

Run: python tools/goldens/umap_record.py   (umap-learn, scikit-learn, scipy, numpy)

Recorded is all that comes before the layout, which umap-learn's threads do not repeat: rho and sigma of smooth_knn_dist,
the fuzzy graph (plain, mixed, with labels), the parameters of the curve, and the smallest eigenvectors of the
normalised Laplacian by a dense solver. Tolerance of the tests: 1e-5 from the recorded distances,
since umap-learn's bisection for sigma works in float32 and ends as soon as its sum is within 1e-5. From the rows 5e-5:
a last bit of a distance may decide one step of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import umap
from sklearn.metrics import pairwise_distances
from umap.umap_ import (
    discrete_metric_simplicial_set_intersection,
    find_ab_params,
    fuzzy_simplicial_set,
    smooth_knn_dist,
)

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "umap" / "umap.json"

Floats = npt.NDArray[np.float32]


def rounded(values: Any) -> list[float]:
    """Nine digits give a float32 back."""
    return [float(f"{v:.9g}") for v in np.asarray(values).ravel()]


def nearest(data: Floats, count: int, metric: str) -> tuple[npt.NDArray[np.int64], Floats]:
    """Each row with itself first, as umap-learn has it for small data."""
    distances = pairwise_distances(data.astype(np.float64), metric=metric)
    np.fill_diagonal(distances, -1.0)
    indices = np.argsort(distances, axis=1, kind="stable")[:, :count]
    found = np.take_along_axis(distances, indices, axis=1)
    found[:, 0] = 0.0
    return indices, found.astype(np.float32)


def edges(graph: scipy.sparse.spmatrix) -> dict[str, Any]:
    """Rows, columns and weights in order."""
    coo = graph.tocsr().sorted_indices().tocoo()
    return {"rows": coo.row.tolist(), "columns": coo.col.tolist(), "weights": rounded(coo.data)}


def smallest_vectors(graph: scipy.sparse.spmatrix, count: int) -> dict[str, Any]:
    """Of I - D^-1/2 W D^-1/2, without the first."""
    dense = graph.toarray().astype(np.float64)
    scale = 1.0 / np.sqrt(dense.sum(axis=0))
    values, vectors = np.linalg.eigh(np.eye(len(dense)) - scale[:, None] * dense * scale[None, :])
    return {"values": values[1 : count + 1].tolist(), "vectors": vectors[:, 1 : count + 1].T.ravel().tolist()}


def record(name: str, data: Floats, settings: dict[str, Any], labels: list[int] | None = None) -> dict[str, Any]:
    """One matrix and what umap-learn makes of it."""
    count, metric = settings["neighbors"], settings["metric"]
    connectivity, mix = settings["local_connectivity"], settings["set_op_mix_ratio"]
    indices, distances = nearest(data, count, metric)
    sigma, rho = smooth_knn_dist(distances, float(count), local_connectivity=connectivity)
    graph = fuzzy_simplicial_set(
        data, count, np.random.RandomState(0), metric, knn_indices=indices, knn_dists=distances,
        set_op_mix_ratio=mix, local_connectivity=connectivity,
    )[0]  # fmt: skip
    golden = {
        "name": name, "rows": data.shape[0], "dim": data.shape[1], **settings,
        "data": rounded(data), "nearest": indices[:, 1:].ravel().tolist(), "distances": rounded(distances[:, 1:]),
        "rho": rounded(rho), "sigma": rounded(sigma), "graph": edges(graph),
        "spectral": smallest_vectors(graph, 3),
    }  # fmt: skip
    if labels is not None:
        weight = settings["target_weight"]
        far = 2.5 / (1.0 - weight) if weight < 1.0 else 1.0e12
        supervised = discrete_metric_simplicial_set_intersection(graph, np.array(labels), far_dist=far)
        golden |= {"labels": labels, "supervised": edges(supervised)}
    return golden


def main() -> None:
    """Write the golden file."""
    random = np.random.default_rng(7)
    spread = random.normal(size=(48, 5)).astype(np.float32)
    copies = random.normal(size=(40, 3)).astype(np.float32)
    copies[10:14] = copies[9]
    plain = {"neighbors": 8, "metric": "euclidean", "local_connectivity": 1.0, "set_op_mix_ratio": 1.0}
    labels = [int(v) for v in random.integers(-1, 3, size=48)]
    golden = {
        "recorded_with": {"umap-learn": umap.__version__, "numpy": np.__version__},
        "script": "tools/goldens/umap_record.py",
        "cases": [
            record("plain", spread, plain),
            record("cosine_mixed", spread, plain | {"metric": "cosine", "set_op_mix_ratio": 0.3}),
            record("connected_by_a_fraction", spread, plain | {"local_connectivity": 2.4}),
            record("copies", copies, plain | {"neighbors": 7}),
            record("labels", spread, plain | {"target_weight": 0.5}, labels),
            record("labels_alone", spread, plain | {"target_weight": 1.0}, labels),
        ],
        "curves": [
            {"min_dist": m, "spread": s, "a": float(a), "b": float(b)}
            for m, s in ((0.0, 1.0), (0.001, 1.0), (0.1, 1.0), (0.5, 1.0), (0.99, 1.0), (0.1, 2.0), (0.25, 0.5))
            for a, b in (find_ab_params(s, m),)
        ],
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
