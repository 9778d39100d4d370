"""`asterism train` beside plain PyTorch: the same data, network and settings, in turns, speed and losses.

    make -C bench/peers/train env                         once: the pinned environment of the peers
    python bench/peers/train/run.py simclr --asterism build/release/bin/asterism --rounds 3

Each comparison prints its tables and writes bench/results/train-NAME-PRECISION.json. What cannot run is named, never
left out silently.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import PICTURE_PACKAGES, ROOT, enter_environment

HERE = Path(__file__).resolve().parent


def parse_arguments(about: dict[str, str]) -> argparse.Namespace:
    names = "\n".join(f"  {name:20}{text}" for name, text in about.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"comparisons:\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("comparisons", nargs="*", metavar="COMPARISON", help="default: all")
    parser.add_argument("--asterism", type=Path, help="the program; default: of the newest build")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side; round r has the seed r")
    parser.add_argument("--epochs", type=int, help="of a run, from 2; default: those of the comparison")
    parser.add_argument("--rows", type=int, help="of the data, at most; default: all")
    parser.add_argument("--threads", type=int, default=2, help="of each side, and as many workers")
    parser.add_argument("--precision", choices=["auto", "f32", "bf16"], default="auto", help="auto: bf16 where native")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-train")
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes: does it still run?")
    return parser.parse_args()


def newest_program() -> Path | None:
    return max((ROOT / "build").glob("*/bin/asterism"), key=lambda path: path.stat().st_mtime, default=None)


def main() -> None:
    enter_environment(HERE / "run.py", PICTURE_PACKAGES)
    from cases import CASES

    arguments = parse_arguments({name: case.about for name, case in CASES.items()})
    import compare
    from options import BenchmarkSkipped, Options
    from report import has_native_bf16, write_result

    native = "bf16" if has_native_bf16() else "f32"
    options = Options(
        asterism=arguments.asterism.resolve() if arguments.asterism else newest_program(),
        rounds=1 if arguments.smoke else arguments.rounds,
        epochs=arguments.epochs,
        rows=arguments.rows,
        threads=arguments.threads,
        precision=native if arguments.precision == "auto" else arguments.precision,
        cache=arguments.cache.resolve(),
        smoke=arguments.smoke,
    )
    if not options.peers_available():
        print(f"skipped: pytorch: {', '.join(options.missing_packages())} not there (make -C bench/peers/train env)")
    for name in arguments.comparisons or list(CASES):
        if name not in CASES:
            raise SystemExit(f"{name}: expected one of {', '.join(CASES)}")
        try:
            result = compare.run(CASES[name], name, options)
        except BenchmarkSkipped as reason:
            print(f"skipped: {name}: {reason}")
            continue
        print(f"written: {write_result(f'train-{name}-{options.precision}', result, smoke=options.smoke)}")


if __name__ == "__main__":
    main()
