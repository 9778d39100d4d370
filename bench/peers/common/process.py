"""One run of a whole process: wall time, processor time and peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import thread_environment

KIB = 1024
POLL_SECONDS = 0.005


@dataclass
class ProcessRun:
    seconds: float
    peak_bytes: int  # 0 unless watched
    processor_seconds: float  # of all its threads and processes


class ProcessFailed(RuntimeError):
    """The process ended with an error."""


def peak_of(pid: int) -> int:
    """Peak resident bytes of a running process so far. (wait4's ru_maxrss also counts its parent before exec.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * KIB


def processor_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_process(
    command: Sequence[str], threads: int, log: Path, *, stdin: Path | None = None, watch_memory: bool = False
) -> ProcessRun:
    log.parent.mkdir(parents=True, exist_ok=True)
    source = Path(os.devnull) if stdin is None else stdin
    with log.open("wb") as output, source.open("rb") as given:
        processor_start = processor_seconds_of_children()
        start = time.perf_counter()
        process = subprocess.Popen(
            list(command), stdin=given, stdout=output, stderr=output, env=thread_environment(threads)
        )
        peak_bytes = 0
        if watch_memory:
            while process.poll() is None:
                peak_bytes = max(peak_bytes, peak_of(process.pid))
                time.sleep(POLL_SECONDS)
        process.wait()
        seconds = time.perf_counter() - start
        processor_seconds = processor_seconds_of_children() - processor_start
    if process.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise ProcessFailed(f"{Path(command[0]).name}: exit code {process.returncode}: {' '.join(tail)}")
    return ProcessRun(seconds, peak_bytes, processor_seconds)
