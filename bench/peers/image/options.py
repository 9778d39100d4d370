"""What all benchmarks of this folder share: the command line's options and the contenders they start."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contenders import ROOT, Arena
from models import LITE0, BenchModel, make_folder
from pictures import Pictures, load_pictures
from report import has_native_bf16

HERE = Path(__file__).resolve().parent
PEER_PACKAGES = ("torch", "timm", "torchvision", "PIL", "onnxruntime", "openvino", "efficientnet_lite_pytorch")


class BenchmarkSkipped(RuntimeError):
    """What the benchmark needs is not here."""


@dataclass
class Options:
    asterism: Path | None
    worker: Path | None
    models: list[str]
    pictures: str
    minutes: float
    threads: int
    cache: Path
    only: list[str]
    batch: int | None
    smoke: bool

    def load_pictures(self, count: int) -> Pictures:
        return load_pictures(self.pictures, count)

    def missing_packages(self) -> list[str]:
        return [name for name in PEER_PACKAGES if importlib.util.find_spec(name) is None]

    def arena(self, folder: Path) -> Arena:
        return Arena(HERE, folder, self.threads, self.cache, self.worker, not self.missing_packages())

    def wants(self, name: str) -> bool:
        return not self.only or any(part in name for part in self.only)

    def wants_model(self, name: str) -> bool:
        return not self.models or any(part in name for part in self.models)

    def folder_of(self, model: BenchModel) -> Path:
        """Where its checkpoint lies; made if its weights are random."""
        if model.name != LITE0:
            if self.missing_packages():
                raise BenchmarkSkipped(f"its weights are made by timm: {', '.join(self.missing_packages())} not there")
            return make_folder(model, self.cache / "models")
        found = catalogue_folder(self.asterism, LITE0)
        if found is None:
            raise BenchmarkSkipped(f"it was not pulled (asterism models pull {LITE0})")
        return found


def catalogue_folder(asterism: Path | None, model: str) -> Path | None:
    """The folder of a model of the catalogue, if it was pulled."""
    if asterism is None:
        return None
    command = [str(asterism), "models", "show", model, "--json"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        folder = json.loads(answer).get("folder", "")
    except (subprocess.SubprocessError, OSError, ValueError):
        return None
    return Path(folder) if folder and Path(folder).is_dir() else None


def find_build(asterism: Path | None) -> Path | None:
    """The build tree that holds `asterism`; without one, the tree whose contender was built last."""
    if asterism is not None:
        return asterism.parent.parent
    workers = [*(ROOT / "build").glob("*/bench/asterism_peer_image_encoder")]
    newest = max(workers, key=lambda path: path.stat().st_mtime, default=None)
    return newest.parent.parent if newest is not None else None


def program_of(build: Path | None, path: str) -> Path | None:
    """A program of a build tree, if it was built."""
    return build / path if build is not None and (build / path).is_file() else None


def peers() -> list[str]:
    """In the order of the tables. ONNX Runtime has no bf16 on this kind of processor."""
    names = ["torch f32", "onnxruntime f32", "openvino f32"]
    return [*names, "torch bf16", "openvino bf16"] if has_native_bf16() else names


def precisions() -> list[str]:
    return ["f32", "bf16"] if has_native_bf16() else ["f32"]
