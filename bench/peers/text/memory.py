"""Peak memory of a bulk job into shards: it should not grow with the number of rows."""

from __future__ import annotations

import shutil
from typing import Any

from corpus import short_texts
from options import BenchmarkSkipped, Options
from process import ProcessFailed, run_process
from report import table, write_result
from rounds import progress

ROW_COUNTS = (100_000, 1_000_000)
SHARD_ROWS = 50_000
MIB = 1024 * 1024


def run(options: Options) -> None:
    print("memory: asterism embed with the built-in model, short texts, sharded output")
    if options.asterism is None:
        raise BenchmarkSkipped("the asterism program is not built")
    work = options.cache / "work"
    output = work / "memory"
    work.mkdir(parents=True, exist_ok=True)
    counts = (2_000, 20_000) if options.smoke else ROW_COUNTS
    rows: dict[str, dict[str, Any]] = {}
    for count in counts:
        texts = work / f"short-{count}.txt"
        texts.write_text("\n".join(short_texts(count)) + "\n", encoding="utf-8")
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        progress(f"embedding {count} rows")
        shards = ["--shard-rows", str(SHARD_ROWS if not options.smoke else 5_000)]
        command = [str(options.asterism), "embed", str(texts), "-m", "builtin", "-o", str(output / "vectors.npy")]
        try:
            threads = ["--threads", str(options.threads)]
            taken = run_process([*command, *shards, *threads], options.threads, work / "memory.log", watch_memory=True)
        except ProcessFailed as error:
            print(f"skipped: {count} rows: {error}")
            continue
        finally:
            shutil.rmtree(output, ignore_errors=True)
            texts.unlink()
        rows[str(count)] = {"seconds": taken.seconds, "peak_mib": taken.peak_bytes / MIB}
    lines = [[count, f"{row['seconds']:.2f}", f"{row['peak_mib']:.0f}"] for count, row in rows.items()]
    print(table(["rows", "seconds", "peak MiB"], lines))
    print(f"written: {write_result('memory', {'rows': rows}, smoke=options.smoke)}")
