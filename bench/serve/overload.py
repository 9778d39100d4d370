"""Four times what the server can do: what is accepted keeps its latency, the rest is refused at once, nothing is lost."""

from __future__ import annotations

import time

from limits import MINILM_DIM, Bench, Figure, at_most

QUEUE_ROWS = 64
TIMES = 4


def overload(bench: Bench) -> list[Figure]:
    bodies = bench.bodies("short", bench.texts)
    seconds = 4
    with bench.minilm("overload", "--queue-rows", str(QUEUE_ROWS)) as server:
        alone = bench.load(server, bodies, clients=1, duration=1, dim=MINILM_DIM)
        # As many as wait in a full queue and in the batch that was taken from one: the latency of the last accepted.
        full = bench.load(server, bodies, clients=2 * QUEUE_ROWS, duration=seconds, dim=MINILM_DIM)
        capacity = full["requests_per_second"]
        start = time.monotonic()
        over = bench.load(
            server, bodies, clients=1024, rate=TIMES * capacity, warm_up=0.3, duration=seconds, dim=MINILM_DIM
        )
        drain_ms = 1e3 * max(0.0, time.monotonic() - start - seconds - 0.3)
        after = bench.load(server, bodies, clients=1, warm_up=0, duration=1, dim=MINILM_DIM)
    normal = 2 * alone["accepted"]["p99_ms"]
    recovery_ms = drain_ms
    for latency_ms in after["first_ms"]:
        if latency_ms <= normal:
            break
        recovery_ms += latency_ms
    values = {
        "capacity_per_second": capacity,
        "rate_asked": over["rate_asked"],
        "accepted_per_second": over["requests_per_second"],
        "status": over["status"],
        "lost": over["lost"],
        "queue_rows": QUEUE_ROWS,
        "accepted": over["accepted"],
        "refused": over["refused"],
        "full_queue": full["accepted"],
        "alone": alone["accepted"],
        "after": after["accepted"],
        "drain_ms": drain_ms,
    }
    ratio = over["accepted"]["p99_ms"] / full["accepted"]["p99_ms"]
    return [
        at_most("p99 of the accepted at 4 x capacity, over that of a full queue", ratio, "x", 1.5, values),
        at_most("p99 of a refusal", over["refused"]["p99_ms"], "ms", 50, {}),
        at_most("until one client is as fast as before", recovery_ms, "ms", 1000, {}),
    ]
