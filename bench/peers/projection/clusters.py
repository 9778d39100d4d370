"""HDBSCAN over the neighbour graph beside the exact one and scikit-learn's: agreement of groups, seconds, memory.

    ASTERISM_PEERS_ENV=.cache/peers-projection/env python bench/peers/projection/clusters.py [--rows 20000] [--peer]

Rows are texts of the data folder by all-MiniLM-L6-v2, as run.py has them, and the same reduced by UMAP to 5 dimensions,
which is how docs/structure.md says to use it. Agreement is the adjusted Rand index, rows in no group as one group, and
over the rows that both put in a group. Seconds and memory are those of the whole process (getrusage). `--grouped 5`
takes made-up groups of so many dimensions instead.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
from environment import ROOT, enter_environment

CACHE = ROOT / ".cache" / "peers-projection" / "data"


def run(command: list[str]) -> tuple[str, float, float, float]:
    """What it printed, wall seconds, seconds of processors, peak MB."""
    read, write = os.pipe()
    start = os.times().elapsed
    child = subprocess.Popen(command, stdout=write, text=True)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        printed = pipe.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"clusters: {' '.join(command)} ended with {status}")
    return printed, os.times().elapsed - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ours(program: Path, vectors: Path, tree: str, options: argparse.Namespace) -> tuple[Any, str]:
    """Labels, and what it cost."""
    import numpy as np

    out = vectors.with_suffix(f".{tree}.jsonl")
    sizes = ["--min-size", str(options.min_size), "--min-samples", str(options.min_samples)]
    command = [str(program), "cluster", str(vectors), "--method", "hdbscan", "--metric", "euclidean", *sizes]
    command += ["--tree", tree, "-o", str(out), "--json", "--threads", "2"]
    printed, wall, busy, peak = run(command)
    found = json.loads(printed)
    labels = []
    with out.open(encoding="utf-8") as file:
        for text in file:
            cluster = json.loads(text)["cluster"]
            labels.append(-1 if cluster is None else cluster)
    cost = f"{len(found['clusters'])} groups, {found['unclustered']} rows in none; {wall:.1f} s, {busy:.1f} s busy, {peak:.0f} MB"
    return np.array(labels), cost


def agreement(a: Any, b: Any) -> str:
    """Adjusted Rand index in all, and over the rows that both have in a group."""
    from sklearn.metrics import adjusted_rand_score

    both = (a >= 0) & (b >= 0)
    return f"ARI {adjusted_rand_score(a, b):.4f}, of the {both.sum()} rows in groups of both {adjusted_rand_score(a[both], b[both]):.4f}"


def grouped(row_count: int, dim: int, target: Path) -> None:
    """80 round groups whose rows lie about their middles more or less widely."""
    import numpy as np

    random = np.random.default_rng(3)
    middles = random.normal(size=(80, dim)) * 6
    spread = random.uniform(0.1, 1, (row_count, 1))
    rows = middles[random.integers(0, 80, row_count)] + random.normal(size=(row_count, dim)) * spread
    np.save(target, rows.astype(np.float32))


def compare(program: Path, vectors: Path, options: argparse.Namespace) -> None:
    """Every tree over one file of rows."""
    import numpy as np

    print(f"\n{vectors.stem}: {' x '.join(map(str, np.load(vectors, mmap_mode='r').shape))}", flush=True)
    labels = {}
    for tree in options.trees:
        labels[tree], cost = ours(program, vectors, tree, options)
        print(f"  {tree}: {cost}", flush=True)
    if options.peer:
        labels["scikit-learn"] = scikit_learn(vectors, options)
    first = next(iter(labels))
    for name, found in list(labels.items())[1:]:
        print(f"  {first} and {name}: {agreement(labels[first], found)}", flush=True)


def scikit_learn(vectors: Path, options: argparse.Namespace) -> Any:
    """Its labels."""
    import numpy as np
    from sklearn.cluster import HDBSCAN

    sizes = {"min_cluster_size": options.min_size, "min_samples": options.min_samples}
    return HDBSCAN(**sizes, algorithm="kd_tree", n_jobs=2).fit_predict(np.load(vectors))


def main() -> None:
    """Both spaces, both trees."""
    enter_environment(Path(__file__).resolve())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/")
    parser.add_argument("--vectors", type=Path, default=CACHE / "texts-100000.npy", help="run.py --cases pca makes it")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--min-size", type=int, default=20)
    parser.add_argument("--min-samples", type=int, default=5)
    parser.add_argument("--trees", nargs="+", default=["exact", "graph"])
    parser.add_argument("--peer", action="store_true", help="scikit-learn's too: minutes")
    parser.add_argument("--grouped", type=int, metavar="DIM", help="made-up groups instead of texts")
    options = parser.parse_args()
    import numpy as np

    program = options.build / "bin" / "asterism"
    folder = CACHE / "clusters"
    folder.mkdir(parents=True, exist_ok=True)
    if options.grouped:
        made = folder / f"grouped-{options.rows}x{options.grouped}.npy"
        grouped(options.rows, options.grouped, made)
        compare(program, made, options)
        return
    rows = np.load(options.vectors, mmap_mode="r")
    chosen = np.arange(options.rows) * len(rows) // options.rows
    whole, reduced = folder / f"texts-{options.rows}.npy", folder / f"texts-{options.rows}-umap5.npy"
    if not reduced.exists():
        np.save(whole, np.ascontiguousarray(rows[chosen]))
        command = [str(program), "reduce", str(whole), "--method", "umap", "--dim", "5", "-o", str(reduced)]
        subprocess.run(command, check=True)
    for vectors in (whole, reduced):
        compare(program, vectors, options)


if __name__ == "__main__":
    main()
