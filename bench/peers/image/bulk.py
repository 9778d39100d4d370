"""Bulk jobs of `asterism embed` on folders: peak memory should not grow with the number of pictures, and the first
vector should not wait for a scan of the whole folder. The same pictures are linked many times in a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contenders import thread_environment
from models import LITE0
from options import BenchmarkSkipped, Options, catalogue_folder
from process import run_process
from report import table, write_result
from rounds import progress

MEMORY_COUNTS = (1_000, 10_000)
FOLDER_COUNT = 100_000
PICTURE_COUNT = 500
STARTS = 9
MIB = 1024 * 1024


@contextmanager
def linked_folder(pictures: list[Path], count: int, cache: Path) -> Iterator[Path]:
    """`count` files with names of their own and the bytes of `pictures`, over and over."""
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        copies = Path(folder) / "originals"
        copies.mkdir()
        originals = [Path(shutil.copyfile(path, copies / f"{i}{path.suffix}")) for i, path in enumerate(pictures)]
        target = Path(folder) / "pictures"
        target.mkdir()
        for i in range(count):
            source = originals[i % len(originals)]
            os.link(source, target / f"{i:06d}{source.suffix}")
        yield target


def embed_command(options: Options, model: Path, folder: Path, output: str) -> list[str]:
    command = [str(options.asterism), "embed", str(folder), "-m", str(model), "-o", output]
    return [*command, "--threads", str(options.threads)]


def measure_memory(options: Options, model: Path, pictures: list[Path]) -> dict[str, dict[str, float]]:
    rows = {}
    for count in (20, 200) if options.smoke else MEMORY_COUNTS:
        progress(f"embedding {count} pictures")
        with linked_folder(pictures, count, options.cache) as folder:
            command = embed_command(options, model, folder, str(folder.parent / "vectors.npy"))
            taken = run_process(command, options.threads, options.cache / "logs" / "bulk.log", watch_memory=True)
        rows[str(count)] = {"seconds": taken.seconds, "peak_mib": taken.peak_bytes / MIB}
    return rows


def first_line_seconds(command: list[str], threads: int) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=thread_environment(threads)
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    if not line.endswith(b"\n"):
        raise BenchmarkSkipped("the program ended before its first vector")
    return seconds


def measure_start(options: Options, model: Path, pictures: list[Path]) -> dict[str, list[float]]:
    """Seconds from the start of the process to its first line, by the number of files in the folder."""
    found = {}
    for count in (10, 1_000) if options.smoke else (10, FOLDER_COUNT):
        with linked_folder(pictures, count, options.cache) as folder:
            command = embed_command(options, model, folder, "-")
            repeats = 1 if options.smoke else STARTS
            found[str(count)] = [first_line_seconds(command, options.threads) for _ in range(repeats)]
    return found


def run(options: Options) -> None:
    model = catalogue_folder(options.asterism, LITE0)
    if model is None:
        raise BenchmarkSkipped(f"needs the program and {LITE0} (asterism models pull {LITE0})")
    options.cache.mkdir(parents=True, exist_ok=True)
    pictures = options.load_pictures(PICTURE_COUNT)
    print(f"\nbulk: asterism embed with {LITE0}, {pictures.describe()}, linked over and over")
    starts = measure_start(options, model, pictures.files)
    lines = [[count, f"{statistics.median(s):.3f}", f"{max(s):.3f}"] for count, s in starts.items()]
    print(table(["files in the folder", "first vector after, s (median)", "at most"], lines))
    rows = measure_memory(options, model, pictures.files)
    lines = [[count, f"{row['seconds']:.1f}", f"{row['peak_mib']:.0f}"] for count, row in rows.items()]
    print(table(["pictures", "seconds", "peak MiB"], lines))
    result: dict[str, Any] = {"pictures": pictures.describe(), "memory": rows, "first_vector_seconds": starts}
    print(f"written: {write_result('image-bulk', result, smoke=options.smoke)}")
