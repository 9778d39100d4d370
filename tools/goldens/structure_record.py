"""Records what scikit-learn and hdbscan make of small sets of rows: clusters, outliers, and figures of structure.

Needs: pip install scikit-learn hdbscan numpy
Writes tests/golden/analysis/structure.json, which tests/unit/analysis reads.
"""

import json
from pathlib import Path

import hdbscan
import numpy as np
import sklearn
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.neighbors import LocalOutlierFactor

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "analysis" / "structure.json"


def blobs(seed: int, sizes: list[int], dim: int, spread: float, noise: int) -> np.ndarray:
    """Groups of rows around random places, and rows that belong to none."""
    rng = np.random.default_rng(seed)
    groups = [rng.normal(rng.uniform(-4, 4, dim), spread, (size, dim)) for size in sizes]
    groups.append(rng.uniform(-6, 6, (noise, dim)))
    rows = rng.permutation(np.concatenate(groups))
    return (np.round(rows * 256) / 256).astype(np.float32)  # few digits in the file


def kmeans_case(name: str, data: np.ndarray, clusters: int) -> dict[str, object]:
    start = data[:clusters].copy()
    fitted = KMeans(n_clusters=clusters, init=start, n_init=1, tol=1e-4, algorithm="lloyd").fit(data)
    best = KMeans(n_clusters=clusters, n_init=20, random_state=0).fit(data)
    return {
        "name": name,
        "rows": data.shape[0],
        "dim": data.shape[1],
        "clusters": clusters,
        "data": data.ravel().tolist(),
        "labels": fitted.labels_.tolist(),
        "inertia": float(fitted.inertia_),
        "best_inertia": float(best.inertia_),
    }


def hdbscan_case(
    name: str, data: np.ndarray, size: int, samples: int, method: str, epsilon: float
) -> dict[str, object]:
    wide = data.astype(np.float64)
    fitted = HDBSCAN(
        min_cluster_size=size,
        min_samples=samples,
        cluster_selection_method=method,
        cluster_selection_epsilon=epsilon,
        algorithm="brute",
        copy=True,
    ).fit(wide)
    # hdbscan does not count the row itself among its samples.
    glosh = hdbscan.HDBSCAN(
        min_cluster_size=size,
        min_samples=samples - 1,
        cluster_selection_method=method,
        cluster_selection_epsilon=epsilon,
        algorithm="generic",
        approx_min_span_tree=False,
    ).fit(wide)
    return {
        "name": name,
        "rows": data.shape[0],
        "dim": data.shape[1],
        "min_cluster_size": size,
        "min_samples": samples,
        "method": method,
        "epsilon": epsilon,
        "data": data.ravel().tolist(),
        "labels": fitted.labels_.tolist(),
        "probabilities": fitted.probabilities_.tolist(),
        "outlier_scores": glosh.outlier_scores_.tolist(),
    }


def outlier_case(data: np.ndarray, neighbors: int) -> dict[str, object]:
    fitted = LocalOutlierFactor(n_neighbors=neighbors).fit(data.astype(np.float64))
    return {
        "rows": data.shape[0],
        "dim": data.shape[1],
        "neighbors": neighbors,
        "data": data.ravel().tolist(),
        "factors": (-fitted.negative_outlier_factor_).tolist(),
    }


def main() -> None:
    small = blobs(1, [40, 30, 20], 3, 0.5, 10)
    wide = blobs(2, [60, 50, 40, 30], 8, 0.9, 20)
    cases = {
        "scikit_learn": sklearn.__version__,
        "hdbscan_version": hdbscan.__version__ if hasattr(hdbscan, "__version__") else "0.8",
        "kmeans": [kmeans_case("three", small, 3), kmeans_case("seven of four", wide, 7)],
        "hdbscan": [
            hdbscan_case("three", small, 5, 5, "eom", 0.0),
            hdbscan_case("four", wide, 8, 4, "eom", 0.0),
            hdbscan_case("leaves", wide, 5, 3, "leaf", 0.0),
            hdbscan_case("epsilon", small, 4, 2, "eom", 0.9),
        ],
        "outliers": [outlier_case(small, 10), outlier_case(wide, 20)],
    }
    TARGET.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
