"""Pictures a second from files on disk to vectors, and what each contender's vectors are worth (common/rounds.py)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from contenders import Arena
from distance import Fidelity, compare_vectors, vectors_of
from models import MODELS, BenchModel
from options import BenchmarkSkipped, Options, peers, precisions
from report import spread, table, write_result
from rounds import Round, progress, rates, run_rounds, times_as_fast

ORIGINAL = "torch f32"
JUDGE = "torch f64"
CHUNK_COUNT = 4
FIDELITY_PICTURES = 32


def start_contenders(arena: Arena, options: Options) -> None:
    for peer in filter(options.wants, peers()):
        progress(f"starting {peer}")
        arena.add_peer(peer)
    for precision in precisions():
        name = f"asterism {precision}"
        if options.wants(name):
            progress(f"starting {name}")
            arena.add_asterism(precision, extra=[] if options.batch is None else [str(options.batch)])


def write_chunks(files: list[Path], chunk: int, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(max(1, len(files) // chunk)):
        path = folder / f"files-{i:03d}.txt"
        path.write_text("".join(f"{name}\n" for name in files[i * chunk : (i + 1) * chunk]), encoding="utf-8")
        paths.append(path)
    return paths


def calibrate(arena: Arena, chunk: Path, *, smoke: bool) -> dict[str, str]:
    settings = {}
    for contender in arena.contenders:
        contender.ask(f"files {chunk}")
        settings[contender.name] = contender.ask("calibrate 4" if smoke else "calibrate")
        progress(f"{contender.name}: {settings[contender.name]}")
    return settings


def judge_vectors(arena: Arena, chunk: Path, cache: Path) -> Any | None:
    """The original in float64, kept in the cache: it is slow and never changes."""
    import numpy as np

    from export import digest

    key = hashlib.sha256(chunk.read_bytes()).hexdigest()[:16]
    path = cache / f"judge-{digest(arena.model)}-{key}.npy"
    if not path.exists():
        judge = arena.add_peer(JUDGE)
        if judge is None:
            return None
        np.save(path, vectors_of(judge, "files", chunk, cache / "work" / "vectors.raw"))
        judge.close()
        arena.contenders.remove(judge)
    return np.load(path)


def measure_fidelity(arena: Arena, files: list[Path], count: int, cache: Path) -> dict[str, Fidelity]:
    """By contender; empty where the original cannot run."""
    if not arena.peers_available or not any(c.name == ORIGINAL for c in arena.contenders):
        return {}
    chunk = write_chunks(files[:count], count, cache / "fidelity")[0]
    vectors = {c.name: vectors_of(c, "files", chunk, cache / "work" / "vectors.raw") for c in arena.contenders}
    judge = judge_vectors(arena, chunk, cache)
    return {} if judge is None else compare_vectors(vectors, vectors[ORIGINAL], judge)


def summarize(arena: Arena, rounds: list[Round], counts: list[int]) -> dict[str, dict[str, Any]]:
    names = [contender.name for contender in arena.contenders]
    return {
        name: {
            "pictures_per_second": rates(rounds, name, counts),
            "times_as_fast_as": times_as_fast(rounds, names, name),
        }
        for name in names
    }


def print_table(rows: dict[str, dict[str, Any]], settings: dict[str, str], fidelity: dict[str, Fidelity]) -> None:
    ours = [name for name in rows if name.startswith("asterism")]
    header = ["contender", "setting", "pictures/s", *(f"{name} is x" for name in ours)]
    header += ["max diff to f64", "max diff to f32", "min cosine"]
    lines = []
    for name, row in rows.items():
        line = [name, settings[name], spread(row["pictures_per_second"])]
        line += [f"{rows[a]['times_as_fast_as'][name]:.2f}" if a != name else "1" for a in ours]
        found = fidelity.get(name)
        lines.append(line + (found.cells() if found else ["-", "-", "-"]))
    print(table(header, lines))


def compare(model: BenchModel, options: Options) -> dict[str, Any]:
    chunk_size = 8 if options.smoke else model.chunk
    pictures = options.load_pictures(chunk_size if options.smoke else chunk_size * CHUNK_COUNT)
    print(f"\n{model.name}: {pictures.describe()}, {options.threads} threads")
    chunks = write_chunks(pictures.files, min(chunk_size, len(pictures.files)), options.cache / "work")
    with options.arena(options.folder_of(model)) as arena:
        start_contenders(arena, options)
        for reason in arena.skipped:
            print(f"skipped: {reason}")
        if not arena.contenders:
            raise BenchmarkSkipped("no contender could start")
        settings = calibrate(arena, chunks[0], smoke=options.smoke)
        counts = [len(path.read_text(encoding="utf-8").splitlines()) for path in chunks]
        rounds = run_rounds(arena.contenders, "files", chunks, options.minutes)
        fidelity = measure_fidelity(arena, pictures.files, 4 if options.smoke else FIDELITY_PICTURES, options.cache)
        rows = summarize(arena, rounds, counts)
        print_table(rows, settings, fidelity)
        if ORIGINAL in fidelity:
            print(fidelity[ORIGINAL].tolerance_line())
        return {
            "pictures": pictures.describe(),
            "rounds": len(rounds),
            "settings": settings,
            "contenders": rows,
            "fidelity": {name: value.as_dict() for name, value in fidelity.items()},
            "skipped": arena.skipped + [f"pictures of {name}" for name in pictures.skipped],
        }


def run(options: Options) -> None:
    if options.missing_packages():
        print(f"skipped: peers: {', '.join(options.missing_packages())} not there (make -C bench/peers/image env)")
    for model in MODELS:
        if not options.wants_model(model.name):
            continue
        try:
            result = {"model": model.name, "threads": options.threads, **compare(model, options)}
        except BenchmarkSkipped as reason:
            print(f"skipped: {model.name}: {reason}")
            continue
        print(f"written: {write_result(f'image-{model.name}', result, smoke=options.smoke)}")
