"""The peers, each behind one small interface: load once, then encode lists of texts with two threads.

Every engine gets what its own documentation recommends for throughput on a CPU: texts sorted by length, padded
batches, pooling and normalising inside the graph where the engine runs a graph. `settings()` lists the configurations
that calibration tries; the fastest counts as the peer.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = "npt.NDArray[Any]"
BATCH_SIZES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Setting:
    """One way to run an engine."""

    batch: int = 32
    streams: int = 1

    def describe(self) -> str:
        return f"batch {self.batch}" + (f", {self.streams} streams" if self.streams > 1 else "")


class Engine(ABC):
    """One peer, loaded."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        self.model = model
        self.threads = threads
        self.cache = cache

    def settings(self) -> list[Setting]:
        return [Setting(batch) for batch in BATCH_SIZES]

    @abstractmethod
    def encode(self, texts: list[str], setting: Setting) -> Vectors:
        """[texts, dim], in the order of `texts`."""

    def encode_one(self, text: str) -> Vectors:
        return self.encode([text], Setting(batch=1))


def max_length(model: Path) -> int:
    import json

    path = model / "sentence_bert_config.json"
    return int(json.loads(path.read_text(encoding="utf-8"))["max_seq_length"]) if path.exists() else 512


class SentenceTransformersEngine(Engine):
    """sentence-transformers on torch."""

    def __init__(self, model: Path, threads: int, cache: Path, *, dtype: str = "float32") -> None:
        super().__init__(model, threads, cache)
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        torch_dtype = getattr(torch, dtype)
        self.encoder = SentenceTransformer(str(model), device="cpu", model_kwargs={"dtype": torch_dtype}).to(
            torch_dtype
        )

    def encode(self, texts: list[str], setting: Setting) -> Vectors:
        return np.asarray(self.encoder.encode(texts, batch_size=setting.batch, show_progress_bar=False))


class PaddedEngine(Engine):
    """Engines that run a graph over padded batches: tokenise, sort by token count, pad to the longest of the batch."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        super().__init__(model, threads, cache)
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_length(model))

    def batches(self, texts: list[str], size: int) -> list[tuple[list[int], dict[str, Vectors]]]:
        """(rows, inputs) of each batch, longest texts first."""
        encodings = self.tokenizer.encode_batch_fast(texts)
        order = sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids))
        result = []
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            longest = len(encodings[rows[0]].ids)
            ids = np.zeros((len(rows), longest), dtype=np.int64)
            mask = np.zeros((len(rows), longest), dtype=np.int64)
            for i, row in enumerate(rows):
                tokens = encodings[row].ids
                ids[i, : len(tokens)] = tokens
                mask[i, : len(tokens)] = 1
            result.append((rows, {"input_ids": ids, "attention_mask": mask}))
        return result


class OnnxRuntimeEngine(PaddedEngine):
    """ONNX Runtime, float32, with its own transformer fusions applied."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        super().__init__(model, threads, cache)
        import onnxruntime

        from export import fused_onnx

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        path = fused_onnx(model, cache)
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = {value.name for value in self.session.get_inputs()}

    def encode(self, texts: list[str], setting: Setting) -> Vectors:
        out: Vectors | None = None
        for rows, inputs in self.batches(texts, setting.batch):
            values = self.session.run(None, inputs)[0]
            if out is None:
                out = np.empty((len(texts), values.shape[1]), dtype=np.float32)
            out[rows] = values
        assert out is not None
        return out


class OpenVinoEngine(PaddedEngine):
    """OpenVINO over padded batches with dynamic shapes."""

    def __init__(self, model: Path, threads: int, cache: Path, *, precision: str = "f32") -> None:
        super().__init__(model, threads, cache)
        import openvino

        from export import openvino_model

        self.openvino = openvino
        self.precision = precision
        self.core = openvino.Core()
        self.graph = self.core.read_model(str(openvino_model(model, cache)))
        self.compiled: dict[int, Any] = {}

    def settings(self) -> list[Setting]:
        return [Setting(batch, streams) for streams in (1, 2) for batch in BATCH_SIZES]

    def compile(self, streams: int) -> Any:
        if streams not in self.compiled:
            config = {
                "INFERENCE_NUM_THREADS": self.threads,
                "NUM_STREAMS": streams,
                "INFERENCE_PRECISION_HINT": self.precision,
            }
            self.compiled[streams] = self.core.compile_model(self.graph, "CPU", config)
        return self.compiled[streams]

    def encode(self, texts: list[str], setting: Setting) -> Vectors:
        model = self.compile(setting.streams)
        dim = model.output(0).get_partial_shape()[1].get_length()
        out = np.empty((len(texts), dim), dtype=np.float32)
        if setting.streams == 1:
            request = model.create_infer_request()
            for rows, inputs in self.batches(texts, setting.batch):
                out[rows] = request.infer(inputs)[0]
            return out
        queue = self.openvino.AsyncInferQueue(model, setting.streams)

        def store(request: Any, rows: list[int]) -> None:
            out[rows] = request.get_output_tensor(0).data

        queue.set_callback(store)
        for rows, inputs in self.batches(texts, setting.batch):
            queue.start_async(inputs, rows)
        queue.wait_all()
        return out

    def encode_one(self, text: str) -> Vectors:
        return self.encode([text], Setting(batch=1, streams=1))


class Model2VecEngine(Engine):
    """model2vec."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        super().__init__(model, threads, cache)
        from model2vec import StaticModel

        self.encoder = StaticModel.from_pretrained(model)

    def settings(self) -> list[Setting]:
        return [Setting(1024)]

    def encode(self, texts: list[str], setting: Setting) -> Vectors:
        return np.asarray(self.encoder.encode(texts, batch_size=setting.batch, use_multiprocessing=False))


ENGINES = {
    "sentence-transformers f32": lambda m, t, c: SentenceTransformersEngine(m, t, c),
    "sentence-transformers f64": lambda m, t, c: SentenceTransformersEngine(m, t, c, dtype="float64"),
    "sentence-transformers bf16": lambda m, t, c: SentenceTransformersEngine(m, t, c, dtype="bfloat16"),
    "onnxruntime f32": OnnxRuntimeEngine,
    "openvino padded f32": lambda m, t, c: OpenVinoEngine(m, t, c, precision="f32"),
    "openvino padded bf16": lambda m, t, c: OpenVinoEngine(m, t, c, precision="bf16"),
    "model2vec": Model2VecEngine,
}


def load(name: str, model: Path, threads: int, cache: Path) -> Engine:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return ENGINES[name](model, threads, cache)
