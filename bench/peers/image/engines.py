"""The peers, each behind one small interface: load once, then turn lists of files into vectors with two threads.

`settings()` lists the configurations that calibration tries; the fastest counts as the peer. Decoding runs beside the
model in all of them: in DataLoader's workers for torch, in threads for the others (Pillow lets the interpreter go).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from export import onnx_model, openvino_model
from models import load_module, preprocess_of, transform_of

Vectors: TypeAlias = "npt.NDArray[Any]"
Infer: TypeAlias = Callable[[Vectors], Vectors]
# Batches that are decoded ahead of the model.
BATCHES_AHEAD = 3


@dataclass(frozen=True)
class Setting:
    """One way to run an engine."""

    batch: int = 8
    streams: int = 1  # runs of the model side by side, each on its share of the threads
    workers: int = 0  # processes of DataLoader; 0 = decode in the process itself

    def describe(self) -> str:
        streams = f", {self.streams} streams" if self.streams > 1 else ""
        return f"batch {self.batch}{streams}" + (f", {self.workers} workers" if self.workers else "")


def open_picture(path: str) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


class Engine(ABC):
    """One peer, loaded."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        self.model = model
        self.threads = threads
        self.cache = cache

    @abstractmethod
    def settings(self) -> list[Setting]: ...

    @abstractmethod
    def encode(self, files: list[str], setting: Setting) -> Vectors:
        """[files, dim], in the order of `files`."""


class PictureSet:
    """What DataLoader reads from."""

    def __init__(self, files: list[str], transform: Any) -> None:
        self.files = files
        self.transform = transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> Any:
        return self.transform(open_picture(self.files[i]))


class TorchEngine(Engine):
    """The original library on torch, channels last (its own advice for convolutions on a CPU)."""

    def __init__(self, model: Path, threads: int, cache: Path, *, dtype: str) -> None:
        super().__init__(model, threads, cache)
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.dtype = getattr(torch, dtype)
        self.module = load_module(model).to(dtype=self.dtype, memory_format=torch.channels_last)
        self.transform = transform_of(model)

    def settings(self) -> list[Setting]:
        return [Setting(batch, workers=workers) for workers in (0, 1, 2) for batch in (8, 32)]

    def encode(self, files: list[str], setting: Setting) -> Vectors:
        from torch.utils.data import DataLoader

        torch = self.torch
        loader = DataLoader(
            PictureSet(files, self.transform), batch_size=setting.batch, num_workers=setting.workers, shuffle=False
        )
        with torch.inference_mode():
            parts = [
                self.module(pixels.to(dtype=self.dtype, memory_format=torch.channels_last)).to(
                    torch.float64 if self.dtype == torch.float64 else torch.float32
                )
                for pixels in loader
            ]
        return torch.cat(parts).numpy()


class PillowEngine(Engine):
    """Engines that run a graph over uint8 pixels, cut out by Pillow as the original's transforms do."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        super().__init__(model, threads, cache)
        self.wanted = preprocess_of(model)
        self.resampling = Image.Resampling[self.wanted.interpolation.upper()]

    def pixels(self, path: str) -> Vectors:
        """[size, size, 3], uint8: torchvision's Resize and CenterCrop, whose roundings these are."""
        image = open_picture(path)
        edge, size = self.wanted.edge, self.wanted.size
        width, height = image.size
        scaled = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
        image = image.resize(scaled, self.resampling)
        left, top = round((scaled[0] - size) / 2.0), round((scaled[1] - size) / 2.0)
        return np.asarray(image.crop((left, top, left + size, top + size)))

    def batch_pixels(self, files: list[str]) -> Vectors:
        return np.stack([self.pixels(path) for path in files])

    @abstractmethod
    def infer(self, setting: Setting) -> Infer:
        """Runs one batch; called by one thread for each stream."""

    def encode(self, files: list[str], setting: Setting) -> Vectors:
        batches = [files[i : i + setting.batch] for i in range(0, len(files), setting.batch)]
        if setting.streams > 1:
            return np.concatenate(self.side_by_side(batches, setting))
        infer = self.infer(setting)
        return np.concatenate([infer(pixels) for pixels in self.decoded_ahead(batches)])

    def side_by_side(self, batches: list[list[str]], setting: Setting) -> list[Vectors]:
        """Every thread takes a batch from the files to its vectors."""
        local = threading.local()

        def work(batch: list[str]) -> Vectors:
            if not hasattr(local, "infer"):
                local.infer = self.infer(setting)
            result: Vectors = local.infer(self.batch_pixels(batch))
            return result

        with ThreadPoolExecutor(setting.streams) as pool:
            return list(pool.map(work, batches))

    def decoded_ahead(self, batches: list[list[str]]) -> Iterator[Vectors]:
        """Pixels of each batch, while a pool decodes those that follow."""
        with ThreadPoolExecutor(self.threads) as pool:
            waiting: deque[list[Future[Vectors]]] = deque()
            for batch in batches:
                waiting.append([pool.submit(self.pixels, path) for path in batch])
                if len(waiting) > BATCHES_AHEAD:
                    yield np.stack([future.result() for future in waiting.popleft()])
            while waiting:
                yield np.stack([future.result() for future in waiting.popleft()])


