"""Nearest neighbours beside hnswlib, FAISS and USearch: queries a second at equal recall, alternated in one run.

    make -C bench/peers/search env                       once: the pinned environment of the peers
    bench/peers/search/run.sh build/release              100,000 vectors of all-MiniLM-L6-v2, 1 and 2 threads

Every contender builds with the same graph settings, then the smallest expansion that reaches each recall is found for
it, then the searches alternate at those. The truth is a product of matrices in NumPy. Prints tables and writes
bench/results/search.json and search.svg.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import ROOT, data_folder, enter_environment

HERE = Path(__file__).resolve().parent
OURS = "asterism"
PEERS = ("hnswlib", "faiss", "usearch")
RECALLS = (0.95, 0.99)
SHARES = (0.01, 0.1, 0.3, 0.6)
EXPANSIONS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224)
EXPANSION_MAX = 2048
CONNECTIVITY = 16
EXPANSION_ADD = 100
K = 10
# How much below the k-th true score still counts: rounding of equal rows, as ann-benchmarks has it.
TIE_TOLERANCE = 1e-6


@dataclass
class Truth:
    """Scores of all rows and of the k-th nearest allowed one, for every query."""

    scores: Any
    kth: Any


@dataclass
class Entry:
    """What was measured of one contender with one number of threads."""

    build_seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    expansion: dict[float, int] = field(default_factory=dict)
    seconds: dict[float, list[float]] = field(default_factory=dict)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/ and bench/")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7, help="alternated searches at each recall")
    parser.add_argument("--only", nargs="*", default=list(PEERS), help="peers to run; none: ours alone")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-search" / "data")
    parser.add_argument("--smoke", action="store_true", help="2,000 rows: does it still run?")
    return parser.parse_args()


def embed(arguments: argparse.Namespace, texts: list[str], name: str) -> Path:
    """The texts' vectors as .npy, from the cache where the same texts were embedded before."""
    source = arguments.cache / f"{name}.txt"
    target = arguments.cache / f"{name}.npy"
    content = "\n".join(texts) + "\n"
    if target.exists() and source.exists() and source.read_text(encoding="utf-8") == content:
        return target
    source.write_text(content, encoding="utf-8")
    command = [str(arguments.build / "bin" / "asterism"), "embed", str(source), "--format", "lines"]
    subprocess.run([*command, "-m", arguments.model, "-o", str(target)], check=True)
    return target


@dataclass
class Vectors:
    """What all contenders are given, as files and in memory."""

    row_file: Path
    query_file: Path
    rows: Any
    queries: Any
    description: dict[str, Any]


def take_vectors(arguments: argparse.Namespace) -> Vectors:
    """Embedded from the data folder, or from the cache."""
    import numpy

    from texts import collect

    arguments.cache.mkdir(parents=True, exist_ok=True)
    texts = collect(data_folder(), arguments.rows, arguments.queries)
    if not texts.rows:
        sys.exit(f"search: expected texts in {data_folder()}, found none: ASTERISM_DATA names another folder")
    row_file = embed(arguments, texts.rows, f"rows-{arguments.rows}")
    query_file = embed(arguments, texts.queries, f"queries-{arguments.rows}-{arguments.queries}")
    rows, queries = numpy.load(row_file), numpy.load(query_file)
    print(
        f"{len(rows)} x {rows.shape[1]} vectors of {arguments.model}, {texts.window_count} of them of windows of words"
    )
    description = {
        "rows": len(rows),
        "queries": len(queries),
        "windows": texts.window_count,
        "sources": texts.sources,
    }
    return Vectors(row_file, query_file, rows, queries, description)


def true_scores(rows: Any, queries: Any, allowed: Any) -> Truth:
    """The scores of all rows; those that are not allowed are minus infinity."""
    import numpy

    scores = queries @ rows.T
    if allowed is not None:
        scores[:, allowed == 0] = -numpy.inf
    # Query by query: a copy of all scores would be as large again.
    kth = numpy.array([numpy.partition(each, -K)[-K] for each in scores])
    return Truth(scores, kth)


