"""Texts and tokens a second, MiniLM, and what each contender's vectors are worth (see common/rounds.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contenders import Arena
from corpus import Corpus
from fidelity import Fidelity, measure_fidelity
from options import Options, asterism_precisions, text_peers
from report import spread, table, write_result
from rounds import Round, progress, rates, run_rounds, times_as_fast


def start_contenders(arena: Arena, options: Options) -> None:
    for peer in text_peers():
        if options.wants(peer):
            progress(f"starting {peer}")
            arena.add_peer(peer)
    for precision in asterism_precisions():
        if options.wants(f"asterism {precision}"):
            progress(f"starting asterism {precision}")
            arena.add_asterism(precision)


def write_chunks(corpus: Corpus, chunk_size: int, folder: Path) -> list[Path]:
    """A short rest goes with the last chunk: a round of a few texts would count as much as one of hundreds."""
    folder.mkdir(parents=True, exist_ok=True)
    chunks = []
    count = max(1, round(len(corpus.texts) / chunk_size))
    for i in range(count):
        path = folder / f"chunk-{i:03d}.txt"
        end = (i + 1) * chunk_size if i + 1 < count else len(corpus.texts)
        path.write_text("\n".join(corpus.texts[i * chunk_size : end]) + "\n", encoding="utf-8")
        chunks.append(path)
    return chunks


def token_counts(model: Path, chunks: list[Path]) -> list[int] | None:
    """Tokens that the model sees in each chunk; None without the tokenizers package."""
    try:
        from tokenizers import Tokenizer

        from engines import max_length
    except ImportError:
        return None
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length(model))
    lines = [path.read_text(encoding="utf-8").splitlines() for path in chunks]
    return [sum(len(e.ids) for e in tokenizer.encode_batch_fast(texts)) for texts in lines]


def calibrate(arena: Arena, chunk: Path, *, smoke: bool) -> dict[str, str]:
    settings = {}
    for contender in arena.contenders:
        contender.ask(f"texts {chunk}")
        settings[contender.name] = contender.ask("calibrate 16" if smoke else "calibrate")
        progress(f"{contender.name}: {settings[contender.name]}")
    return settings


def summarize(
    arena: Arena, rounds: list[Round], texts: list[int], tokens: list[int] | None
) -> dict[str, dict[str, Any]]:
    """Rates of each contender and its rate over that of every other, as medians over rounds."""
    rows: dict[str, dict[str, Any]] = {}
    names = [contender.name for contender in arena.contenders]
    for name in names:
        rows[name] = {"texts_per_second": rates(rounds, name, texts)}
        if tokens is not None:
            rows[name]["tokens_per_second"] = rates(rounds, name, tokens)
        rows[name]["times_as_fast_as"] = times_as_fast(rounds, names, name)
    return rows


def print_table(rows: dict[str, dict[str, Any]], settings: dict[str, str], fidelity: dict[str, Fidelity]) -> None:
    asterism = [name for name in rows if name.startswith("asterism")]
    header = ["contender", "setting", "texts/s", "tokens/s", *(f"{name} is x" for name in asterism)]
    header += ["max diff to f64", "max diff to f32", "min cosine"]
    lines = []
    for name, row in rows.items():
        line = [name, settings[name], spread(row["texts_per_second"])]
        line.append(spread(row["tokens_per_second"]) if "tokens_per_second" in row else "-")
        line += [f"{rows[a]['times_as_fast_as'][name]:.2f}" if a != name else "1" for a in asterism]
        found = fidelity.get(name)
        line += found.cells() if found else ["-", "-", "-"]
        lines.append(line)
    print(table(header, lines))


def run(options: Options) -> None:
    corpus = options.corpus()
    print(f"throughput: {corpus.describe()}, {options.threads} threads")
    chunk_size = min(len(corpus.texts), 512)
    chunks = write_chunks(corpus, chunk_size, options.cache / "work")
    with options.arena() as arena:
        start_contenders(arena, options)
        for reason in arena.skipped:
            print(f"skipped: {reason}")
        if not arena.contenders:
            return
        settings = calibrate(arena, chunks[0], smoke=options.smoke)
        tokens = token_counts(arena.model, chunks)
        texts = [len(path.read_text(encoding="utf-8").splitlines()) for path in chunks]
        if tokens is not None:
            print(f"tokens as the model sees them: {sum(tokens)}, {sum(tokens) / sum(texts):.1f} a text")
        rounds = run_rounds(arena.contenders, "texts", chunks, options.minutes)
        fidelity = measure_fidelity(arena, corpus, 8 if options.smoke else 256, options.cache)
        rows = summarize(arena, rounds, texts, tokens)
        print_table(rows, settings, fidelity)
        if "sentence-transformers f32" in fidelity:
            print(fidelity["sentence-transformers f32"].tolerance_line())
        skipped = arena.skipped
    result = {
        "corpus": corpus.describe(),
        "threads": options.threads,
        "tokens": None if tokens is None else sum(tokens),
        "rounds": len(rounds),
        "settings": settings,
        "contenders": rows,
        "fidelity": {name: value.as_dict() for name, value in fidelity.items()},
        "skipped": skipped + [f"texts of {name}" for name in corpus.skipped],
    }
    print(f"written: {write_result('throughput', result, smoke=options.smoke)}")
