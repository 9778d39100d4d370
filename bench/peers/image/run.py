"""Asterism beside its peers on pictures: the same work, alternated in one run, fidelity beside speed.

    make -C bench/peers/image env                         once: the pinned environment of the peers
    python bench/peers/image/run.py throughput --asterism build/release/bin/asterism --minutes 3

Each benchmark prints a table and writes bench/results/NAME.json. What cannot run is named, never left out silently.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import PICTURE_PACKAGES, ROOT, enter_environment

HERE = Path(__file__).resolve().parent
BENCHMARKS = {
    "throughput": "pictures a second of three models, from files to vectors, and fidelity",
    "bulk": "peak memory for 1,000 and 10,000 pictures, and time to the first result of a folder of 100,000",
}


def parse_arguments() -> argparse.Namespace:
    names = "\n".join(f"  {name:12}{about}" for name, about in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"benchmarks:\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="default: throughput; `all` for every one")
    parser.add_argument("--asterism", type=Path, help="the program; default: of the newest build")
    parser.add_argument("--model", action="append", default=[], metavar="PART", help="models whose name holds PART")
    parser.add_argument("--pictures", default="default", help="folder of pictures, or `default`")
    parser.add_argument("--minutes", type=float, default=3.0, help="time for the rounds of one model, about")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="contenders whose name holds PART")
    parser.add_argument("--batch", type=int, help="pictures of one run of ours; default: the library's")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-image" / "data")
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes: does it still run?")
    return parser.parse_args()


def main() -> None:
    enter_environment(HERE / "run.py", PICTURE_PACKAGES)
    arguments = parse_arguments()
    from options import BenchmarkSkipped, Options, find_build, program_of

    asterism = arguments.asterism.resolve() if arguments.asterism else None
    build = find_build(asterism)
    options = Options(
        asterism=program_of(build, "bin/asterism"),
        worker=program_of(build, "bench/asterism_peer_image_encoder"),
        models=arguments.model,
        pictures=arguments.pictures,
        minutes=0.05 if arguments.smoke else arguments.minutes,
        threads=arguments.threads,
        cache=arguments.cache.resolve(),
        only=arguments.only,
        batch=arguments.batch,
        smoke=arguments.smoke,
    )
    names = arguments.benchmarks or ["throughput"]
    for name in list(BENCHMARKS) if names == ["all"] else names:
        if name not in BENCHMARKS:
            raise SystemExit(f"{name}: expected one of {', '.join(BENCHMARKS)}, or all")
        try:
            importlib.import_module(name).run(options)
        except BenchmarkSkipped as reason:
            print(f"skipped: {name}: {reason}")


if __name__ == "__main__":
    main()