def index_commands(arguments: argparse.Namespace, threads: int) -> dict[str, list[str]]:
    """How the workers start."""
    commands = {OURS: [str(arguments.build / "bench" / "asterism_peer_index_worker"), str(threads)]}
    for peer in arguments.only:
        commands[peer] = [sys.executable, str(HERE / "peer_worker.py"), peer, "--threads", str(threads)]
    return commands


class Bench:
    """The contenders of one number of threads."""

    def __init__(self, commands: dict[str, list[str]], threads: int, cache: Path, rows: Path, queries: Path) -> None:
        from contenders import Contender, ContenderError

        self.cache = cache
        self.ids = cache / "ids.bin"
        self.skipped: list[str] = []
        self.contenders: dict[str, Contender] = {}
        for name, command in commands.items():
            try:
                contender = Contender(name, command, threads, cache / "logs" / f"{name}.log")
                contender.ask(f"rows {rows}")
                contender.ask(f"queries {queries}")
                self.contenders[name] = contender
            except (ContenderError, OSError) as error:
                self.skipped.append(f"{name}: {error}")
        self.entries = {name: Entry() for name in self.contenders}

    def close(self) -> None:
        """End all workers."""
        for contender in self.contenders.values():
            contender.close()

    def build(self) -> None:
        """Every index, one after the other."""
        for name, contender in self.contenders.items():
            answer = contender.ask(f"build {CONNECTIVITY} {EXPANSION_ADD} i8")
            self.entries[name].build_seconds = float(answer.split()[0])
            print(f"  {name}: built in {self.entries[name].build_seconds:.1f} s", file=sys.stderr, flush=True)

    def seconds(self, name: str, expansion: int) -> float:
        """The time of all queries."""
        return float(self.contenders[name].ask(f"search {expansion} {K}").split()[0])

    def recall(self, name: str, truth: Truth) -> float:
        """Of the last search: answers as near as the k-th true one."""
        import numpy

        self.contenders[name].ask(f"ids {self.ids}")
        ids = numpy.fromfile(self.ids, dtype=numpy.uint32).reshape(-1, K).astype(numpy.int64)
        there = ids != 0xFFFFFFFF
        scores = numpy.take_along_axis(truth.scores[: len(ids)], numpy.where(there, ids, 0), axis=1)
        return float(((scores >= truth.kth[: len(ids), None] - TIE_TOLERANCE) & there).mean())

    def find_expansion(self, name: str, truth: Truth, target: float) -> int:
        """The smallest expansion whose recall meets the target."""

        def meets(expansion: int) -> bool:
            self.seconds(name, expansion)
            return self.recall(name, truth) >= target

        below, above = 0, K
        while not meets(above):
            below, above = above, min(2 * above, EXPANSION_MAX)
            if below == EXPANSION_MAX:
                return EXPANSION_MAX
        while above - below > 1 and below >= K:
            middle = (below + above) // 2
            if meets(middle):
                above = middle
            else:
                below = middle
        return above

    def measure(self, truth: Truth, rounds: int) -> None:
        """Curves, then alternated searches at equal recall."""
        for expansion in EXPANSIONS:
            for name, entry in self.entries.items():
                seconds = min(self.seconds(name, expansion) for _ in range(2))
                rate = len(truth.kth) / seconds
                entry.curve.append(
                    {"expansion": expansion, "recall": self.recall(name, truth), "queries_per_second": rate}
                )
        for target in RECALLS:
            for name, entry in self.entries.items():
                entry.expansion[target] = self.find_expansion(name, truth, target)
            self.alternate(target, rounds)

    def alternate(self, target: float, rounds: int) -> None:
        """Each contender at its own expansion, the order turning by one each round."""
        names = list(self.entries)
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                entry = self.entries[name]
                entry.seconds.setdefault(target, []).append(self.seconds(name, entry.expansion[target]))

    def filtered(self, rows: Any, queries: Any, rounds: int) -> list[dict[str, float]]:
        """Ours with a filter, beside ours without one at recall 0.99, alternated."""
        import numpy

        results = []
        plain = self.entries[OURS].expansion[0.99]
        ours = self.contenders[OURS]
        for share in SHARES:
            allowed = (numpy.random.default_rng(7).random(len(rows)) < share).astype(numpy.uint8)
            path = self.cache / "filter.bin"
            allowed.tofile(path)
            truth = true_scores(rows, queries, allowed)
            with_filter, without = [], []
            for _ in range(rounds):
                ours.ask("filter none")
                without.append(self.seconds(OURS, plain))
                ours.ask(f"filter {path}")
                with_filter.append(self.seconds(OURS, plain))
            recall = self.recall(OURS, truth)
            ours.ask("filter none")
            results.append(
                {
                    "share": share,
                    "recall": recall,
                    "queries_per_second": len(queries) / statistics.median(with_filter),
                    "times_as_fast_as_unfiltered": statistics.median(
                        b / a for a, b in zip(with_filter, without, strict=True)
                    ),
                }
            )
        return results


