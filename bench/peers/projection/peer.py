"""One reduction of one peer, start-up included: python peer.py PEER INPUT.npy OUTPUT.npy --threads N [--seed N]

Prints the seconds of fit and transform alone, without imports, reading and writing. Every peer runs with the defaults
of its library but for what makes the work the same: components, seed, threads.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def sklearn_pca(solver: str) -> Callable[[Any, argparse.Namespace], Any]:
    """PCA to 50 components."""

    def reduce(rows: Any, arguments: argparse.Namespace) -> Any:
        from sklearn.decomposition import PCA

        return lambda: PCA(n_components=50, svd_solver=solver, random_state=arguments.seed).fit_transform(rows)

    return reduce


def umap_learn(rows: Any, arguments: argparse.Namespace) -> Any:
    """UMAP without a seed: with one it runs on a single thread."""
    import umap

    return lambda: umap.UMAP(n_neighbors=15, min_dist=0.1, n_jobs=arguments.threads).fit_transform(rows)


def densmap(rows: Any, arguments: argparse.Namespace) -> Any:
    """umap-learn's densMAP at its defaults, without a seed."""
    import umap

    return lambda: umap.UMAP(n_neighbors=15, min_dist=0.1, densmap=True, n_jobs=arguments.threads).fit_transform(rows)


def open_tsne(rows: Any, arguments: argparse.Namespace) -> Any:
    """t-SNE: FIt-SNE's interpolation, the library's own choice at these sizes."""
    import openTSNE

    return lambda: np.asarray(
        openTSNE.TSNE(perplexity=30, n_jobs=arguments.threads, random_state=arguments.seed).fit(rows)
    )


def pacmap_peer(rows: Any, arguments: argparse.Namespace) -> Any:
    """PaCMAP without a seed: with one it runs on a single thread."""
    import pacmap

    return lambda: pacmap.PaCMAP(n_components=2).fit_transform(rows)


PEERS: dict[str, Callable[[Any, argparse.Namespace], Any]] = {
    "scikit-learn-randomized": sklearn_pca("randomized"),
    "scikit-learn-covariance_eigh": sklearn_pca("covariance_eigh"),
    "umap-learn": umap_learn,
    "umap-learn-densmap": densmap,
    "openTSNE": open_tsne,
    "pacmap": pacmap_peer,
}


def main() -> None:
    """Read, reduce, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = np.load(arguments.input)
    reduce = PEERS[arguments.peer](rows, arguments)
    start = time.perf_counter()
    places = reduce()
    seconds = time.perf_counter() - start
    np.save(arguments.output, np.ascontiguousarray(places, dtype=np.float32))
    print(seconds)


if __name__ == "__main__":
    main()
