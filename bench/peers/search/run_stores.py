"""Our collection beside stores that are reached through Python: queries a second at equal recall, alternated in one run.

    bench/peers/search/run.sh build/release --stores     100,000 vectors of all-MiniLM-L6-v2, calls of 1 and of 100 queries

LanceDB, Chroma, Qdrant's local mode and milvus-lite keep the vectors in a folder, as our collection does, and answer
with ids. Each searches at the smallest expansion that reaches the recall; a store without an index is exact, and is
asked fewer queries. Ours is called from C++, theirs from Python, as each is meant to be. Prints tables and writes
bench/results/search-stores.json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import ROOT, enter_environment
from run import OURS, RECALLS, Bench, Truth, take_vectors, true_scores

HERE = Path(__file__).resolve().parent
STORES = ("lancedb", "chroma", "qdrant", "milvus-lite")
# Without an index: every query compares every row.
EXACT = ("qdrant",)
EXACT_QUERY_COUNT = 50
CALLS = (1, 100)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/ and bench/")
    parser.add_argument("--stores", action="store_true", help="given by run.sh")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=2000, help="held out: the vectors are those of run.py")
    parser.add_argument("--asked", type=int, default=500, help="of them, in every search")
    parser.add_argument("--threads", type=int, default=2, help="of ours; the stores choose their own")
    parser.add_argument("--rounds", type=int, default=3, help="alternated searches at each recall")
    parser.add_argument("--only", nargs="+", choices=STORES, default=list(STORES), help="stores to run")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-search" / "data")
    parser.add_argument("--smoke", action="store_true", help="2,000 rows: does it still run?")
    return parser.parse_args()


def store_commands(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """How the workers start."""
    commands = {OURS: [str(arguments.build / "bench" / "asterism_peer_collection_worker"), str(arguments.threads)]}
    for store in arguments.only:
        commands[store] = [sys.executable, str(HERE / "store_worker.py"), store]
    return commands


def find_expansions(bench: Bench, truth: Truth) -> None:
    """For every recall; many queries a call, since the answers are the same and come sooner."""
    for contender in bench.contenders.values():
        contender.ask(f"call {max(CALLS)}")
    for target in RECALLS:
        for name, entry in bench.entries.items():
            entry.expansion[target] = bench.find_expansion(name, truth, target)


def measure(bench: Bench, truth: Truth, target: float, counts: dict[str, int], rounds: int) -> list[dict[str, Any]]:
    """One entry a contender, at one recall and the present number of queries a call; `counts`: queries asked."""
    for entry in bench.entries.values():
        entry.seconds[target] = []
    bench.alternate(target, rounds)
    ours = bench.entries[OURS].seconds[target]
    results = []
    for name, entry in bench.entries.items():
        seconds = entry.seconds[target]
        share = counts[OURS] / counts[name]
        results.append(
            {
                "contender": name,
                "target": target,
                "recall": bench.recall(name, truth),
                "expansion": None if name in EXACT else entry.expansion[target],
                "queries": counts[name],
                "seconds": seconds,
                "queries_per_second": counts[name] / statistics.median(seconds),
                "ours_is_times_as_fast": statistics.median(
                    theirs * share / mine for theirs, mine in zip(seconds, ours, strict=True)
                ),
            }
        )
    return results


def print_table(call_count: int, entries: list[dict[str, Any]], bench: Bench) -> None:
    """For people."""
    from report import table

    header = ["contender", "recall@10", "expansion", "queries/s", "ours is times as fast", "build s"]
    lines = [
        [
            each["contender"],
            f"{each['recall']:.4f}",
            str(each["expansion"] or "exact"),
            f"{each['queries_per_second']:,.0f}",
            "" if each["contender"] == OURS else f"{each['ours_is_times_as_fast']:.1f}",
            f"{bench.entries[each['contender']].build_seconds:.1f}",
        ]
        for each in entries
    ]
    print(f"\n{call_count} queries a call\n{table(header, lines)}")


def main() -> None:
    """Everything, in order."""
    enter_environment(HERE / "run_stores.py")
    arguments = parse_arguments()
    import numpy

    from report import write_result

    if arguments.smoke:
        arguments.rows, arguments.queries, arguments.rounds = 2000, 200, 1
    vectors = take_vectors(arguments)
    queries = vectors.queries[: arguments.asked]
    truth = true_scores(vectors.rows, queries, None)
    bench = Bench(store_commands(arguments), arguments.threads, arguments.cache, vectors.row_file, vectors.query_file)
    counts = {}
    for name, contender in bench.contenders.items():
        counts[name] = min(EXACT_QUERY_COUNT, len(queries)) if name in EXACT else len(queries)
        asked = arguments.cache / f"queries-{name}.npy"
        numpy.save(asked, queries[: counts[name]])
        contender.ask(f"queries {asked}")
        contender.ask(f"folder {arguments.cache / 'stores' / name}")
    bench.build()
    find_expansions(bench, truth)
    calls = {}
    for call_count in CALLS:
        for contender in bench.contenders.values():
            contender.ask(f"call {call_count}")
        calls[call_count] = [
            each for target in RECALLS for each in measure(bench, truth, target, counts, arguments.rounds)
        ]
        print_table(call_count, calls[call_count], bench)
    bench.close()
    for line in bench.skipped:
        print(f"skipped: {line}")
    result = {
        "data": vectors.description,
        "threads": arguments.threads,
        "build_seconds": {name: entry.build_seconds for name, entry in bench.entries.items()},
        "queries_a_call": calls,
        "skipped": bench.skipped,
    }
    print(f"\n{write_result('search-stores', result, smoke=arguments.smoke)}")


if __name__ == "__main__":
    main()
