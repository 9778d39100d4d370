"""The limits of `asterism serve`, each beside its aim.

    bench/serve/run.sh build/release [--only PART] [--smoke]     prints a table, writes bench/results/serve-limits.json

What needs all-MiniLM-L6-v2 is skipped, by name, where that was not pulled.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "text"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "common"))
from contenders import ROOT
from costs import builtin_rate, hop, json_share
from endurance import idle_connections, million_requests
from hostile import hostile
from limits import Bench, Figure
from options import find_model
from overload import overload
from report import has_native_bf16, table, write_result

Measure = Callable[[Bench], Figure | list[Figure]]
# Name, whether it needs the transformer, and how.
MEASURES: tuple[tuple[str, bool, Measure], ...] = (
    ("hop", True, hop),
    ("json", True, json_share),
    ("builtin", False, builtin_rate),
    ("overload", True, overload),
    ("hostile", False, hostile),
    ("idle", False, idle_connections),
    ("million", False, million_requests),
)
VERBS = ("reset", "change", "close", "open", "check", "report", "find", "cancel", "pay", "move", "block", "explain")
THINGS = ("password", "card", "account", "order", "invoice", "address", "refund", "transfer", "limit", "statement")


def short_texts() -> list[str]:
    """Questions of 8 to 11 words, no two alike."""
    return [f"how do i {verb} the {thing} of my account {i}" for i in range(16) for verb in VERBS for thing in THINGS]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/ and bench/")
    parser.add_argument(
        "--model", type=Path, help="folder of all-MiniLM-L6-v2; default: as `asterism models show` says"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="PART", help="of " + ", ".join(m[0] for m in MEASURES)
    )
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "serve")
    parser.add_argument("--smoke", action="store_true", help="a moment of each: does it still run?")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    build = arguments.build.resolve()
    bench = Bench(
        build=build,
        model=arguments.model or find_model(build / "bin" / "asterism"),
        texts=short_texts(),
        cache=arguments.cache.resolve(),
        smoke=arguments.smoke,
        precision="bf16" if has_native_bf16() else "f32",
    )
    bench.cache.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    skipped: list[str] = []
    for name, needs_model, measure in MEASURES:
        if arguments.only and not any(part in name for part in arguments.only):
            continue
        if needs_model and bench.model is None:
            skipped.append(
                f"{name}: no folder with all-MiniLM-L6-v2: `asterism models pull all-MiniLM-L6-v2`, or --model"
            )
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        result = measure(bench)
        figures += result if isinstance(result, list) else [result]
    for reason in skipped:
        print(f"skipped: {reason}")
    rows = [[f.name, f"{f.value:.4g} {f.unit}", f.aim, "yes" if f.meets else "NO"] for f in figures]
    print(table(["figure", "found", "aim", "met"], rows))
    report: dict[str, Any] = {"figures": [dataclasses.asdict(figure) for figure in figures], "skipped": skipped}
    print(f"written: {write_result('serve-limits', report, smoke=arguments.smoke or bool(arguments.only))}")


if __name__ == "__main__":
    main()
