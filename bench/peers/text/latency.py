"""One short query at a time: p50 and p99 of the time from text to vector, in a warm process.

Blocks of calls alternate between the contenders, so that all see the same weather on the machine.
"""

from __future__ import annotations

import statistics
import time

from contenders import Arena
from options import Options, asterism_precisions, text_peers
from report import quantile, table, write_result
from rounds import progress

# 10 words, all in BERT's vocabulary: 12 tokens with [CLS] and [SEP].
QUERY = "how do i reset the password of my savings account"
BLOCK = 25
WARM_UP = 10


def run_blocks(arena: Arena, options: Options) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {contender.name: [] for contender in arena.contenders}
    block_count_min = 1 if options.smoke else 8
    end = time.monotonic() + 60 * options.minutes
    blocks = 0
    while blocks < block_count_min or time.monotonic() < end:
        turn = blocks % len(arena.contenders)
        for contender in arena.contenders[turn:] + arena.contenders[:turn]:
            answer = contender.ask(f"single {BLOCK}")
            times[contender.name] += [float(value) for value in answer.split()]
        blocks += 1
    return times


def run(options: Options) -> None:
    print(f"latency: one query of 12 tokens, {options.threads} threads")
    work = options.cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "query.txt").write_text(QUERY + "\n", encoding="utf-8")
    with options.arena() as arena:
        for peer in filter(options.wants, text_peers()):
            progress(f"starting {peer}")
            arena.add_peer(peer)
        for precision in asterism_precisions():
            if options.wants(f"asterism {precision}"):
                arena.add_asterism(precision)
        for reason in arena.skipped:
            print(f"skipped: {reason}")
        if not arena.contenders:
            return
        for contender in arena.contenders:
            contender.ask(f"texts {work / 'query.txt'}")
            contender.ask(f"single {WARM_UP}")
        times = run_blocks(arena, options)
        skipped = arena.skipped
    rows = {
        name: {
            "calls": len(values),
            "p50_ms": 1e3 * statistics.median(values),
            "p99_ms": 1e3 * quantile(values, 0.99),
        }
        for name, values in times.items()
    }
    lines = [[n, str(r["calls"]), f"{r['p50_ms']:.3f}", f"{r['p99_ms']:.3f}"] for n, r in rows.items()]
    print(table(["contender", "calls", "p50 ms", "p99 ms"], lines))
    result = {"query": QUERY, "threads": options.threads, "contenders": rows, "skipped": skipped}
    print(f"written: {write_result('latency', result, smoke=options.smoke)}")
