"""Servers of a benchmark, and the load generator of bench/load.

Each server is a process group of its own. Only the one whose turn it is runs; the others are stopped (SIGSTOP), so
that no idle thread of one spins while another is measured.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from contenders import thread_environment
from process import KIB

START_SECONDS_MAX = 120.0
POLL_SECONDS = 0.05
# The generator's options for a smoke run: some requests, however long they take on a machine with other work.
SMOKE_TIMES = {"requests": 64, "warm_up": 0, "duration": 120}
# Fields of /proc/PID/stat after the name, as proc(5) numbers them less 3.
STAT_GROUP = 2
STAT_USER = 11
STAT_SYSTEM = 12


class ServerError(RuntimeError):
    """A server did not start, or refused what it was asked."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server on 127.0.0.1. `command` may hold {port}."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        threads: int = 2,
        environment: dict[str, str] | None = None,
        health: str = "/health",
        health_status: int = 200,
    ) -> None:
        self.name = name
        self.port = free_port()
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as messages:
            self.process = subprocess.Popen(
                [part.format(port=self.port) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                env={**thread_environment(threads), **(environment or {})},
                start_new_session=True,
            )
        try:
            self.await_health(health, health_status)
        except ServerError:
            self.close()
            raise

    def await_health(self, path: str, status: int) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise ServerError(f"{self.name}: ended at the start; its messages are in {self.log}")
            try:
                if self.ask("GET", path)[0] == status:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(POLL_SECONDS)
        raise ServerError(f"{self.name}: no answer in {START_SECONDS_MAX:.0f} s; its messages are in {self.log}")

    def ask(self, method: str, path: str, body: str | None = None, *, seconds_max: float = 60.0) -> tuple[int, bytes]:
        """Status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds_max)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def send_signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def pause(self) -> None:
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.send_signal(signal.SIGCONT)

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * KIB

    def processor_seconds(self) -> float:
        """Of all processes of the server so far: what a machine with other work does not change much."""
        ticks = 0
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = status.read_text(encoding="utf-8").rpartition(")")[2].split()
                if int(fields[STAT_GROUP]) == self.process.pid:
                    ticks += int(fields[STAT_USER]) + int(fields[STAT_SYSTEM])
        return ticks / os.sysconf("SC_CLK_TCK")

    def measure(self, generator: Path, bodies: Path, **options: Any) -> dict[str, Any]:
        """One run of the generator, and the server's processor time of one request; before and after it is stopped."""
        self.resume()
        try:
            before = self.processor_seconds()
            report = run_load(generator, self.port, bodies, **options)
            seconds = self.processor_seconds() - before
        finally:
            self.pause()
        return {**report, "processor_ms_per_request": 1e3 * seconds / max(1, report["answers"])}

    def close(self) -> None:
        self.resume()
        self.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_bodies(path: Path, bodies: Sequence[Any]) -> Path:
    """One request body a line, as the generator reads them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
    return path


def load_command(generator: Path, port: int, bodies: Path, **options: Any) -> list[str]:
    """`clients=32` becomes --clients 32; names are those of bench/load/main.cpp."""
    command = [str(generator), "--port", str(port), "--bodies", str(bodies)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    return command


def run_load(generator: Path, port: int, bodies: Path, **options: Any) -> dict[str, Any]:
    """What the generator reports."""
    command = load_command(generator, port, bodies, **options)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"load: exit code {done.returncode}: {done.stderr.strip()}")
    return dict(json.loads(done.stdout))
