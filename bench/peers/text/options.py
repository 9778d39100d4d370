"""What all benchmarks of this folder share: the command line's options and the contenders they start."""

from __future__ import annotations

import importlib.util
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contenders import ROOT, Arena
from corpus import Corpus, load_corpus
from report import has_native_bf16

HERE = Path(__file__).resolve().parent


class BenchmarkSkipped(RuntimeError):
    """What the benchmark needs is not here."""


@dataclass
class Options:
    asterism: Path | None
    worker: Path | None
    tokenizer_worker: Path | None
    model: Path | None
    static_model: Path | None
    texts: str
    text_count: int
    minutes: float
    threads: int
    cache: Path
    only: list[str]
    smoke: bool

    def corpus(self) -> Corpus:
        return load_corpus(self.texts, self.text_count)

    def peers_available(self) -> bool:
        return importlib.util.find_spec("sentence_transformers") is not None

    def arena(self, *, model: Path | None = None) -> Arena:
        """Contenders for `model`; without one, for MiniLM."""
        found = model or self.model
        if found is None:
            raise BenchmarkSkipped(
                "no folder with all-MiniLM-L6-v2: `asterism models pull all-MiniLM-L6-v2`, or --model"
            )
        return Arena(HERE, found, self.threads, self.cache, self.worker, self.peers_available())

    def wants(self, name: str) -> bool:
        return not self.only or any(part in name for part in self.only)


def find_build(asterism: Path | None) -> Path | None:
    """The build tree that holds `asterism`; without one, the tree whose contender was built last."""
    if asterism is not None:
        return asterism.parent.parent
    workers = [*(ROOT / "build").glob("*/bench/asterism_peer_encoder_worker")]
    newest = max(workers, key=lambda path: path.stat().st_mtime, default=None)
    return newest.parent.parent if newest is not None else None


def program_of(build: Path | None, path: str) -> Path | None:
    """A program of a build tree, if it was built."""
    return build / path if build is not None and (build / path).is_file() else None


def find_model(asterism: Path | None) -> Path | None:
    """The folder of all-MiniLM-L6-v2 that the catalogue resolved, if it was pulled."""
    if asterism is None:
        return None
    import json

    command = [str(asterism), "models", "show", "all-MiniLM-L6-v2", "--json"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        folder = json.loads(answer).get("folder", "")
    except (subprocess.SubprocessError, OSError, ValueError):
        return None
    return Path(folder) if folder and Path(folder).is_dir() else None


def text_peers() -> list[str]:
    """The peers that run a transformer, in the order of the tables."""
    peers = ["sentence-transformers f32", "onnxruntime f32", "openvino padded f32"]
    return [*peers, "openvino padded bf16"] if has_native_bf16() else peers


def asterism_precisions() -> list[str]:
    return ["f32", "bf16"] if has_native_bf16() else ["f32"]
