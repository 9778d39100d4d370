"""Records what scikit-learn and hdbscan make of small sets of rows: clusters, outliers, and figures of structure.

Needs: pip install scikit-learn hdbscan scipy numpy
Writes tests/golden/analysis/structure.json, which tests/unit/analysis reads.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hdbscan
import numpy as np
import scipy.stats
import sklearn
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

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


def two_neighbor_dimension(near: np.ndarray) -> float:
    """Facco et al. 2017; the same as TwoNN of scikit-dimension with discard_fraction 0.1."""
    ratios = np.sort(near[:, 1] / near[:, 0])
    share = np.arange(len(ratios)) / len(ratios)
    kept = int(len(ratios) * 0.9)
    x, y = np.log(ratios[:kept]), -np.log(1 - share[:kept])
    return float(x @ y / (x @ x))


def likelihood_dimension(near: np.ndarray) -> float:
    """Levina and Bickel 2004, averaged as MacKay and Ghahramani 2005."""
    inverse = np.log(near[:, -1:] / near[:, :-1]).mean(axis=1)
    return float(1 / inverse.mean())


def iso_score(data: np.ndarray) -> float:
    """Rudman et al. 2022, algorithm 1."""
    variances = np.linalg.eigvalsh(np.cov(data.T))
    n = len(variances)
    normal = np.sqrt(n) * variances / np.linalg.norm(variances)
    defect = np.linalg.norm(normal - 1) / np.sqrt(2 * (n - np.sqrt(n)))
    return float((n * (n - defect**2 * (n - np.sqrt(n))) ** 2 / n**2 - 1) / (n - 1))


def neighbor_case(data: np.ndarray, neighbors: int) -> dict[str, object]:
    """What is seen from the neighbours of rows, and of their directions."""
    wide = data.astype(np.float64)
    fitted = LocalOutlierFactor(n_neighbors=neighbors).fit(wide)
    near, ids = NearestNeighbors(n_neighbors=neighbors).fit(wide).kneighbors()
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    cosines = unit @ unit.T
    return {
        "rows": data.shape[0],
        "dim": data.shape[1],
        "neighbors": neighbors,
        "data": data.ravel().tolist(),
        "factors": (-fitted.negative_outlier_factor_).tolist(),
        "mean_distances": near.mean(axis=1).tolist(),
        "two_neighbor_dimension": two_neighbor_dimension(near),
        "likelihood_dimension": likelihood_dimension(near),
        "occurrence_skewness": float(scipy.stats.skew(np.bincount(ids.ravel(), minlength=len(data)))),
        "mean_cosine": float(cosines[np.triu_indices(len(data), 1)].mean()),
        "iso_score": iso_score(wide),
    }


def cluster_words_case() -> dict[str, object]:
    """Class-based TF-IDF as bertopic.vectorizers.ClassTfidfTransformer computes it by default."""
    texts = [
        "the card is lost the card",
        "my card was stolen",
        "the rate is high today",
        "rate of exchange and rate of tax",
        "top up the account",
        "account top up failed the top up",
    ]
    labels = [0, 0, 1, 1, 2, 2]
    documents = [" ".join(t for t, of in zip(texts, labels, strict=True) if of == label) for label in range(3)]
    counter = CountVectorizer()
    counts = counter.fit_transform(documents).toarray()
    rarity = np.log(int(counts.sum(axis=1).mean()) / counts.sum(axis=0) + 1)
    weights = counts / counts.sum(axis=1, keepdims=True) * rarity
    names = counter.get_feature_names_out()
    return {
        "texts": texts,
        "labels": labels,
        "weights": [{str(n): float(w) for n, w in zip(names, row, strict=True) if w > 0} for row in weights],
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
        "cluster_words": cluster_words_case(),
        "neighbors": [neighbor_case(few(1), 10), neighbor_case(wide(2), 20)],
    }
    TARGET.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
