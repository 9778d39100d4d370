"""From process start to the first vector: whole processes, one text, files in the page cache."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from options import HERE, Options, text_peers
from process import ProcessFailed, run_process
from report import quantile, table, write_result

TEXT = "The night train leaves at ten and wakes you at the border."


def commands(options: Options, work: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    text, output = str(work / "one.txt"), str(work / "one.npy")
    if options.asterism is not None:
        embed = [str(options.asterism), "embed", text, "-o", output, "--threads", str(options.threads), "-m"]
        found["asterism built-in"] = [*embed, "builtin"]
        if options.model is not None:
            found["asterism MiniLM"] = [*embed, str(options.model), "--precision", "f32"]
    if options.model is not None and options.peers_available():
        tail = ["--model", str(options.model), "--threads", str(options.threads), "--cache", str(options.cache)]
        for peer in text_peers():
            found[peer] = [sys.executable, str(HERE / "worker.py"), peer, *tail]
    return {name: command for name, command in found.items() if options.wants(name)}


def measure(found: dict[str, list[str]], options: Options, work: Path) -> tuple[dict[str, list[float]], list[str]]:
    """Alternated; the peers, which take seconds, run fewer times."""
    (work / "one.txt").write_text(TEXT + "\n", encoding="utf-8")
    (work / "commands.txt").write_text(f"texts {work / 'one.txt'}\nencode\nquit\n", encoding="utf-8")
    rounds = 1 if options.smoke else 20
    times: dict[str, list[float]] = {}
    skipped: list[str] = []
    for i in range(rounds + 1):
        for name, command in found.items():
            if any(reason.startswith(name) for reason in skipped) or (not name.startswith("asterism") and i > 4):
                continue
            try:
                taken = run_process(command, options.threads, work / "start.log", stdin=work / "commands.txt").seconds
            except ProcessFailed as error:
                skipped.append(f"{name}: {error}")
                continue
            if i > 0:
                times.setdefault(name, []).append(taken)
    return times, skipped


def row(name: str, values: Sequence[float]) -> list[str]:
    ms = [1e3 * value for value in values]
    return [name, str(len(ms)), f"{min(ms):.1f}", f"{statistics.median(ms):.1f}", f"{quantile(ms, 0.9):.1f}"]


def run(options: Options) -> None:
    print("start: whole processes, one text; the first run of each is not counted")
    work = options.cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    found = commands(options, work)
    times, skipped = measure(found, options, work)
    if options.asterism is None:
        skipped.append("asterism: the program is not built")
    if not options.peers_available():
        skipped.append("peers: no Python environment (make -C bench/peers/text env)")
    for reason in skipped:
        print(f"skipped: {reason}")
    print(table(["process", "runs", "best ms", "median ms", "p90 ms"], [row(n, v) for n, v in times.items()]))
    result = {"seconds": times, "skipped": skipped}
    print(f"written: {write_result('start', result, smoke=options.smoke)}")
