"""Rounds that alternate: in round r every contender does chunk r of the work, one after the other, and the order turns
by one each round. Ratios are taken within a round and their median is printed, so slow drifts of the machine cancel.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from contenders import Contender

ROUNDS_MIN = 3


@dataclass
class Round:
    chunk: int
    seconds: dict[str, float]  # by contender


def progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def one_round(contenders: list[Contender], load: str, chunk: Path) -> dict[str, float]:
    """`load` is the command by which a worker reads a chunk."""
    seconds = {}
    for contender in contenders:
        contender.ask(f"{load} {chunk}")
        seconds[contender.name] = float(contender.ask("encode").split()[0])
    return seconds


def run_rounds(contenders: list[Contender], load: str, chunks: list[Path], minutes: float) -> list[Round]:
    """For about `minutes`, at least ROUNDS_MIN."""
    end = time.monotonic() + 60 * minutes
    rounds: list[Round] = []
    longest = 0.0
    while len(rounds) < ROUNDS_MIN or time.monotonic() + longest < end:
        began = time.monotonic()
        turn = len(rounds) % len(contenders)
        chunk = len(rounds) % len(chunks)
        seconds = one_round(contenders[turn:] + contenders[:turn], load, chunks[chunk])
        rounds.append(Round(chunk, seconds))
        longest = max(longest, time.monotonic() - began)
        progress(f"round {len(rounds)}: " + ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items()))
    return rounds


def rates(rounds: list[Round], name: str, counts: list[int]) -> list[float]:
    """Things a second of one contender, round by round; `counts` has the things of each chunk."""
    return [counts[each.chunk] / each.seconds[name] for each in rounds]


def times_as_fast(rounds: list[Round], names: list[str], name: str) -> dict[str, float]:
    """The rate of `name` over that of every other, as medians over rounds."""
    return {
        other: statistics.median(each.seconds[other] / each.seconds[name] for each in rounds)
        for other in names
        if other != name
    }