class OnnxRuntimeEngine(PillowEngine):
    """ONNX Runtime, float32 (its CPU provider has no bf16 on x86)."""

    def __init__(self, model: Path, threads: int, cache: Path) -> None:
        super().__init__(model, threads, cache)
        self.path = onnx_model(model, cache)
        self.sessions: dict[int, Any] = {}

    def settings(self) -> list[Setting]:
        return [Setting(batch, streams) for streams in (1, self.threads) for batch in (1, 4, 8, 16)]

    def infer(self, setting: Setting) -> Infer:
        import onnxruntime

        if setting.streams not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = max(1, self.threads // setting.streams)
            options.inter_op_num_threads = 1
            self.sessions[setting.streams] = onnxruntime.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        session = self.sessions[setting.streams]
        return lambda pixels: session.run(None, {"pixels": pixels})[0]


class OpenVinoEngine(PillowEngine):
    """OpenVINO, compiled for exactly the batch; a short batch is filled up."""

    def __init__(self, model: Path, threads: int, cache: Path, *, precision: str) -> None:
        super().__init__(model, threads, cache)
        import openvino

        self.openvino = openvino
        self.precision = precision
        self.core = openvino.Core()
        self.path = openvino_model(model, cache)
        self.compiled: dict[Setting, Any] = {}
        self.lock = threading.Lock()

    def settings(self) -> list[Setting]:
        return [Setting(batch, streams) for streams in (1, self.threads) for batch in (1, 4, 8, 16)]

    def compile(self, setting: Setting) -> Any:
        with self.lock:
            if setting not in self.compiled:
                graph = self.core.read_model(str(self.path))
                size = self.wanted.size
                graph.reshape([setting.batch, size, size, 3])
                config = {
                    "INFERENCE_NUM_THREADS": self.threads,
                    "NUM_STREAMS": setting.streams,
                    "INFERENCE_PRECISION_HINT": self.precision,
                }
                self.compiled[setting] = self.core.compile_model(graph, "CPU", config)
            return self.compiled[setting]

    def infer(self, setting: Setting) -> Infer:
        request = self.compile(setting).create_infer_request()

        def run(pixels: Vectors) -> Vectors:
            count = len(pixels)
            if count < setting.batch:
                pixels = np.concatenate([pixels, np.repeat(pixels[:1], setting.batch - count, axis=0)])
            return np.array(request.infer([pixels])[0][:count])

        return run


ENGINES: dict[str, Callable[[Path, int, Path], Engine]] = {
    "torch f32": lambda m, t, c: TorchEngine(m, t, c, dtype="float32"),
    "torch f64": lambda m, t, c: TorchEngine(m, t, c, dtype="float64"),
    "torch bf16": lambda m, t, c: TorchEngine(m, t, c, dtype="bfloat16"),
    "onnxruntime f32": OnnxRuntimeEngine,
    "openvino f32": lambda m, t, c: OpenVinoEngine(m, t, c, precision="f32"),
    "openvino bf16": lambda m, t, c: OpenVinoEngine(m, t, c, precision="bf16"),
}
