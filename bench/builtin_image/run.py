#!/usr/bin/env python3
"""The built-in image model beside its teacher: bench/builtin_image/run.py BUILD DATA [-o OUT.json]

For each set of pictures in DATA (clothing_small, fashion_products, artworks_pd, and of cifar10_train the two thirds that
the model did not learn from): vectors of the built-in model and of EfficientNet-Lite0 by `asterism embed`, then

* probe: accuracy of a logistic regression on standardised vectors, mean over 5 stratified folds,
* neighbours: how often the nearest other picture by cosine is of the same class,
* rate: pictures a second of `asterism embed`, decoding included, 2 threads, the better of two runs.

Classes of fewer than 5 pictures are left out. Needs numpy and scikit-learn (bench/peers/text/make_env.sh makes such an
environment).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[2]
FOLD_COUNT = 5
THREADS = "2"


def load_pictures_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "tools/builtin_image/pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sets_of(data: Path) -> dict[str, list[tuple[Path, str]]]:
    pictures = load_pictures_module()
    learnt_cifar = {picture for name, picture, _ in pictures.pictures(data) if name == "cifar10"}
    cifar = [row for row in pictures.folders_by_class(data / "cifar10_train") if row[0] not in learnt_cifar]
    return {
        "clothing_small": list(pictures.folders_by_class(data / "clothing_small")),
        "fashion_products": [row for row in pictures.fashion(data / "fashion_products") if row[1]],
        "artworks_pd": list(pictures.artworks(data / "artworks_pd")),
        "cifar10_train, not learnt from": cifar,
    }


def embed(asterism: Path, model: str, pictures: list[Path], folder: Path) -> tuple[np.ndarray, float]:
    listing = folder / "pictures.txt"
    listing.write_text("".join(f"{picture}\n" for picture in pictures), encoding="utf-8")
    best = 0.0
    for attempt in range(2):
        out = folder / f"{model}-{attempt}.npy"
        began = time.perf_counter()
        command = [asterism, "embed", "--list", listing, "-m", model, "-o", out, "--threads", THREADS, "--quiet"]
        subprocess.run([*map(str, command), "--precision", "f32"], check=True)
        best = max(best, len(pictures) / (time.perf_counter() - began))
    return np.load(out), best


def probe(vectors: np.ndarray, labels: np.ndarray) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    folds = StratifiedKFold(FOLD_COUNT, shuffle=True, random_state=0)
    return float(cross_val_score(model, vectors, labels, cv=folds).mean())


def neighbours(vectors: np.ndarray, labels: np.ndarray) -> float:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2.0)
    return float((labels[cosine.argmax(axis=1)] == labels).mean())


def measure(asterism: Path, data: Path) -> list[dict[str, object]]:
    results: list[dict[str, object]] = []
    for name, rows in sets_of(data).items():
        counts = Counter(label for _, label in rows)
        kept = [(picture, label) for picture, label in rows if counts[label] >= FOLD_COUNT]
        labels = np.array([label for _, label in kept])
        result: dict[str, object] = {"set": name, "pictures": len(kept), "classes": len(set(labels))}
        for model in ("efficientnet-lite0", "builtin-image"):
            with tempfile.TemporaryDirectory() as folder:
                vectors, rate = embed(asterism, model, [picture for picture, _ in kept], Path(folder))
            result[model] = {
                "probe": probe(vectors, labels),
                "neighbours": neighbours(vectors, labels),
                "images_per_second": rate,
            }
        results.append(result)
        print(json.dumps(result), flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    results = measure(options.build / "bin/asterism", options.data)
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(
        "\n| pictures | probe: teacher | built-in | share | neighbours: teacher | built-in | rate, built-in / teacher |"
    )
    print("|---|---|---|---|---|---|---|")
    for result in results:
        teacher, student = result["efficientnet-lite0"], result["builtin-image"]
        assert isinstance(teacher, dict) and isinstance(student, dict)
        print(
            f"| {result['set']} ({result['pictures']}, {result['classes']} classes) "
            f"| {teacher['probe']:.3f} | {student['probe']:.3f} | {student['probe'] / teacher['probe']:.0%} "
            f"| {teacher['neighbours']:.3f} | {student['neighbours']:.3f} "
            f"| {student['images_per_second'] / teacher['images_per_second']:.1f}x |"
        )


if __name__ == "__main__":
    main()
