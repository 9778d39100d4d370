"""Photographs to tensors on one thread: ours beside Pillow and torchvision, alternated, and how far the results differ.

Run: python bench/peers/image/preprocess.py BUILD NAME=FOLDER [NAME=FOLDER...]   (Pillow, numpy, torch, torchvision)

Three steps are timed over the same files in memory: decoding, preprocessing decoded pixels (shorter edge to 256,
bilinear; crop of 224; ToTensor; Normalize), and both. Rounds alternate and ratios are taken within a round, so slow
drifts of the machine cancel.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image, ImageOps
from torchvision import transforms

ROOT = Path(__file__).resolve().parents[3]
STEPS = ("decode", "preprocess", "both")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class Ours:
    """The worker process of this project."""

    def __init__(self, build: Path, files: list[Path], folder: Path) -> None:
        names = folder / "files.txt"
        names.write_text("\n".join(str(path) for path in files) + "\n", encoding="utf-8")
        self._process = subprocess.Popen(
            [str(build / "bench" / "asterism_peer_image_worker"), str(names)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._answer() != "ready":
            raise SystemExit("the worker did not start")

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def seconds(self, command: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        state, seconds = self._answer().split()
        if state != "ok":
            raise SystemExit(f"the worker failed at '{command}'")
        return float(seconds)

    def stop(self) -> None:
        self._process.communicate()


class Peer:
    """Pillow and torchvision's transforms."""

    def __init__(self, files: list[Path]) -> None:
        torch.set_num_threads(1)
        self._data = [path.read_bytes() for path in files]
        self._images = [self._decode(data) for data in self._data]
        self._chain = transforms.Compose(
            [
                transforms.Resize(256),
                transforms.CenterCrop(224),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    @staticmethod
    def _decode(data: bytes) -> Image.Image:
        return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")

    def seconds(self, step: str) -> float:
        work: dict[str, Callable[[], None]] = {
            "decode": lambda: self._each(self._data, self._decode),
            "preprocess": lambda: self._each(self._images, self._chain),
            "both": lambda: self._each(self._data, lambda data: self._chain(self._decode(data))),
        }
        start = time.perf_counter()
        work[step]()
        return time.perf_counter() - start

    @staticmethod
    def _each(items: list[Any], step: Callable[[Any], Any]) -> None:
        for item in items:
            step(item)

    def tensors(self) -> np.ndarray:
        return np.stack([self._chain(image).numpy() for image in self._images])

    def mean_megapixels(self) -> float:
        return statistics.mean(image.width * image.height for image in self._images) / 1e6


def pick_files(folder: Path, count: int) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise SystemExit(f"{folder}: expected image files, found none")
    step = max(1, len(files) // count)
    return files[::step][:count]


def compare(build: Path, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    files = pick_files(folder, count)
    with tempfile.TemporaryDirectory() as scratch:
        ours, peer = Ours(build, files, Path(scratch)), Peer(files)
        result: dict[str, Any] = {"files": len(files), "mean_megapixels": round(peer.mean_megapixels(), 3), "steps": {}}
        for step in STEPS:
            pairs = []
            for number in range(rounds + 1):
                order = [("ours", ours.seconds), ("peer", peer.seconds)]
                times = {name: seconds(step) for name, seconds in (order if number % 2 == 0 else order[::-1])}
                pairs.append(times)
            pairs = pairs[1:]  # the first warms up
            result["steps"][step] = {
                "ours_images_per_s": round(len(files) / statistics.median(pair["ours"] for pair in pairs), 1),
                "peer_images_per_s": round(len(files) / statistics.median(pair["peer"] for pair in pairs), 1),
                "ratio": round(statistics.median(pair["peer"] / pair["ours"] for pair in pairs), 2),
            }
        raw = Path(scratch) / "tensors"
        ours.seconds(f"save {raw}")
        ours.stop()
        mine = np.fromfile(raw, dtype=np.float32).reshape(-1, 3, 224, 224)
        theirs = peer.tensors()
        result["largest_difference"] = float(np.abs(mine - theirs).max())
        result["equal_tensors"] = int(sum(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True)))
    return result


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("sets", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    document: dict[str, Any] = {
        "benchmark": "image",
        "conditions": {
            "processor": processor(),
            "threads": 1,
            "python": platform.python_version(),
            "libraries": {
                "Pillow": PIL.__version__,
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
            },
        },
        "sets": {},
    }
    print("| set | step | ours, images/s | Pillow + torchvision, images/s | ratio |")
    print("|---|---|---|---|---|")
    for item in options.sets:
        name, _, folder = item.partition("=")
        result = compare(options.build, Path(folder), options.files, options.rounds)
        document["sets"][name] = result
        for step, figures in result["steps"].items():
            print(
                f"| {name} | {step} | {figures['ours_images_per_s']} | {figures['peer_images_per_s']} | {figures['ratio']} |"
            )
        print(f"  {name}: {result['equal_tensors']} of {result['files']} tensors equal in every bit", file=sys.stderr)
    target = ROOT / "bench" / "results" / "image.json"
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
