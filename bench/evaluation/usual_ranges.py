"""What is usual of vectors: the figures of `asterism inspect` over models and data, as docs/structure.md gives them.

Run: python bench/evaluation/usual_ranges.py [--build BUILD] [--rows 2000] [--only NAME ...]

Each model that is here embeds rows of each data set, evenly chosen; raw data stands beside them (TF-IDF of 1,024 words,
pixels at 32 x 32) and random vectors. Prints a line for each, and the range of each kind. Needs numpy, scikit-learn and
Pillow (make -C bench/peers/projection env) and the data folder (ASTERISM_DATA).
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "common"))
from environment import ROOT, data_folder, enter_environment

TEXT_MODELS = ("builtin", "all-MiniLM-L6-v2", "glove-6b-50d", "text_tiny_models/tests/fixtures/test-model-float32")
PICTURE_MODELS = (
    "builtin-image",
    "efficientnet-lite0",
    "vision_weights/coral/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite",
    "vision_weights/coral/mobilenet_v2_1.0_224_quant.tflite",
    "vision_weights/tflite_support/mobilenet_v1_0.25_224_1_default_1.tflite",
)
# Of each figure its name in the table and how it is read from the JSON of `asterism inspect`.
FIGURES: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "near": lambda of: of["near_rows"] / of["rows"],
    "outliers": lambda of: of["outlier_rows"] / of["rows"],
    "dimension": lambda of: of["likelihood_dimension"],
    "hubness": lambda of: of["hubness"]["skewness"],
    "mean cosine": lambda of: of["anisotropy"]["mean_cosine"],
    "first share": lambda of: (of["anisotropy"]["variance_shares"] or [None])[0],
    "isotropy": lambda of: of["anisotropy"]["iso_score"],
}


def texts_of(path: Path, column: str | int) -> list[str]:
    """A column of a csv, by name or place."""
    with path.open(newline="", encoding="utf-8") as file:
        if isinstance(column, int):
            return [row[column] for row in csv.reader(file)]
        return [row[column] for row in csv.DictReader(file)]


def evenly(rows: list[Any], count: int) -> list[Any]:
    """At most so many, over the whole."""
    return [rows[i * len(rows) // count] for i in range(count)] if len(rows) > count else rows


def tfidf(texts: list[str], _: int) -> Any:
    """Of the 1,024 most frequent words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(max_features=1024).fit_transform(texts).toarray()


def pixels(pictures: list[str], _: int) -> Any:
    """At 32 x 32, 0 to 1."""
    import numpy as np
    from PIL import Image

    return np.stack(
        [np.asarray(Image.open(p).convert("RGB").resize((32, 32)), dtype=np.float32).ravel() / 255 for p in pictures]
    )


def inspect(program: Path, vectors: Path) -> dict[str, Any]:
    """What the program says of them."""
    done = subprocess.run([program, "inspect", vectors, "--json"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: read(found) for name, read in FIGURES.items()}


def line(name: str, found: dict[str, Any]) -> str:
    """One row of the table."""
    cells = ["" if value is None else f"{value:.3f}" for value in found.values()]
    return f"{name:<72} " + " ".join(f"{cell:>11}" for cell in cells)


class Measurement:
    """Every model over every data set."""

    def __init__(self, program: Path, rows: int, folder: Path, only: list[str]) -> None:
        self.program, self.rows, self.folder, self.only = program, rows, folder, only
        self.kinds: dict[str, list[dict[str, Any]]] = {}

    def add(self, kind: str, name: str, make: Callable[[Path], None]) -> None:
        """One line: `make` writes vectors to a .npy file."""
        if self.only and not any(part in name for part in self.only):
            return
        vectors = self.folder / "vectors.npy"
        try:
            make(vectors)
            found = inspect(self.program, vectors)
        except subprocess.CalledProcessError as error:
            lines = (error.stderr or "").strip().splitlines()
            print(f"{name}: left out: {lines[0] if lines else error}", flush=True)
            return
        self.kinds.setdefault(kind, []).append(found)
        print(line(name, found), flush=True)

    def embed(self, kind: str, data: str, models: tuple[str, ...], rows: list[str]) -> None:
        """Each model that is here."""
        import numpy as np

        for model in models:
            named = data_folder() / model
            value = str(named) if named.exists() else model

            def make(vectors: Path, value: str = value) -> None:
                command = [str(self.program), "embed", *rows, "-m", value, "-o", str(vectors)]
                subprocess.run(command, capture_output=True, text=True, check=True)
                found = np.load(vectors)
                # Some models of pictures give a map of one place: [rows, dim, 1, 1].
                np.save(vectors, found.reshape(len(found), -1))

            self.add(kind, f"{Path(model).name} of {data}", make)

    def texts(self, data: str, texts: list[str]) -> None:
        """A data set of texts."""
        chosen = [" ".join(text.split()) for text in evenly([t for t in texts if t.strip()], self.rows)]
        source = self.folder / "texts.txt"
        source.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        self.embed("models of texts", data, TEXT_MODELS, [str(source), "--format", "lines"])
        self.raw("raw texts and pictures", f"TF-IDF of {data}", lambda: tfidf(chosen, self.rows))

    def pictures(self, data: str, paths: list[Path]) -> None:
        """A data set of pictures."""
        chosen = [str(path) for path in evenly(sorted(paths), self.rows)]
        source = self.folder / "pictures.txt"
        source.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        self.embed("models of pictures", data, PICTURE_MODELS, ["--list", str(source)])
        self.raw("raw texts and pictures", f"pixels of {data}", lambda: pixels(chosen, self.rows))

    def raw(self, kind: str, name: str, values: Callable[[], Any]) -> None:
        """Vectors that no model made."""
        import numpy as np

        self.add(kind, name, lambda vectors: np.save(vectors, np.asarray(values(), dtype=np.float32)))

    def summary(self) -> None:
        """Of each kind the smallest and largest of each figure."""
        for kind, found in self.kinds.items():
            print(f"\n{kind}, {len(found)} runs")
            for name in FIGURES:
                values = [one[name] for one in found if one[name] is not None]
                if values:
                    print(f"  {name:<12} {min(values):.3f} to {max(values):.3f}")


def main() -> None:
    """Everything that is here."""
    enter_environment(Path(__file__).resolve())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build with bin/")
    parser.add_argument("--rows", type=int, default=2000, help="of each data set, at most")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names")
    options = parser.parse_args()
    import numpy as np

    data = data_folder()
    print(" " * 72 + " ".join(f"{name:>11}" for name in FIGURES))
    with tempfile.TemporaryDirectory() as folder:
        measured = Measurement(options.build / "bin" / "asterism", options.rows, Path(folder), options.only)
        measured.texts("banking77", texts_of(data / "banking77" / "train.csv", "text"))
        measured.texts("ag_news", texts_of(data / "ag_news" / "test.csv", 2))
        measured.texts("stsb", texts_of(data / "stsb" / "stsb-en-dev.csv", 0))
        measured.pictures("fashion_products", list((data / "fashion_products" / "images").glob("*.jpg")))
        measured.pictures("clothing_small", list((data / "clothing_small").glob("*/*.jpg")))
        measured.pictures("cifar10", list((data / "cifar10_train").glob("*/*.jpg")))
        measured.pictures("artworks", list((data / "artworks_pd").rglob("*.jpg")))
        for dim in (50, 384, 1024):
            normal = functools.partial(np.random.default_rng(dim).normal, size=(options.rows, dim))
            measured.raw("random vectors", f"normal numbers, {dim}", normal)
        measured.summary()


if __name__ == "__main__":
    main()
