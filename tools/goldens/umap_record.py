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
import scipy.sparse
import umap
from sklearn.metrics import pairwise_distances
from umap.layouts import (
    _optimize_layout_euclidean_densmap_epoch_init,
    _optimize_layout_euclidean_single_epoch,
)
from umap.umap_ import (
    discrete_metric_simplicial_set_intersection,
    find_ab_params,
    fuzzy_simplicial_set,
    general_simplicial_set_intersection,
    reset_local_connectivity,
    simplicial_set_embedding,
    smooth_knn_dist,
)

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "umap" / "umap.json"


def rounded(values: Any) -> list[float]:
    """Nine digits give a float32 back."""
    return [float(f"{v:.9g}") for v in np.asarray(values).ravel()]


def nearest(data: Any, count: int, metric: str) -> tuple[Any, Any]:
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


DENSITY_EPOCHS = 60
DENSITY_LAMBDA = 2.0


def local_radii(data: Any, count: int, places: Any, a: float, b: float) -> dict[str, Any]:
    """The arrays that umap-learn's densMAP makes of rows and of places, before it moves anything."""
    indices, distances = nearest(data, count, "euclidean")
    graph, _, _, dists = fuzzy_simplicial_set(
        data, count, np.random.RandomState(0), "euclidean", knn_indices=indices, knn_dists=distances,
        return_dists=True,
    )  # fmt: skip
    keywords = {"graph_dists": dists, "n_neighbors": count, "lambda": 0.0, "frac": 0.0, "var_shift": 0.1}
    aux = simplicial_set_embedding(
        data, graph, 2, 1.0, a, b, 1.0, 5, DENSITY_EPOCHS, places, np.random.RandomState(0), "euclidean", {},
        True, keywords, True,
    )[1]  # fmt: skip
    edges_due = graph.tocoo()
    edges_due.sum_duplicates()
    edges_due.data[edges_due.data < edges_due.data.max() / DENSITY_EPOCHS] = 0.0
    edges_due.eliminate_zeros()
    return {"radii": aux["rad_orig"], "edges": edges_due, **keywords}


def density_moves(made: dict[str, Any], places: Any, a: float, b: float) -> dict[str, Any]:
    """What umap-learn's epoch moves the first end of every edge by, alone and at rate 1, with densMAP's term."""
    head, tail, count = made["edges"].row, made["edges"].col, len(places)
    map_radii = np.zeros(count, dtype=np.float32)
    nearness = np.zeros(count, dtype=np.float32)
    _optimize_layout_euclidean_densmap_epoch_init(places, places, head, tail, a, b, map_radii, nearness)
    deviation = np.sqrt(np.var(map_radii) + made["var_shift"])
    covariance = np.dot(map_radii, made["R"]) / (count - 1)
    moves = []
    for i in range(len(head)):
        moved, never = places.copy(), np.full(1, 1e9)
        _optimize_layout_euclidean_single_epoch(
            moved, places, head[i : i + 1], tail[i : i + 1], count, np.ones(1), a, b,
            np.zeros((count, 3), dtype=np.int64), 1.0, 2, False, 1.0, never, never.copy(), np.zeros(1), 0, True,
            nearness, map_radii, covariance, deviation, np.mean(map_radii), DENSITY_LAMBDA, made["R"],
            made["mu"][i : i + 1], np.sum(made["mu_sum"]) / 2,
        )  # fmt: skip
        moves.append(moved[head[i]] - places[head[i]])
    return {"map_radii": rounded(map_radii), "nearness_sums": rounded(nearness), "moves": rounded(np.array(moves))}


def record_density(data: Any, count: int) -> dict[str, Any]:
    """densMAP's arrays and moves on a map drawn at random."""
    a, b = find_ab_params(1.0, 0.1)
    places = np.random.default_rng(8).normal(size=(len(data), 2), scale=3.0).astype(np.float32)
    made = local_radii(data, count, places.copy(), a, b)
    return {
        "data": rounded(data), "rows": data.shape[0], "dim": data.shape[1], "neighbors": count,
        "places": rounded(places), "epochs": DENSITY_EPOCHS, "lambda": DENSITY_LAMBDA, "var_shift": made["var_shift"],
        "edges": edges(made["edges"]), "radii": rounded(made["radii"]), **density_moves(made, places, a, b),
    }  # fmt: skip


def with_targets(graph: Any, targets: Any, count: int, weight: float) -> Any:
    """umap-learn's target_metric="l2": fit() with numbers for y, of few rows."""
    distances = pairwise_distances(targets.reshape(-1, 1))
    target_graph = fuzzy_simplicial_set(
        distances, count, np.random.RandomState(0), "precomputed", {}, None, None, False, 1.0, 1.0, False
    )[0]
    return reset_local_connectivity(general_simplicial_set_intersection(graph, target_graph, weight))


def record(
    name: str, data: Any, settings: dict[str, Any], labels: list[int] | None = None, targets: Any = None
) -> dict[str, Any]:
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
    if targets is not None:
        supervised = with_targets(graph, targets, count, settings["target_weight"])
        golden |= {"targets": rounded(targets), "supervised": edges(supervised)}
    return golden


def main() -> None:
    """Write the golden file."""
    random = np.random.default_rng(7)
    spread = random.normal(size=(48, 5)).astype(np.float32)
    copies = random.normal(size=(40, 3)).astype(np.float32)
    copies[10:14] = copies[9]
    plain = {"neighbors": 8, "metric": "euclidean", "local_connectivity": 1.0, "set_op_mix_ratio": 1.0}
    targets = (spread[:, 0] + 0.1 * np.random.default_rng(9).normal(size=48)).astype(np.float32)
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
            *(
                record(f"targets_{weight}", spread, plain | {"target_weight": weight}, None, targets)
                for weight in (0.2, 0.5, 0.9)
            ),
        ],
        "density": record_density(spread, 8),
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
