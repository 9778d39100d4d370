"""Reductions beside scikit-learn, umap-learn, openTSNE and PaCMAP: wall time with start-up, alternated, and quality.

    make -C bench/peers/projection env                   once: the pinned environment of the peers
    bench/peers/projection/run.sh build/release          all cases, 2 threads
    bench/peers/projection/run.sh build/release --cases pca --rounds 7

Every run is a process of its own that reads a .npy file and writes one: ours is `asterism reduce`. A ratio is taken
within a round and the median is printed. Quality is trustworthiness, neighbour preservation and correlation of densities
at 15 (quality.py). Ours must give the same bytes twice, with 1 and with 2 threads. Prints tables and writes bench/results/projection.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import ROOT, data_folder, enter_environment

HERE = Path(__file__).resolve().parent
OURS = "asterism"
# What a peer may take before it is given up.
TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Case:
    """One reduction of one set of rows: ours, and who does the same."""

    name: str
    data: str
    method: str
    options: tuple[str, ...]
    peers: tuple[str, ...]


CASES = (
    Case("pca-texts", "texts", "pca", ("--dim", "50"), ("scikit-learn-randomized", "scikit-learn-covariance_eigh")),
    Case("umap-digits", "digits", "umap", (), ("umap-learn",)),
    Case("umap-texts", "texts", "umap", (), ("umap-learn",)),
    Case("density-digits", "digits", "umap", ("--set", "density=2"), ("umap-learn-densmap",)),
    Case("tsne-digits", "digits", "tsne", (), ("openTSNE",)),
    Case("tsne-texts", "texts", "tsne", (), ("openTSNE",)),
    Case("pacmap-digits", "digits", "pacmap", (), ("pacmap",)),
)


@dataclass
class Entry:
    """What was measured of one contender."""

    wall_seconds: list[float] = field(default_factory=list)
    fit_seconds: list[float] = field(default_factory=list)
    quality: dict[str, float] = field(default_factory=dict)
    same_bytes: bool | None = None


class Refused(RuntimeError):
    """A contender that ended with an error."""


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/")
    parser.add_argument(
        "--cases", nargs="+", default=["pca", "umap", "density", "tsne", "pacmap"], help="beginnings of names"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of ours and of peers that take one")
    parser.add_argument("--rows", type=int, default=100_000, help="of the texts")
    parser.add_argument("--only", nargs="*", help="peers to run")
    parser.add_argument("--synthetic", action="store_true", help="rows with a falling spectrum instead of texts")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-projection" / "data")
    parser.add_argument("--smoke", action="store_true", help="600 synthetic rows: does it still run?")
    return parser.parse_args()


def synthetic_rows(count: int, dim: int) -> Any:
    """Groups of rows whose directions vary less and less."""
    import numpy as np

    random = np.random.default_rng(5)
    centres = random.normal(size=(20, dim)) * 0.97 ** np.arange(dim)
    noise = random.normal(size=(count, dim)) * 0.98 ** np.arange(dim)
    return (centres[random.integers(0, 20, size=count)] + noise).astype(np.float32)


def digits(folder: Path) -> Any:
    """10,000 MNIST digits of 784 grey levels, from one picture of 100 x 100 of them."""
    import numpy as np
    from PIL import Image

    picture = np.asarray(Image.open(folder / "mnist_sprites" / "mnist_10k_sprite.png").convert("L"))
    tiles = picture[:2800, :2800].reshape(100, 28, 100, 28).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(tiles.reshape(10_000, 784), dtype=np.float32)


def text_rows(arguments: argparse.Namespace, target: Path) -> None:
    """Texts of the data folder, embedded."""
    sys.path.insert(0, str(HERE.parent / "search"))
    from texts import collect

    texts = collect(data_folder(), arguments.rows, 1)
    if not texts.rows:
        sys.exit(f"projection: expected texts in {data_folder()}, found none: --synthetic, or ASTERISM_DATA")
    source = target.with_suffix(".txt")
    source.write_text("\n".join(texts.rows) + "\n", encoding="utf-8")
    program = arguments.build / "bin" / "asterism"
    command = [str(program), "embed", str(source), "--format", "lines", "-m", arguments.model, "-o", str(target)]
    subprocess.run(command, check=True)


def rows_of(arguments: argparse.Namespace, data: str) -> tuple[Path, str]:
    """The file of a data set, made where it is not there, and what it is."""
    import numpy as np

    synthetic = arguments.smoke or arguments.synthetic
    count = 600 if arguments.smoke else arguments.rows
    name = f"{data}-{'synthetic-' if synthetic else ''}{count}.npy" if synthetic or data == "texts" else f"{data}.npy"
    path = arguments.cache / name
    if not path.exists():
        arguments.cache.mkdir(parents=True, exist_ok=True)
        if synthetic:
            np.save(
                path,
                synthetic_rows(
                    count if data == "texts" or arguments.smoke else 10_000, 784 if data == "digits" else 384
                ),
            )
        elif data == "texts":
            text_rows(arguments, path)
        else:
            np.save(path, digits(data_folder()))
    shape = np.load(path, mmap_mode="r").shape
    kind = "synthetic" if synthetic else f"texts by {arguments.model}" if data == "texts" else "MNIST digits"
    return path, f"{shape[0]:,} x {shape[1]}, {kind}"


def environment(threads: int) -> dict[str, str]:
    """The thread count in every form that the peers read."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, **{name: str(threads) for name in names}}


