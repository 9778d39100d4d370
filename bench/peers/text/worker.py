"""One peer in a process of its own, driven by lines on stdin, as bench/peers/text/encoder_worker.cpp is.

texts PATH        read texts, one a line                     -> ok COUNT
calibrate [COUNT] try the peer's settings on COUNT texts     -> ok DESCRIPTION of the fastest
encode            encode all texts                           -> ok SECONDS
single COUNT      encode one text at a time, COUNT times     -> ok SECONDS SECONDS ...
save PATH         vectors of the last encode, raw            -> ok ROWS DIM DTYPE
quit
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from engines import ENGINES, Engine, Setting, Vectors, load
from protocol import serve

# Settings are tried on a sample: enough to see padding, short enough not to eat the run.
CALIBRATION_TEXTS = 128


class Worker:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.texts: list[str] = []
        self.setting = Setting()
        self.vectors: Vectors = np.zeros((0, 0), dtype=np.float32)

    def time_encode(self, texts: list[str], setting: Setting) -> float:
        start = time.perf_counter()
        self.vectors = self.engine.encode(texts, setting)
        return time.perf_counter() - start

    def calibrate(self, count: int) -> str:
        sample = self.texts[:count]
        best: tuple[float, Setting] | None = None
        for setting in self.engine.settings():
            self.time_encode(sample[:16], setting)
            seconds = self.time_encode(sample, setting)
            if best is None or seconds < best[0]:
                best = (seconds, setting)
        assert best is not None
        self.setting = best[1]
        return self.setting.describe()

    def single(self, count: int) -> str:
        times = []
        for i in range(count):
            start = time.perf_counter()
            self.engine.encode_one(self.texts[i % len(self.texts)])
            times.append(f"{time.perf_counter() - start:.9f}")
        return " ".join(times)

    def save(self, path: str) -> str:
        np.ascontiguousarray(self.vectors).tofile(path)
        rows, dim = self.vectors.shape
        return f"{rows} {dim} {self.vectors.dtype.name}"

    def answer(self, command: str, argument: str) -> str:
        if command == "texts":
            self.texts = Path(argument).read_text(encoding="utf-8").splitlines()
            return str(len(self.texts))
        if command == "calibrate":
            return self.calibrate(int(argument or CALIBRATION_TEXTS))
        if command == "encode":
            return f"{self.time_encode(self.texts, self.setting):.9f}"
        if command == "single":
            return self.single(int(argument))
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
    serve(lambda: Worker(load(arguments.peer, arguments.model, arguments.threads, arguments.cache)).answer)


if __name__ == "__main__":
    main()
