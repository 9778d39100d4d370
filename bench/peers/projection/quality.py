"""How much of the neighbourhoods a reduction keeps, on a sample of rows against all rows.

Trustworthiness as scikit-learn's (Venna and Kaski 2001), but over the sampled rows only; neighbour preservation is the
share of a row's nearest in the original space that are among its nearest places. Density is the correlation of local
radii in the two spaces: the logarithm of the mean squared distance to the nearest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

K = 15
SAMPLE_ROWS = 1000
BLOCK_ROWS = 100


def squared_distances(rows: Any, queries: Any) -> Any:
    """[queries, rows], in double."""
    rows, queries = rows.astype(np.float64), queries.astype(np.float64)
    return (queries**2).sum(axis=1)[:, None] - 2 * queries @ rows.T + (rows**2).sum(axis=1)[None]


def neighborhood_quality(rows: Any, places: Any, sample_rows: int = SAMPLE_ROWS) -> dict[str, float]:
    """Means over the sample."""
    count = len(rows)
    sample = np.random.default_rng(0).permutation(count)[: min(sample_rows, count)]
    penalty, kept = 0.0, 0.0
    radii: list[list[Any]] = [[], []]
    for begin in range(0, len(sample), BLOCK_ROWS):
        block = sample[begin : begin + BLOCK_ROWS]
        original = squared_distances(rows, rows[block])
        reduced = squared_distances(places, places[block])
        here = np.arange(len(block))
        original[here, block] = reduced[here, block] = -np.inf  # the row itself is first in both
        for found, distances in zip(radii, (original, reduced), strict=True):
            nearest = np.partition(distances, K, axis=1)[:, 1 : K + 1]
            found.extend(np.log(np.maximum(nearest, 0).mean(axis=1) + 1e-12))
        near = np.argpartition(reduced, K, axis=1)[:, : K + 1]
        distances = np.take_along_axis(original, near, axis=1)
        # How many rows are nearer, the row itself among them: 1 is the nearest.
        ranks = np.stack([(original < distances[:, [j]]).sum(axis=1) for j in range(K + 1)], axis=1)
        penalty += np.maximum(ranks - K, 0).sum()
        kept += (ranks <= K).sum() - len(block)
    scale = 2.0 / (len(sample) * K * (2 * count - 3 * K - 1))
    return {
        "trustworthiness": 1.0 - scale * penalty,
        "neighbor_preservation": kept / (len(sample) * K),
        "density_correlation": float(np.corrcoef(radii)[0, 1]),
    }
