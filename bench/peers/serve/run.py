"""Servers of one model beside each other: requests a second and latencies, alternated in one run, fidelity beside speed.

    make -C bench/peers/serve env                    once: the pinned environment of the peers
    bench/peers/serve/run.sh build/release           prints tables, writes bench/results/serve.json

Every peer stands behind FastAPI in the fastest setting of a calibration at 32 clients: requests that wait encoded
together or not, one process or one a thread. Rounds alternate, their order turns; medians are printed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import ROOT, enter_environment

HERE = Path(__file__).resolve().parent
PACKAGES = ROOT / ".cache" / "peers-serve" / "packages"
CLIENTS = (1, 8, 32, 128)
BATCH = 32
BATCH_CLIENTS = 2
FIDELITY_TEXTS = 64


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/ and bench/")
    parser.add_argument(
        "--model", type=Path, help="folder of all-MiniLM-L6-v2; default: as `asterism models show` says"
    )
    parser.add_argument("--texts", default="default", help="file with one text a line, or `default`")
    parser.add_argument("--text-count", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="contenders whose name holds PART")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-serve" / "data")
    parser.add_argument("--smoke", action="store_true", help="a moment of each: does it still run?")
    return parser.parse_args()


def vectors_of(contender: Any, texts: list[str]) -> list[list[float]]:
    """As the server answers, one request a text."""
    rows = []
    contender.server.resume()
    for text in texts:
        status, body = contender.server.ask("POST", contender.path, json.dumps({contender.key: text}))
        if status != 200:
            raise SystemExit(f"{contender.name}: expected status 200, found {status}: {body[:200]!r}")
        answer = json.loads(body)
        rows.append(answer["data"][0]["embedding"] if isinstance(answer, dict) else answer[0])
    contender.server.pause()
    return rows


def cosine(a: list[float], b: list[float]) -> float:
    """Of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def fidelity(contenders: list[Any], texts: list[str]) -> dict[str, dict[str, Any]]:
    """Against sentence-transformers in float32; against our own float32 where that is not there."""
    vectors = {contender.name: vectors_of(contender, texts) for contender in contenders}
    judges = [name for part in ("sentence-transformers f32", "asterism f32", "") for name in vectors if part in name]
    truth = vectors[judges[0]]
    return {
        name: {
            "judge": judges[0],
            "cosine_min": min(cosine(a, b) for a, b in zip(rows, truth, strict=True)),
            "max_difference": max(
                abs(x - y) for a, b in zip(rows, truth, strict=True) for x, y in zip(a, b, strict=True)
            ),
        }
        for name, rows in vectors.items()
    }


def levels(smoke: bool) -> list[tuple[str, int, int]]:
    """(name, clients, texts of a request)"""
    singles = [(f"{clients} clients", clients, 1) for clients in ((8,) if smoke else CLIENTS)]
    return [*singles, (f"batches of {BATCH}", BATCH_CLIENTS, BATCH)]


def run_rounds(options: Any, contenders: list[Any], rounds: int, seconds: float) -> dict[str, dict[str, list[Any]]]:
    """Reports by level and contender, one a round."""
    reports: dict[str, dict[str, list[Any]]] = {}
    for level, clients, batch in levels(options.smoke):
        reports[level] = {contender.name: [] for contender in contenders}
        for turn in range(rounds):
            shift = turn % len(contenders)
            for contender in contenders[shift:] + contenders[:shift]:
                reports[level][contender.name].append(contender.measure(options, clients, batch, seconds))
        print(f"{level}: done", file=sys.stderr, flush=True)
    return reports


def summary(reports: list[dict[str, Any]], batch: int) -> dict[str, Any]:
    """Medians over the rounds; errors are added up."""
    return {
        "requests_per_second": statistics.median(each["requests_per_second"] for each in reports),
        "texts_per_second": statistics.median(each["vectors_per_second"] for each in reports),
        "p50_ms": statistics.median(each["accepted"]["p50_ms"] for each in reports),
        "p99_ms": statistics.median(each["accepted"]["p99_ms"] for each in reports),
        "processor_ms_per_text": statistics.median(each["processor_ms_per_request"] for each in reports) / batch,
        "rates": [round(each["requests_per_second"], 1) for each in reports],
        "requests": sum(each["accepted"]["count"] for each in reports),
        "refused": sum(each["refused"]["count"] for each in reports),
        "invalid": sum(each["invalid"] for each in reports),
        "connect_errors": sum(each["connect_errors"] for each in reports),
        "lost": sum(each["lost"] for each in reports),
    }


