"""One run of a whole process: wall time and peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import HERE, thread_environment

KIB = 1024


@dataclass
class ProcessRun:
    seconds: float
    peak_bytes: int


class ProcessFailed(RuntimeError):
    """The process ended with an error."""


def run_process(command: Sequence[str], threads: int, log: Path, *, stdin: Path | None = None) -> ProcessRun:
    log.parent.mkdir(parents=True, exist_ok=True)
    source = Path(os.devnull) if stdin is None else stdin
    with log.open("wb") as output, source.open("rb") as given:
        start = time.perf_counter()
        process = subprocess.Popen(
            list(command), stdin=given, stdout=output, stderr=output, env=thread_environment(threads), cwd=HERE
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise ProcessFailed(f"{Path(command[0]).name}: exit code {process.returncode}: {' '.join(tail)}")
    return ProcessRun(seconds, usage.ru_maxrss * KIB)