def describe(bench: Bench, query_count: int) -> list[list[str]]:
    """Rows of the table: one a contender and recall."""
    lines = []
    for name, entry in bench.entries.items():
        for target in RECALLS:
            seconds = entry.seconds[target]
            ratio = statistics.median(
                theirs / ours for theirs, ours in zip(seconds, bench.entries[OURS].seconds[target], strict=True)
            )
            rate = query_count / statistics.median(seconds)
            faster = "" if name == OURS else f"{ratio:.2f}"
            lines.append(
                [name, f"{target}", str(entry.expansion[target]), f"{rate:,.0f}", faster, f"{entry.build_seconds:.1f}"]
            )
    return lines


def plot(benches: dict[int, dict[str, Entry]], path: Path) -> None:
    """Recall and queries a second of every contender, a picture for each number of threads."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "asterism"
    from matplotlib import pyplot

    figure, all_axes = pyplot.subplots(1, len(benches), figsize=(5.5 * len(benches), 4.5), squeeze=False)
    for axes, (threads, entries) in zip(all_axes[0], benches.items(), strict=True):
        for name, entry in entries.items():
            recalls = [point["recall"] for point in entry.curve]
            axes.plot(recalls, [point["queries_per_second"] for point in entry.curve], marker="o", label=name)
        axes.set_yscale("log")
        axes.set_xlabel("recall@10")
        axes.set_ylabel("queries a second")
        axes.set_title("1 thread" if threads == 1 else f"{threads} threads")
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def main() -> None:
    """Everything, in order."""
    enter_environment(HERE / "run.py")
    arguments = parse_arguments()
    from report import table, write_result

    if arguments.smoke:
        arguments.rows, arguments.queries, arguments.rounds = 2000, 200, 1
    vectors = take_vectors(arguments)
    rows, queries = vectors.rows, vectors.queries
    truth = true_scores(rows, queries, None)
    result: dict[str, Any] = {
        "data": vectors.description,
        "connectivity": CONNECTIVITY,
        "expansion_add": EXPANSION_ADD,
        "threads": {},
    }
    curves = {}
    for threads in arguments.threads:
        bench = Bench(
            index_commands(arguments, threads), threads, arguments.cache, vectors.row_file, vectors.query_file
        )
        bench.build()
        bench.measure(truth, arguments.rounds)
        filtered = bench.filtered(rows, queries, arguments.rounds)
        bench.close()
        header = ["contender", "recall@10", "expansion", "queries/s", "ours is times as fast", "build s"]
        print(f"\n{threads} thread(s)\n{table(header, describe(bench, len(queries)))}")
        for each in filtered:
            print(
                f"filter of {each['share']:.0%}: recall {each['recall']:.4f}, {each['queries_per_second']:,.0f} queries/s, "
                f"{each['times_as_fast_as_unfiltered']:.2f} times as fast as without at recall 0.99"
            )
        for line in bench.skipped:
            print(f"skipped: {line}")
        curves[threads] = bench.entries
        result["threads"][threads] = {
            "contenders": {name: vars(entry) for name, entry in bench.entries.items()},
            "filtered": filtered,
            "skipped": bench.skipped,
        }
    path = write_result("search", result, smoke=arguments.smoke)
    plot(curves, path.with_suffix(".svg"))
    print(f"\n{path} and {path.with_suffix('.svg').name}")


if __name__ == "__main__":
    main()
