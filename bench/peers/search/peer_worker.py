"""A peer of bench/peers/search as a worker: the commands of index_worker.cpp.

python peer_worker.py hnswlib|faiss|usearch --threads N
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from protocol import Answer, serve


class Peer:
    """One library's HNSW over float32 vectors, by cosine (vectors are of length 1)."""

    def __init__(self, threads: int) -> None:
        import numpy

        self.numpy = numpy
        self.threads = threads
        self.rows: Any = None
        self.queries: Any = None
        self.allowed: Any = None
        self.found: Any = None

    def build(self, connectivity: int, expansion: int) -> None:
        raise NotImplementedError

    def search(self, expansion: int, k: int) -> Any:
        raise NotImplementedError

    def answer(self, command: str, argument: str) -> str:
        words = argument.split()
        if command in ("rows", "queries"):
            setattr(self, command, self.numpy.load(words[0]))
            return str(len(getattr(self, command)))
        if command == "filter":
            self.allowed = None if words[0] == "none" else self.numpy.fromfile(words[0], dtype=self.numpy.uint8)
            return words[0]
        if command == "ids":
            ids = self.numpy.asarray(self.found).astype(self.numpy.int64)
            self.numpy.where(ids < 0, 0xFFFFFFFF, ids).astype(self.numpy.uint32).tofile(words[0])
            return str(len(ids))
        start = time.perf_counter()
        if command == "build":
            self.build(int(words[0]), int(words[1]))
        elif command == "search":
            self.found = self.search(int(words[0]), int(words[1]))
        else:
            raise ValueError(f"unknown command '{command}'")
        return f"{time.perf_counter() - start}"


class Hnswlib(Peer):
    """hnswlib, compiled for this processor by its own setup."""

    def build(self, connectivity: int, expansion: int) -> None:
        import hnswlib

        self.index = hnswlib.Index("cosine", self.rows.shape[1])
        self.index.init_index(len(self.rows), M=connectivity, ef_construction=expansion)
        self.index.set_num_threads(self.threads)
        self.index.add_items(self.rows, num_threads=self.threads)

    def search(self, expansion: int, k: int) -> Any:
        if self.allowed is not None:
            raise ValueError("a filter of hnswlib is a Python function a row")
        self.index.set_ef(expansion)
        return self.index.knn_query(self.queries, k, num_threads=self.threads)[0]


class Faiss(Peer):
    """FAISS' HNSW over flat vectors."""

    def build(self, connectivity: int, expansion: int) -> None:
        import faiss

        faiss.omp_set_num_threads(self.threads)
        self.index = faiss.IndexHNSWFlat(self.rows.shape[1], connectivity, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = expansion
        self.index.add(self.rows)

    def search(self, expansion: int, k: int) -> Any:
        import faiss

        parameters = faiss.SearchParametersHNSW()
        parameters.efSearch = expansion
        if self.allowed is not None:
            self.bits = self.numpy.packbits(self.allowed, bitorder="little")
            self.selector = faiss.IDSelectorBitmap(self.bits)
            parameters.sel = self.selector
        return self.index.search(self.queries, k, params=parameters)[1]


class Usearch(Peer):
    """USearch from its own package, float32."""

    def build(self, connectivity: int, expansion: int) -> None:
        from usearch.index import Index

        self.index = Index(
            ndim=self.rows.shape[1], metric="cos", dtype="f32", connectivity=connectivity, expansion_add=expansion
        )
        self.index.add(self.numpy.arange(len(self.rows)), self.rows, threads=self.threads)

    def search(self, expansion: int, k: int) -> Any:
        if self.allowed is not None:
            raise ValueError("the Python package has no filter")
        self.index.expansion_search = expansion
        return self.index.search(self.queries, k, threads=self.threads).keys


PEERS = {"hnswlib": Hnswlib, "faiss": Faiss, "usearch": Usearch}


def main() -> None:
    """Serve one library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    def load() -> Answer:
        return PEERS[arguments.peer](arguments.threads).answer

    serve(load)


if __name__ == "__main__":
    main()
