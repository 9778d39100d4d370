"""Static models: texts a second of model2vec and of Asterism on the same checkpoint, and their difference."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from contenders import ROOT, Arena, Contender
from distilled import distilled_model
from fidelity import vectors_of
from options import Options
from report import spread, table, write_result
from rounds import progress

TEXT_COUNT = 20_000
BUILTIN = ROOT / "assets" / "builtin"


def run_rounds(contenders: list[Contender], minutes: float) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    end = time.monotonic() + 60 * minutes
    rounds = 0
    while rounds < 5 or (time.monotonic() < end and rounds < 100):
        turn = rounds % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            seconds[contender.name].append(float(contender.ask("encode").split()[0]))
        rounds += 1
    return seconds


def difference(arena: Arena, work: Path) -> dict[str, float] | None:
    """Between the two on the same checkpoint; both normalise, so components are at most 1."""
    pair = [c for c in arena.contenders if c.name in ("model2vec", "asterism same checkpoint")]
    if len(pair) < 2:
        return None
    import numpy as np

    a, b = (vectors_of(contender, work / "texts.txt", work / "vectors.raw") for contender in pair)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = ((a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1.0))[lengths > 0]
    return {"max_difference": float(np.abs(a - b).max()), "cosine_min": float(cosine.min())}


def start(arena: Arena, options: Options, checkpoint: Path | None) -> None:
    if checkpoint is None:
        arena.skipped.append("model2vec and asterism same checkpoint: no static model (--static-model FOLDER)")
    else:
        arena.add_peer("model2vec", checkpoint)
    if options.worker is None:
        arena.skipped.append("asterism: asterism_peer_encoder_worker is not built")
        return
    threads = str(options.threads)
    if checkpoint is not None:
        arena.add("asterism same checkpoint", [str(options.worker), str(checkpoint), "f32", threads])
    arena.add("asterism built-in", [str(options.worker), "builtin", "f32", threads])


def run(options: Options) -> None:
    options.text_count = 500 if options.smoke else max(options.text_count, TEXT_COUNT)
    corpus = options.corpus()
    print(f"static: {corpus.describe()}, {options.threads} threads")
    work = options.cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "texts.txt").write_text("\n".join(corpus.texts) + "\n", encoding="utf-8")
    checkpoint = options.static_model or distilled_model(options)
    with options.arena(model=checkpoint or BUILTIN) as arena:
        start(arena, options, checkpoint)
        for reason in arena.skipped:
            print(f"skipped: {reason}")
        if not arena.contenders:
            return
        for contender in arena.contenders:
            contender.ask(f"texts {work / 'texts.txt'}")
            contender.ask("encode")
            progress(f"{contender.name}: ready")
        found = difference(arena, work)
        seconds = run_rounds(arena.contenders, options.minutes)
        skipped = arena.skipped
    rows: dict[str, dict[str, Any]] = {}
    lines = []
    for name, values in seconds.items():
        rates = [len(corpus.texts) / value for value in values]
        ratio = None
        if "model2vec" in seconds:
            ratio = statistics.median(a / b for a, b in zip(seconds["model2vec"], values, strict=True))
        rows[name] = {"texts_per_second": rates, "times_as_fast_as_model2vec": ratio}
        lines.append([name, spread(rates), f"{ratio:.2f}" if ratio else "-"])
    print(table(["contender", "texts/s", "times model2vec"], lines))
    if found is not None:
        print(f"same checkpoint: max difference {found['max_difference']:.1e}, min cosine {found['cosine_min']:.7f}")
    result = {"corpus": corpus.describe(), "contenders": rows, "same_checkpoint": found, "skipped": skipped}
    print(f"written: {write_result('static', result, smoke=options.smoke)}")