def times_the_best_peer(reports: dict[str, list[Any]], name: str) -> float:
    """Rate over that of the fastest peer of each round, median."""
    peers = [other for other in reports if not other.startswith("asterism")]
    best = [max(reports[peer][turn]["requests_per_second"] for peer in peers) for turn in range(len(reports[name]))]
    ratios = [each["requests_per_second"] / rate for each, rate in zip(reports[name], best, strict=True) if rate > 0]
    return statistics.median(ratios) if ratios else 0.0


def check(figures: dict[str, dict[str, Any]]) -> None:
    """Ends the program where a server of ours answered nothing, or anything that was not its vectors."""
    for level, rows in figures.items():
        for name, row in rows.items():
            wrong = {key: row[key] for key in ("refused", "invalid", "connect_errors", "lost") if row[key]}
            if name.startswith("asterism") and (wrong or not row["requests"]):
                raise SystemExit(
                    f"{name}, {level}: expected vectors alone, found {row['requests']} answers and {wrong}"
                )


def print_tables(figures: dict[str, dict[str, Any]], ratios: dict[str, dict[str, float]], closeness: Any) -> None:
    from report import table

    for level, rows in figures.items():
        batch = level.startswith("batches")
        unit = "texts/s" if batch else "requests/s"
        key = "texts_per_second" if batch else "requests_per_second"
        lines = [
            [name, f"{row[key]:.0f}", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{row['processor_ms_per_text']:.2f}",
             f"{ratios[level][name]:.2f}" if name in ratios[level] else "", f"{closeness[name]['cosine_min']:.6f}"]
            for name, row in rows.items()
        ]  # fmt: skip
        print(f"\n{level}")
        print(table(["server", unit, "p50 ms", "p99 ms", "processor ms/text", "x best peer", "min cosine"], lines))


def main() -> None:
    enter_environment(HERE / "run.py", PACKAGES)
    arguments = parse_arguments()
    sys.path.insert(0, str(HERE.parent / "text"))
    from corpus import load_corpus
    from options import find_model
    from report import write_result
    from servers import Options, start_all

    asterism = arguments.build / "bin" / "asterism"
    model = arguments.model or find_model(asterism)
    if model is None:
        print("skipped: serve: no folder with all-MiniLM-L6-v2: `asterism models pull all-MiniLM-L6-v2`, or --model")
        return
    corpus = load_corpus(arguments.texts, 256 if arguments.smoke else arguments.text_count)
    print(corpus.describe())
    llama = ROOT / ".cache" / "peers-serve" / "llama"
    options = Options(
        build=arguments.build.resolve(), model=model.resolve(), texts=corpus.texts, threads=arguments.threads,
        cache=arguments.cache.resolve(), only=arguments.only, llama=llama if (llama / "llama-server").is_file() else None,
        smoke=arguments.smoke,
    )  # fmt: skip
    options.cache.mkdir(parents=True, exist_ok=True)
    with options.started:
        contenders = list(start_all(options))
        for reason in options.skipped:
            print(f"skipped: {reason}")
        closeness = fidelity(contenders, options.texts[: 8 if options.smoke else FIDELITY_TEXTS])
        rounds, seconds = 1 if options.smoke else arguments.rounds, arguments.seconds
        reports = run_rounds(options, contenders, rounds, seconds)
    figures = {
        level: {name: summary(each, batch) for name, each in reports[level].items()}
        for level, _, batch in levels(options.smoke)
    }
    with_peers = any(not contender.name.startswith("asterism") for contender in contenders)
    ratios = {
        level: {n: times_the_best_peer(rows, n) for n in rows if n.startswith("asterism") and with_peers}
        for level, rows in reports.items()
    }
    print_tables(figures, ratios, closeness)
    result = {
        "texts": corpus.describe(),
        "threads": options.threads,
        "seconds": seconds,
        "rounds": rounds,
        "settings": {contender.name: contender.setting for contender in contenders},
        "calibration": options.calibration,
        "fidelity": closeness,
        "levels": figures,
        "times_best_peer": ratios,
        "skipped": options.skipped,
    }
    print(f"written: {write_result('serve', result, smoke=options.smoke)}")
    check(figures)


if __name__ == "__main__":
    main()
