"""A store that is reached through Python, as a worker: the commands of collection_worker.cpp.

python store_worker.py lancedb|chroma|qdrant|milvus-lite

Each keeps 100,000 vectors under whole numbers in a folder and answers with ids alone. Links and the expansion while
building are those of the graphs in peer_worker.py where a store has them; the store chooses its threads.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from protocol import Answer, serve

CONNECTIVITY = 16
EXPANSION_ADD = 100
# LanceDB: rows that are compared exactly for each that is wanted. Without, codes of 8 bits end below a recall of 0.99.
REFINE_FACTOR = 2
ADD_COUNT = 2000


class Store:
    """One store; `search` answers several queries in one call."""

    def __init__(self) -> None:
        import numpy

        self.numpy = numpy
        self.rows: Any = None
        self.queries: Any = None
        self.folder = Path()
        self.call_count = 1
        self.found: list[list[int]] = []

    def build(self) -> None:
        """Adds all rows and builds the index."""
        raise NotImplementedError

    def prepare(self, expansion: int) -> None:
        """What is set before a search and not with it."""

    def search(self, queries: Any, expansion: int, k: int) -> list[list[int]]:
        raise NotImplementedError

    def batches(self) -> Any:
        """Ranges of rows to add in one call."""
        return (range(first, min(first + ADD_COUNT, len(self.rows))) for first in range(0, len(self.rows), ADD_COUNT))

    def take_ids(self, path: str) -> str:
        k = max(len(ids) for ids in self.found)
        table = self.numpy.full((len(self.found), k), 0xFFFFFFFF, dtype=self.numpy.uint32)
        for row, ids in zip(table, self.found, strict=True):
            row[: len(ids)] = ids
        table.tofile(path)
        return str(len(table))

    def timed_build(self) -> str:
        shutil.rmtree(self.folder, ignore_errors=True)
        start = time.perf_counter()
        self.build()
        return str(time.perf_counter() - start)

    def timed_search(self, expansion: int, k: int) -> str:
        self.prepare(expansion)
        self.found = []
        start = time.perf_counter()
        for first in range(0, len(self.queries), self.call_count):
            self.found += self.search(self.queries[first : first + self.call_count], expansion, k)
        return str(time.perf_counter() - start)

    def answer(self, command: str, argument: str) -> str:
        words = argument.split()
        if command in ("rows", "queries"):
            setattr(self, command, self.numpy.load(words[0]))
            return str(len(getattr(self, command)))
        if command == "folder":
            self.folder = Path(words[0])
            return words[0]
        if command == "call":
            self.call_count = int(words[0])
            return words[0]
        if command == "ids":
            return self.take_ids(words[0])
        if command == "build":
            return self.timed_build()
        if command == "search":
            return self.timed_search(int(words[0]), int(words[1]))
        raise ValueError(f"unknown command '{command}'")


class LanceDb(Store):
    """One HNSW graph over codes of 8 bits, the nearest of which are compared exactly: the fastest of its indexes here."""

    def build(self) -> None:
        import lancedb
        import pyarrow
        from lancedb.index import HnswSq

        values = pyarrow.array(self.rows.ravel())
        vectors = pyarrow.FixedSizeListArray.from_arrays(values, self.rows.shape[1])
        ids = pyarrow.array(self.numpy.arange(len(self.rows)))
        self.table = lancedb.connect(self.folder).create_table(
            "items", data=pyarrow.table({"id": ids, "vector": vectors})
        )
        config = HnswSq(distance_type="cosine", num_partitions=1, m=CONNECTIVITY, ef_construction=EXPANSION_ADD)
        self.table.create_index("vector", config=config)

    def search(self, queries: Any, expansion: int, k: int) -> list[list[int]]:
        question = queries[0] if len(queries) == 1 else list(queries)
        builder = self.table.search(question).distance_type("cosine").limit(k).select(["id"])
        # A smaller expansion than the rows that are compared exactly is an error.
        answer = builder.ef(max(expansion, k * REFINE_FACTOR)).refine_factor(REFINE_FACTOR).to_arrow()
        ids = answer["id"].to_pylist()
        if len(queries) == 1:
            return [ids]
        found: list[list[int]] = [[] for _ in queries]
        for query, each in zip(answer["query_index"].to_pylist(), ids, strict=True):
            found[query].append(each)
        return found


class Chroma(Store):
    """Its own fork of hnswlib, in the process."""

    def client(self) -> Any:
        import chromadb
        from chromadb.api.shared_system_client import SharedSystemClient
        from chromadb.config import Settings

        # An open collection keeps the expansion it was opened with.
        SharedSystemClient.clear_system_cache()
        return chromadb.PersistentClient(str(self.folder), settings=Settings(anonymized_telemetry=False))

    def build(self) -> None:
        client = self.client()
        hnsw = {"space": "cosine", "max_neighbors": CONNECTIVITY, "ef_construction": EXPANSION_ADD}
        self.collection = client.create_collection("items", configuration={"hnsw": hnsw}, embedding_function=None)
        for batch in self.batches():
            self.collection.add(ids=[str(i) for i in batch], embeddings=self.rows[batch.start : batch.stop])

    def prepare(self, expansion: int) -> None:
        self.collection.modify(configuration={"hnsw": {"ef_search": expansion}})
        self.collection = self.client().get_collection("items", embedding_function=None)
        self.search(self.queries[:1], expansion, 1)  # loads the graph

    def search(self, queries: Any, expansion: int, k: int) -> list[list[int]]:
        answer = self.collection.query(query_embeddings=queries, n_results=k, include=[])
        return [[int(each) for each in ids] for ids in answer["ids"]]


class QdrantLocal(Store):
    """The client's local mode: NumPy over all rows, without an index; expansions mean nothing to it."""

    def build(self) -> None:
        from qdrant_client import QdrantClient, models

        self.client = QdrantClient(path=str(self.folder))
        parameters = models.VectorParams(size=self.rows.shape[1], distance=models.Distance.COSINE)
        self.client.create_collection("items", vectors_config=parameters)
        for batch in self.batches():
            points = models.Batch(ids=list(batch), vectors=self.rows[batch.start : batch.stop].tolist())
            self.client.upsert("items", points=points)

    def search(self, queries: Any, expansion: int, k: int) -> list[list[int]]:
        from qdrant_client import models

        if len(queries) == 1:
            answers = [self.client.query_points("items", query=queries[0], limit=k, with_payload=False)]
        else:
            requests = [models.QueryRequest(query=each.tolist(), limit=k) for each in queries]
            answers = self.client.query_batch_points("items", requests=requests)
        return [[int(point.id) for point in answer.points] for answer in answers]