def run_process(command: list[str], threads: int) -> tuple[float, str]:
    """Wall seconds, and what it printed."""
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, env=environment(threads), capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(str(error)) from error
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Refused(lines[-1] if lines else f"ended with {done.returncode}")
    return seconds, done.stdout


class Bench:
    """The contenders of one case."""

    def __init__(self, arguments: argparse.Namespace, case: Case, rows: Path) -> None:
        self.arguments = arguments
        self.case = case
        self.rows = rows
        peers = [peer for peer in case.peers if arguments.only is None or peer in arguments.only]
        self.entries = {name: Entry() for name in (OURS, *peers)}
        self.skipped: list[str] = []

    def places(self, name: str) -> Path:
        """Where a contender writes."""
        return self.arguments.cache / "places" / f"{self.case.name}-{name}.npy"

    def command(self, name: str, threads: int) -> list[str]:
        """How a contender is started."""
        if name == OURS:
            program = str(self.arguments.build / "bin" / "asterism")
            fixed = [program, "reduce", str(self.rows), "-o", str(self.places(name)), "--method", self.case.method]
            return [*fixed, *self.case.options, "--threads", str(threads), "--seed", str(self.arguments.seed), "--json"]
        files = [str(self.rows), str(self.places(name))]
        return [
            sys.executable,
            str(HERE / "peer.py"),
            name,
            *files,
            "--threads",
            str(threads),
            "--seed",
            str(self.arguments.seed),
        ]

    def run_once(self, name: str, threads: int) -> tuple[float, float]:
        """Wall seconds and those of the fit alone."""
        wall, stdout = run_process(self.command(name, threads), threads)
        last = stdout.strip().splitlines()[-1]
        return wall, float(json.loads(last)["seconds"] if name == OURS else last)

    def measure(self) -> None:
        """Rounds in turn, the order turning by one each."""
        (self.arguments.cache / "places").mkdir(parents=True, exist_ok=True)
        for turn in range(self.arguments.rounds):
            names = list(self.entries)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                try:
                    wall, fit = self.run_once(name, self.arguments.threads)
                except Refused as error:
                    self.skipped.append(f"{name}: {error}")
                    del self.entries[name]
                    continue
                self.entries[name].wall_seconds.append(wall)
                self.entries[name].fit_seconds.append(fit)
                print(f"  {self.case.name} {name}: {wall:.2f} s", file=sys.stderr, flush=True)

    def judge(self) -> None:
        """Quality of each, and whether ours repeats itself."""
        import numpy as np

        from quality import neighborhood_quality

        rows = np.load(self.rows)
        for name, entry in self.entries.items():
            entry.quality = neighborhood_quality(rows, np.load(self.places(name)))
        if OURS in self.entries:
            digests = {self.digest()}
            for threads in (1, self.arguments.threads):
                self.run_once(OURS, threads)
                digests.add(self.digest())
            self.entries[OURS].same_bytes = len(digests) == 1

    def digest(self) -> str:
        """Of what ours wrote last."""
        return hashlib.sha256(self.places(OURS).read_bytes()).hexdigest()

    def ratio(self, name: str) -> float:
        """How many times as fast ours is by the wall clock, as the median over rounds."""
        ours = self.entries[OURS].wall_seconds
        return statistics.median(b / a for a, b in zip(ours, self.entries[name].wall_seconds, strict=False))

    def lines(self) -> list[list[str]]:
        """Rows of the table."""
        out = []
        for name, entry in self.entries.items():
            faster = f"{self.ratio(name):.2f}" if name != OURS and OURS in self.entries else ""
            times = [statistics.median(entry.wall_seconds), statistics.median(entry.fit_seconds)]
            quality = entry.quality.values()
            out.append([name, *(f"{t:.2f}" for t in times), faster, *(f"{q:.4f}" for q in quality)])
        return out


def main() -> None:
    """Everything, in order."""
    enter_environment(HERE / "run.py")
    arguments = parse_arguments()
    try:
        import numpy  # noqa: F401
    except ImportError:
        if arguments.smoke:
            print("projection: skipped: no Python environment of the peers (make -C bench/peers/projection env)")
            return
        raise
    from report import table, write_result

    if arguments.smoke:
        arguments.rounds = 1
    result: dict[str, Any] = {"threads": arguments.threads, "cases": {}}
    for case in CASES:
        if not case.name.startswith(tuple(arguments.cases)):
            continue
        rows, description = rows_of(arguments, case.data)
        bench = Bench(arguments, case, rows)
        bench.measure()
        bench.judge()
        header = [
            "contender",
            "wall s",
            "fit s",
            "ours is times as fast",
            "trustworthiness@15",
            "preserved@15",
            "density@15",
        ]
        print(f"\n{case.name}: {description}, {arguments.threads} threads\n{table(header, bench.lines())}")
        if OURS in bench.entries:
            print("ours gives the same bytes again: " + ("yes" if bench.entries[OURS].same_bytes else "NO"))
        for line in bench.skipped:
            print(f"skipped: {line}")
        result["cases"][case.name] = {
            "data": description,
            "contenders": {name: vars(entry) for name, entry in bench.entries.items()},
            "skipped": bench.skipped,
        }
    print(f"\n{write_result('projection', result, smoke=arguments.smoke)}")


if __name__ == "__main__":
    main()
