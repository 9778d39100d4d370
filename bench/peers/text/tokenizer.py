"""Tokenizing alone: characters a second of one thread, and whether every id agrees."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

from contenders import ROOT, Arena
from corpus import Corpus
from options import HERE, Options
from report import spread, table, write_result

TEXT_COUNT = 20_000
BUILTIN = ROOT / "assets" / "builtin"


def compare_ids(arena: Arena, work: Path) -> str:
    """What to say about the ids of the two."""
    if len(arena.contenders) < 2:
        return "ids not compared: only one tokenizer is here"
    lines = []
    for i, contender in enumerate(arena.contenders):
        contender.ask(f"ids {work / f'ids-{i}.txt'}")
        lines.append((work / f"ids-{i}.txt").read_text(encoding="utf-8").splitlines())
    different = sum(a != b for a, b in zip(*lines, strict=True))
    return f"ids: {len(lines[0]) - different} of {len(lines[0])} texts identical"


def run_rounds(arena: Arena, minutes: float) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {contender.name: [] for contender in arena.contenders}
    end = time.monotonic() + 60 * minutes
    rounds = 0
    while rounds < 5 or (time.monotonic() < end and rounds < 200):
        turn = rounds % len(arena.contenders)
        for contender in arena.contenders[turn:] + arena.contenders[:turn]:
            seconds[contender.name].append(float(contender.ask("encode").split()[0]))
        rounds += 1
    return seconds


def tokenizer_corpus(options: Options) -> Corpus:
    options.text_count = 500 if options.smoke else max(options.text_count, TEXT_COUNT)
    return options.corpus()


def run(options: Options) -> None:
    compare(options, "tokenizer", options.model or BUILTIN, tokenizer_corpus(options))


def compare(options: Options, title: str, model: Path, corpus: Corpus) -> None:
    characters = sum(len(text) for text in corpus.texts)
    print(f"{title}: {corpus.describe()}, {characters} characters, one thread each")
    work = options.cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "texts.txt").write_text("\n".join(corpus.texts) + "\n", encoding="utf-8")
    with options.arena(model=model) as arena:
        arena.threads = 1
        if arena.peers_available:
            arena.add("tokenizers", [sys.executable, str(HERE / "tokenizer_worker.py"), str(arena.model)])
        else:
            arena.skipped.append("tokenizers: no Python environment of the peers (make -C bench/peers/text env)")
        if options.tokenizer_worker is None:
            arena.skipped.append("asterism: asterism_peer_tokenizer_worker is not built")
        else:
            arena.add("asterism", [str(options.tokenizer_worker), str(arena.model)])
        for reason in arena.skipped:
            print(f"skipped: {reason}")
        if not arena.contenders:
            return
        for contender in arena.contenders:
            contender.ask(f"texts {work / 'texts.txt'}")
        agreement = compare_ids(arena, work)
        seconds = run_rounds(arena, options.minutes)
        skipped = arena.skipped
    rows: dict[str, dict[str, Any]] = {
        name: {"megacharacters_per_second": [characters / value / 1e6 for value in values]}
        for name, values in seconds.items()
    }
    lines = []
    for name, row in rows.items():
        pairs = zip(seconds["tokenizers"], seconds[name], strict=True) if "tokenizers" in seconds else None
        row["times_as_fast_as_tokenizers"] = statistics.median(a / b for a, b in pairs) if pairs else None
        ratio = row["times_as_fast_as_tokenizers"]
        lines.append([name, spread(row["megacharacters_per_second"]), f"{ratio:.2f}" if ratio else "-"])
    print(table(["tokenizer", "million characters/s", "times tokenizers"], lines))
    print(agreement)
    result = {"corpus": corpus.describe(), "agreement": agreement, "contenders": rows, "skipped": skipped}
    print(f"written: {write_result(title, result, smoke=options.smoke)}")
