"""Boost.Beast and RESTinio at one small job: POST of 1 KB of JSON, answer of 8 KB, keep-alive.

    bench/http_libraries/run.sh build/release     prints a table, writes bench/results/http-libraries.json

Requests a second and latencies, alternated in rounds whose order turns; the time to compile each server; its size.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "common"))
from contenders import ROOT
from process import processor_seconds_of_children
from report import table, write_result
from serving import SMOKE_TIMES, Server, write_bodies

LIBRARIES = ("beast", "restinio")
THREADS = (1, 2)
CLIENTS = (1, 32, 128)
BODY_BYTES = 1024
ANSWER_NUMBERS = 1023
NOT_FOUND = 404


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bench/")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one run")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "http-libraries")
    parser.add_argument("--smoke", action="store_true", help="a moment of each: does it still run?")
    return parser.parse_args()


def program_of(build: Path, library: str) -> Path:
    return build / "bench" / "http_libraries" / f"asterism_http_{library}"


def compile_seconds(build: Path, library: str, rounds: int) -> float:
    """Processor time of the server's one source, without the compiler cache; the least of some runs."""
    listed = subprocess.run(
        ["ninja", "-C", str(build), "-t", "commands", f"asterism_http_{library}"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    command = next(line for line in listed if f"{library}_server.cpp" in line and " -c " in line)
    times = []
    for _ in range(rounds):
        start = processor_seconds_of_children()
        subprocess.run(command, shell=True, cwd=build, check=True, env={**os.environ, "CCACHE_DISABLE": "1"})
        times.append(processor_seconds_of_children() - start)
    return min(times)


def stripped_bytes(program: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "program"
        shutil.copy(program, copy)
        subprocess.run(["strip", str(copy)], check=True)
        return copy.stat().st_size


def measure_rounds(arguments: argparse.Namespace, servers: dict[str, Server], clients: int) -> dict[str, Any]:
    """Medians over the rounds, by library."""
    generator = arguments.build / "bench" / "serve" / "asterism_load"
    body = {"inputs": "x" * (BODY_BYTES - len('{"inputs": ""}'))}
    bodies = write_bodies(arguments.cache / "body.jsonl", [body])
    reports: dict[str, list[dict[str, Any]]] = {library: [] for library in servers}
    for turn in range(1 if arguments.smoke else arguments.rounds):
        for library in list(servers)[turn % 2 :] + list(servers)[: turn % 2]:
            times = SMOKE_TIMES if arguments.smoke else {"duration": arguments.seconds, "warm_up": 0.2}
            report = servers[library].measure(
                generator, bodies, path="/job", clients=clients, dim=ANSWER_NUMBERS, **times
            )
            if report["invalid"] or report["connect_errors"] or report["lost"] or list(report["status"]) != ["200"]:
                raise SystemExit(f"{library}: expected answers of status 200 alone, found {report}")
            reports[library].append(report)
    return {
        library: {
            "requests_per_second": statistics.median(each["requests_per_second"] for each in runs),
            "p50_ms": statistics.median(each["accepted"]["p50_ms"] for each in runs),
            "p99_ms": statistics.median(each["accepted"]["p99_ms"] for each in runs),
            "processor_us": statistics.median(1e3 * each["processor_ms_per_request"] for each in runs),
            "rates": [round(each["requests_per_second"]) for each in runs],
        }
        for library, runs in reports.items()
    }


def main() -> None:
    arguments = parse_arguments()
    arguments.build = arguments.build.resolve()
    missing = [library for library in LIBRARIES if not program_of(arguments.build, library).is_file()]
    if missing:
        print(f"skipped: http-libraries: not built: {', '.join(missing)} (apt-get install librestinio-dev, then build)")
        return
    arguments.cache.mkdir(parents=True, exist_ok=True)
    loads: dict[str, Any] = {}
    rows = []
    for threads in THREADS:
        with contextlib.ExitStack() as stack:
            servers = {}
            for library in LIBRARIES:
                command = [str(program_of(arguments.build, library)), "{port}", str(threads)]
                log = arguments.cache / "logs" / f"{library}-{threads}.log"
                server = Server(library, command, log, health="/", health_status=NOT_FOUND)
                servers[library] = stack.enter_context(server)
                server.pause()
            for clients in CLIENTS:
                found = measure_rounds(arguments, servers, clients)
                loads[f"{threads} threads, {clients} clients"] = found
                ratio = found["beast"]["requests_per_second"] / found["restinio"]["requests_per_second"]
                for library, row in found.items():
                    rate, p50, p99 = row["requests_per_second"], row["p50_ms"], row["p99_ms"]
                    times = f"{ratio:.2f}" if library == "beast" else ""
                    cells = [f"{rate:.0f}", f"{p50:.3f}", f"{p99:.3f}", f"{row['processor_us']:.1f}", times]
                    rows.append([library, str(threads), str(clients), *cells])
    header = ["library", "threads", "clients", "requests/s", "p50 ms", "p99 ms", "processor us/request", "x restinio"]
    print(table(header, rows))
    sizes = {library: stripped_bytes(program_of(arguments.build, library)) for library in LIBRARIES}
    seconds = {} if arguments.smoke else {each: compile_seconds(arguments.build, each, 2) for each in LIBRARIES}
    for library in LIBRARIES:
        compiled = f"{seconds[library]:.1f} s of processor time to compile, " if library in seconds else ""
        print(f"{library}: {compiled}{sizes[library] / 1024:.0f} KiB stripped")
    result = {"loads": loads, "compile_seconds": seconds, "stripped_bytes": sizes}
    print(f"written: {write_result('http-libraries', result, smoke=arguments.smoke)}")


if __name__ == "__main__":
    main()
