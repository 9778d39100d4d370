"""Records what scikit-learn and hdbscan make of small sets of rows: clusters, outliers, and figures of structure.

Needs: pip install scikit-learn hdbscan numpy
Writes tests/golden/analysis/structure.json, which tests/unit/analysis reads.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass
class Density:
    """How HDBSCAN is asked."""

    size: int
    samples: int
    method: str = "eom"
    epsilon: float = 0.0
    single: bool = False

    def labels(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fitted = HDBSCAN(
            min_cluster_size=self.size,
            min_samples=self.samples,
            cluster_selection_method=self.method,
            cluster_selection_epsilon=self.epsilon,
            allow_single_cluster=self.single,
            algorithm="brute",
            copy=True,
        ).fit(rows)
        return fitted.labels_, fitted.probabilities_

    def outlier_scores(self, rows: np.ndarray) -> np.ndarray:
        # hdbscan does not count the row itself among its samples.
        fitted = hdbscan.HDBSCAN(
            min_cluster_size=self.size,
            min_samples=self.samples - 1,
            algorithm="generic",
            approx_min_span_tree=False,
        ).fit(rows)
        return np.asarray(fitted.outlier_scores_)

    def is_untied(self, rows: np.ndarray) -> bool:
        """Whether the order of rows changes nothing.

        A row that bridges two clusters is as far from both, its core distance, and which of them it joins is chance.
        """
        scores = self.outlier_scores(rows)
        probabilities = self.labels(rows)[1]
        for seed in range(20):
            order = np.random.default_rng(seed).permutation(len(rows))
            if not np.allclose(self.outlier_scores(rows[order]), scores[order], atol=1e-9):
                return False
            if not np.allclose(self.labels(rows[order])[1], probabilities[order], atol=1e-9):
                return False
        return True


def hdbscan_case(name: str, make: Callable[[int], np.ndarray], asked: Density) -> dict[str, object]:
    data = next(rows for rows in map(make, range(1000)) if asked.is_untied(rows.astype(np.float64)))
    labels, probabilities = asked.labels(data.astype(np.float64))
    return {
        "name": name,
        "rows": data.shape[0],
        "dim": data.shape[1],
        "min_cluster_size": asked.size,
        "min_samples": asked.samples,
        "method": asked.method,
        "epsilon": asked.epsilon,
        "allow_single": asked.single,
        "data": data.ravel().tolist(),
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
        "outlier_scores": asked.outlier_scores(data.astype(np.float64)).tolist(),
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


def few(seed: int) -> np.ndarray:
    return blobs(seed, [40, 30, 20], 3, 0.5, 10)


def wide(seed: int) -> np.ndarray:
    return blobs(seed, [60, 50, 40, 30], 8, 0.9, 20)


def one(seed: int) -> np.ndarray:
    return blobs(seed, [80], 2, 1.0, 10)


def main() -> None:
    cases = {
        "scikit_learn": sklearn.__version__,
        "kmeans": [kmeans_case("three", few(1), 3), kmeans_case("seven of four", wide(2), 7)],
        "hdbscan": [
            hdbscan_case("three", few, Density(5, 5)),
            hdbscan_case("four", wide, Density(8, 4)),
            hdbscan_case("leaves", few, Density(5, 3, method="leaf")),
            hdbscan_case("epsilon", few, Density(4, 2, epsilon=0.9)),
            hdbscan_case("one", one, Density(10, 6, single=True)),
        ],
        "outliers": [outlier_case(few(1), 10), outlier_case(wide(2), 20)],
    }
    TARGET.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
