"""Record what scikit-learn makes of small sets of vectors: logistic regression and weighted neighbours.

    python tools/goldens/linear_probe_record.py [tests/golden/linear_probe]

probe.safetensors holds for each case CASE: "CASE/train", "CASE/train_labels", "CASE/test", "CASE/test_labels" and
"CASE/penalty" (C). results.json holds the accuracy, the objective at scikit-learn's minimum divided by C * rows, and
the accuracy of 20 neighbours weighted by exp(cosine / 0.07).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import sklearn
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, normalize

RANDOM = np.random.default_rng(11)

# name: rows to learn from, rows asked, dimensions, classes, spread of a class beside the distance of their centres, C
CASES = {
    "easy": (80, 60, 5, 3, 0.5, 1.0),
    "overlapping": (150, 100, 8, 4, 1.6, 1.0),
    "two_classes": (60, 60, 6, 2, 1.2, 0.1),
    "more_dimensions_than_rows": (30, 60, 50, 3, 1.0, 10.0),
}


def draw(count: int, centres: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    labels = RANDOM.integers(0, len(centres), count)
    noise = RANDOM.normal(size=(count, centres.shape[1]))
    # Columns of very different size and place, as embeddings have them: what standardising is for.
    scale = np.logspace(-2, 2, centres.shape[1])
    return ((centres[labels] + spread * noise) * scale + 3 * scale).astype(np.float32), labels.astype(np.int32)


def record(train: np.ndarray, labels: np.ndarray, test: np.ndarray, asked: np.ndarray, c: float) -> dict[str, float]:
    scaler = StandardScaler().fit(train.astype(np.float64))
    x, y = scaler.transform(train.astype(np.float64)), scaler.transform(test.astype(np.float64))
    # tol far below the program's own: the minimum itself is recorded. Of two classes scikit-learn learns one row d, the
    # program a row for each, d / 2 and -d / 2: half of their squares is d^2 / 4, and d^2 / 4 + C loss is least where
    # d^2 / 2 + 2 C loss is.
    if len(set(labels)) == 2:
        model = LogisticRegression(C=2 * c, tol=1e-12, max_iter=100000).fit(x, labels)
        penalty = 0.25 * float((model.coef_**2).sum())
    else:
        model = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(x, labels)
        penalty = 0.5 * float((model.coef_**2).sum())
    loss = log_loss(labels, model.predict_proba(x)) + penalty / (c * len(labels))
    near = KNeighborsClassifier(20, weights=lambda d: np.exp((1 - d) / 0.07), metric="cosine", algorithm="brute")
    near.fit(normalize(train.astype(np.float64)), labels)
    return {
        "accuracy": float(model.score(y, asked)),
        "loss": float(loss),
        "neighbour_accuracy": float(near.score(normalize(test.astype(np.float64)), asked)),
    }


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/linear_probe")
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, np.ndarray] = {}
    results = {}
    for name, (train_count, test_count, dim, classes, spread, c) in CASES.items():
        centres = RANDOM.normal(size=(classes, dim))
        train, labels = draw(train_count, centres, spread)
        test, asked = draw(test_count, centres, spread)
        tensors |= {f"{name}/train": train, f"{name}/train_labels": labels, f"{name}/test": test}
        tensors |= {f"{name}/test_labels": asked, f"{name}/penalty": np.array([c])}
        results[name] = record(train, labels, test, asked, c)
    save_file(tensors, folder / "probe.safetensors")
    (folder / "results.json").write_text(
        json.dumps({"scikit-learn": sklearn.__version__, "cases": results}, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
