"""Contenders of a benchmark: long-lived worker processes that answer one command a line.

All belong to the process group of the benchmark. Only the one whose turn it is runs; the others are stopped
(SIGSTOP), so that no idle thread of one spins while another is measured.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

COMMON = Path(__file__).resolve().parent
ROOT = COMMON.parents[2]


class ContenderError(RuntimeError):
    """A worker ended or refused a command."""


def thread_environment(threads: int) -> dict[str, str]:
    """The thread count in every form that the peers read."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    return {
        **os.environ,
        **{name: str(threads) for name in names},
        "PYTHONPATH": os.pathsep.join([str(COMMON), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "true",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


class Contender:
    """One worker process."""

    def __init__(self, name: str, command: Sequence[str], threads: int, log: Path) -> None:
        self.name = name
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=thread_environment(threads),
            )
        self.read_answer("start")
        self.pause()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def read_answer(self, command: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        status, _, rest = line.rstrip("\n").partition(" ")
        if status != "ok":
            what = rest or f"ended; its messages are in {self.log}"
            raise ContenderError(f"{self.name}: {command}: {what}")
        return rest

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None
        self.resume()
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            return self.read_answer(command.split(" ", 1)[0])
        except BrokenPipeError as error:
            raise ContenderError(f"{self.name}: ended; its messages are in {self.log}") from error
        finally:
            if self.process.poll() is None:
                self.pause()

    def close(self) -> None:
        if self.process.poll() is None:
            self.resume()
            assert self.process.stdin is not None
            try:
                self.process.stdin.write("quit\n")
                self.process.stdin.close()
                self.process.wait(timeout=10)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()


@dataclass
class Arena:
    """Starts contenders, remembers which could not start and why, and ends them all."""

    folder: Path  # of the comparison: its worker.py runs the peers
    model: Path
    threads: int
    cache: Path
    asterism_worker: Path | None
    peers_available: bool

    def __post_init__(self) -> None:
        self.contenders: list[Contender] = []
        self.skipped: list[str] = []

    def add(self, name: str, command: Sequence[str]) -> Contender | None:
        try:
            contender = Contender(name, command, self.threads, self.cache / "logs" / f"{name.replace(' ', '_')}.log")
        except (ContenderError, OSError) as error:
            self.skipped.append(str(error))
            return None
        self.contenders.append(contender)
        return contender

    def add_peer(self, peer: str, model: Path | None = None) -> Contender | None:
        if not self.peers_available:
            self.skipped.append(
                f"{peer}: no Python environment of the peers (make -C bench/peers/{self.folder.name} env)"
            )
            return None
        arguments = [
            peer,
            "--model",
            str(model or self.model),
            "--threads",
            str(self.threads),
            "--cache",
            str(self.cache),
        ]
        return self.add(peer, [sys.executable, str(self.folder / "worker.py"), *arguments])

    def add_asterism(self, precision: str, model: str | None = None, extra: Sequence[str] = ()) -> Contender | None:
        name = f"asterism {precision}"
        if self.asterism_worker is None:
            self.skipped.append(
                f"{name}: the worker of bench/peers/{self.folder.name} is not built (see its CMakeLists.txt)"
            )
            return None
        where = model or str(self.model)
        command = [str(self.asterism_worker), where, precision, str(self.threads), *extra]
        return self.add(name, command)

    def __enter__(self) -> Arena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for contender in self.contenders:
            contender.close()
