"""Record affinities, gradients and divergences of t-SNE for tests/unit/analysis.

Run: python tools/goldens/tsne_record.py   (scikit-learn, openTSNE, numpy)

Affinities are openTSNE's, which searches widths to 1e-8 of the entropy; the gradient and the divergence are
scikit-learn's exact ones, in float64, at given places. Printed beside them is the error of openTSNE's interpolation
against exact sums on blobs of several extents: what tests/unit/analysis/push_field_test.cpp holds ours to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import openTSNE
import sklearn
from openTSNE import _tsne
from openTSNE.affinity import joint_probabilities_nn
from scipy.spatial.distance import squareform
from sklearn.manifold import _t_sne
from sklearn.neighbors import NearestNeighbors

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "analysis" / "tsne.json"


def record(name: str, rows: int, dim: int, components: int, perplexity: float, seed: int) -> dict[str, Any]:
    """One small set of rows in three groups, and what the two libraries compute at random places."""
    random = np.random.default_rng(seed)
    data = random.normal(size=(rows, dim)) + 3.0 * random.integers(0, 3, size=(rows, 1))
    data = data.astype(np.float32).astype(np.float64)
    neighbor_count = min(rows - 1, int(3 * perplexity))
    distances, neighbors = NearestNeighbors(n_neighbors=neighbor_count).fit(data).kneighbors()
    conditional = np.asarray(_tsne.compute_gaussian_perplexity(distances, np.array([perplexity]), num_threads=1))
    joint = joint_probabilities_nn(neighbors, distances, np.array([perplexity])).toarray()
    places = random.normal(size=(rows, components)).astype(np.float32).astype(np.float64) * 2.0
    pairs = np.maximum(squareform(joint, checks=False), np.finfo(np.double).eps)
    value, gradient = _t_sne._kl_divergence(places.ravel(), pairs, 1.0, rows, components)
    return {
        "name": name,
        "rows": rows,
        "dim": dim,
        "components": components,
        "perplexity": perplexity,
        "data": data.ravel().tolist(),
        "neighbors": neighbors.ravel().tolist(),
        "conditional": conditional.ravel().tolist(),
        "joint": joint.ravel().tolist(),
        "places": places.ravel().tolist(),
        "gradient": gradient.ravel().tolist(),
        "divergence": float(value),
    }


def print_interpolation_error(extent: float) -> None:
    """Root mean square of the error of openTSNE's interpolated forces over that of the forces, at its defaults."""
    random = np.random.default_rng(0)
    blob = random.integers(0, 7, 3000)
    spread = extent * 0.02 * (1 + blob)[:, None]
    places = np.ascontiguousarray(extent * (random.random((7, 2)) - 0.5)[blob] + spread * random.normal(size=(3000, 2)))
    differences = places[:, None] - places[None]
    weights = 1.0 / (1.0 + (differences**2).sum(-1))
    forces = (weights[..., None] ** 2 * differences).sum(1)
    found = np.zeros_like(places)
    total = _tsne.estimate_negative_gradient_fft_2d(places, found, 3, 50, 1, 1.0)
    error = np.sqrt(((found * total + forces) ** 2).sum() / (forces**2).sum())
    print(f"extent {extent:g}: force {error:.2g}, sum of weights {total / (weights.sum() - 3000) - 1:.2g}")


def main() -> None:
    """Write the golden file and print the errors of openTSNE's interpolation."""
    golden = {
        "recorded_with": {
            "scikit-learn": sklearn.__version__,
            "openTSNE": openTSNE.__version__,
            "numpy": np.__version__,
        },
        "script": "tools/goldens/tsne_record.py",
        "cases": [
            record("plane", 40, 5, 2, 8.0, 1),
            record("line", 30, 3, 1, 4.5, 2),
            record("space", 36, 4, 3, 11.0, 3),
        ],
    }
    TARGET.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
    for extent in (0.001, 1.0, 10.0, 50.0, 200.0):
        print_interpolation_error(extent)


if __name__ == "__main__":
    main()