class MilvusLite(Store):
    """FAISS' HNSW behind gRPC in a server that the client starts."""

    def build(self) -> None:
        from pymilvus import DataType, MilvusClient

        self.folder.mkdir(parents=True)
        self.client = MilvusClient(str(self.folder / "items.db"))
        schema = self.client.create_schema()
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self.rows.shape[1])
        self.client.create_collection("items", schema=schema)
        for batch in self.batches():
            self.client.insert("items", [{"id": i, "vector": self.rows[i]} for i in batch])
        self.client.flush("items")
        index = self.client.prepare_index_params()
        graph = {"M": CONNECTIVITY, "efConstruction": EXPANSION_ADD}
        index.add_index("vector", index_type="HNSW", metric_type="COSINE", params=graph)
        self.client.create_index("items", index)
        self.client.load_collection("items")

    def search(self, queries: Any, expansion: int, k: int) -> list[list[int]]:
        parameters = {"metric_type": "COSINE", "params": {"ef": expansion}}
        answers = self.client.search("items", list(queries), limit=k, search_params=parameters)
        return [[int(hit["id"]) for hit in answer] for answer in answers]


STORES: dict[str, Callable[[], Store]] = {
    "lancedb": LanceDb,
    "chroma": Chroma,
    "qdrant": QdrantLocal,
    "milvus-lite": MilvusLite,
}


def main() -> None:
    """Serve one store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", choices=STORES)
    arguments = parser.parse_args()

    def load() -> Answer:
        return STORES[arguments.store]().answer

    serve(load)


if __name__ == "__main__":
    main()
