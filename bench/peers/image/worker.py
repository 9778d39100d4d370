"""One peer in a process of its own, driven by lines on stdin, as bench/peers/image/encode_worker.cpp is.

files PATH        read names of pictures, one a line         -> ok COUNT
calibrate [COUNT] try the peer's settings on COUNT pictures  -> ok DESCRIPTION of the fastest (below 64: of the first)
encode            encode all files                           -> ok SECONDS
save PATH         vectors of the last encode, raw            -> ok ROWS DIM DTYPE
quit
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from engines import ENGINES, Engine, Setting, Vectors
from protocol import serve

# Settings are tried on a sample: every batch size divides it.
CALIBRATION_PICTURES = 64


class Worker:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.files: list[str] = []
        self.setting = Setting()
        self.vectors: Vectors = np.zeros((0, 0), dtype=np.float32)

    def time_encode(self, files: list[str], setting: Setting) -> float:
        start = time.perf_counter()
        self.vectors = self.engine.encode(files, setting)
        return time.perf_counter() - start

    def calibrate(self, count: int) -> str:
        sample = self.files[:count]
        best: tuple[float, Setting] | None = None
        settings = self.engine.settings()
        for setting in settings if count >= CALIBRATION_PICTURES else settings[:1]:
            self.time_encode(sample[: setting.batch * setting.streams], setting)
            seconds = self.time_encode(sample, setting)
            if best is None or seconds < best[0]:
                best = (seconds, setting)
        assert best is not None
        self.setting = best[1]
        return self.setting.describe()

    def save(self, path: str) -> str:
        np.ascontiguousarray(self.vectors).tofile(path)
        rows, dim = self.vectors.shape
        return f"{rows} {dim} {self.vectors.dtype.name}"

    def answer(self, command: str, argument: str) -> str:
        if command == "files":
            self.files = Path(argument).read_text(encoding="utf-8").splitlines()
            return str(len(self.files))
        if command == "calibrate":
            return self.calibrate(int(argument or CALIBRATION_PICTURES))
        if command == "encode":
            return f"{self.time_encode(self.files, self.setting):.9f}"
        if command == "save":
            return self.save(argument)
        raise ValueError(f"unknown command {command!r}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=sorted(ENGINES))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    serve(lambda: Worker(ENGINES[arguments.peer](arguments.model, arguments.threads, arguments.cache)).answer)


if __name__ == "__main__":
    main()
