"""What the server adds to the model: time of one request, share of JSON, requests a second of the built-in model."""

from __future__ import annotations

import json
import statistics
import subprocess

from contenders import Contender
from limits import BUILTIN_DIM, MINILM_DIM, Bench, Figure, at_least, at_most

BLOCK = 100
BATCH = 32


def hop(bench: Bench) -> Figure:
    """One client's p50 minus that of the same call in a process, block by block of the same texts."""
    texts = bench.texts[:BLOCK]
    lines = bench.cache / "hop.txt"
    lines.write_text("\n".join(texts) + "\n", encoding="utf-8")
    bodies = bench.bodies("hop", texts)
    worker_command = [
        str(bench.build / "bench" / "asterism_peer_encoder_worker"),
        str(bench.model),
        bench.precision,
        "2",
    ]
    worker = Contender("in process", worker_command, 2, bench.cache / "logs" / "worker.log")
    served, inside = [], []
    try:
        with bench.minilm("hop") as server:
            worker.ask(f"texts {lines}")
            for block in range(1 if bench.smoke else 13):
                report = bench.load(server, bodies, clients=1, requests=BLOCK, warm_up=0, duration=60, dim=MINILM_DIM)
                server.pause()
                times = [float(value) for value in worker.ask(f"single {BLOCK}").split()]
                server.resume()
                if block > 0 or bench.smoke:  # the first one warms up
                    served.append(float(report["accepted"]["p50_ms"]))
                    inside.append(1e3 * statistics.median(times))
    finally:
        worker.close()
    difference = statistics.median(a - b for a, b in zip(served, inside, strict=True))
    values = {"served_p50_ms": served, "in_process_p50_ms": inside, "precision": bench.precision}
    return at_most("one client's p50 over the call in process", difference, "ms", 0.3, values)


def json_share(bench: Bench) -> Figure:
    """JSON in and out for a batch of 32, of the request's time."""
    batches = [bench.texts[i : i + BATCH] for i in range(0, len(bench.texts) - BATCH + 1, BATCH)]
    bodies = bench.bodies("batches", batches)
    with bench.minilm("json") as server:
        report = bench.load(server, bodies, clients=1, duration=3, vectors=BATCH, dim=MINILM_DIM, warm_up=0.2)
    program = bench.build / "bench" / "serve" / "asterism_serve_json_cost"
    cost = json.loads(
        subprocess.run([str(program), str(bodies), str(MINILM_DIM)], capture_output=True, check=True).stdout
    )
    share = (cost["read_ms"] + cost["write_ms"]) / report["accepted"]["p50_ms"]
    values = {**cost, "request_p50_ms": report["accepted"]["p50_ms"]}
    return at_most("JSON of a batch of 32, share of the request", 100 * share, "%", 3, values)


def builtin_rate(bench: Bench) -> Figure:
    """Single short texts a second of the built-in model, the generator on the same processors."""
    bodies = bench.bodies("short", bench.texts)
    with bench.builtin("builtin") as server:
        reports = [
            bench.load(server, bodies, clients=32, duration=2, dim=BUILTIN_DIM) for _ in range(1 if bench.smoke else 5)
        ]
    rates = [report["requests_per_second"] for report in reports]
    values = {
        "rates": rates,
        "p99_ms": [report["accepted"]["p99_ms"] for report in reports],
        "generator_processor_seconds": [report["generator_processor_seconds"] for report in reports],
    }
    return at_least("built-in model, single short texts", statistics.median(rates), "1/s", 10_000, values)
