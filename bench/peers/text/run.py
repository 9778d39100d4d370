"""Asterism beside its peers: the same work, alternated in one run, fidelity beside speed.

    make -C bench/peers/text env                         once: the pinned environment of the peers
    python bench/peers/text/run.py throughput --asterism build/release/bin/asterism --minutes 10

Each benchmark prints a table and writes bench/results/NAME.json. What cannot run is named, never left out silently.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import ROOT, enter_environment

HERE = Path(__file__).resolve().parent
BENCHMARKS = {
    "throughput": "texts and tokens a second of MiniLM, and fidelity",
    "latency": "one 12-token query, p50 and p99",
    "start": "process start to first vector",
    "tokenizer": "texts and characters a second for one thread, ids compared",
    "bpe": "the same for byte-level BPE, with vocabularies trained on the spot in RoBERTa's and CLIP's way",
    "static": "texts a second of a static model, and fidelity",
    "quality": "Spearman on STS-B dev of the built-in model and of model2vec's distillation",
    "memory": "peak memory of a bulk job of 100,000 and 1,000,000 short texts",
}


def parse_arguments() -> argparse.Namespace:
    names = "\n".join(f"  {name:12}{about}" for name, about in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"benchmarks:\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="default: throughput; `all` for every one")
    parser.add_argument("--asterism", type=Path, help="the program; default: of the newest build")
    parser.add_argument(
        "--model", type=Path, help="folder of all-MiniLM-L6-v2; default: as `asterism models show` says"
    )
    parser.add_argument(
        "--static-model", type=Path, help="model2vec folder; default: distilled from MODEL, 256 columns"
    )
    parser.add_argument("--texts", default="default", help="file with one text a line, or `default`")
    parser.add_argument("--text-count", type=int, default=2048)
    parser.add_argument("--minutes", type=float, default=10.0, help="time for the rounds of one benchmark, about")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="contenders whose name holds PART")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "peers-text" / "data")
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes: does it still run?")
    return parser.parse_args()


def main() -> None:
    enter_environment(HERE / "run.py")
    arguments = parse_arguments()
    from options import BenchmarkSkipped, Options, find_build, find_model, program_of

    asterism = arguments.asterism.resolve() if arguments.asterism else None
    if asterism is not None and not asterism.is_file():
        raise SystemExit(f"{asterism}: expected the asterism program, found no file (build it, or give --asterism)")
    build = find_build(asterism)
    asterism = program_of(build, "bin/asterism")
    options = Options(
        asterism=asterism,
        worker=program_of(build, "bench/asterism_peer_encoder_worker"),
        tokenizer_worker=program_of(build, "bench/asterism_peer_tokenizer_worker"),
        model=arguments.model.resolve() if arguments.model else find_model(asterism),
        static_model=arguments.static_model.resolve() if arguments.static_model else None,
        texts=arguments.texts,
        text_count=24 if arguments.smoke else arguments.text_count,
        minutes=0.05 if arguments.smoke else arguments.minutes,
        threads=arguments.threads,
        cache=arguments.cache.resolve(),
        only=arguments.only,
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
