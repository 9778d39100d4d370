"""Print the `verify` block of a model for catalog/models.toml: what the original library gives for a few texts.

Run: python tools/goldens/weights_catalogue_record.py FOLDER
FOLDER holds the model's files: one of sentence-transformers, or a static one, which model2vec runs. The vectors are those
of the original library in float32 on a CPU, one text a batch; `noise` is their largest difference to the same model run
in float64 (a static model: to its formula in float64). A vector of this program in f32 agrees when every
element is within max(20 x noise, 1e-5 x the largest magnitude): other float32 arithmetic differs by a few times the
noise, a wrong epsilon or another GELU by far more.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer

TEXTS = [
    "A small cat sleeps on the warm windowsill.",
    "Wie spät ist es? In Zürich und 東京 - naïve café, 3.5 €.",
    "embeddings",
]
# Width of a line of numbers.
LINE_LENGTH = 118


def encode_static(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What model2vec answers, and the mean of the token vectors, normalised, in float64."""
    model = StaticModel.from_pretrained(folder)
    if model.weights is not None or model.token_mapping is not None or not model.normalize:
        raise SystemExit("expected a static model with a vector a token and normalised results, found another")
    single = [np.asarray(model.encode([text])[0]) for text in TEXTS]
    means = [model.embedding[ids].astype(np.float64).mean(axis=0) for ids in model.tokenize(TEXTS)]
    return single, [mean / np.linalg.norm(mean) for mean in means]


def encode(folder: Path, dtype: torch.dtype) -> list[np.ndarray]:
    """One vector a text, each run alone, so that no padding takes part."""
    model = SentenceTransformer(str(folder), device="cpu").to(dtype)
    with torch.inference_mode():
        return [np.asarray(model.encode(text, batch_size=1, convert_to_numpy=True)) for text in TEXTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") == "model2vec":
        single, double = encode_static(folder)
        names = ["model2vec", "tokenizers", "numpy"]
    else:
        single, double = encode(folder, torch.float32), encode(folder, torch.float64)
        names = ["sentence-transformers", "transformers", "torch"]
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    print("[model.verify]")
    print(f'recorded_with = "{libraries}; float32 on a CPU, one text a batch"')
    for text, f32, f64 in zip(TEXTS, single, double, strict=True):
        if f32.dtype != np.float32 or f64.dtype != np.float64:
            raise SystemExit(f"expected float32 and float64, found {f32.dtype} and {f64.dtype}")
        noise = float(np.max(np.abs(f32.astype(np.float64) - f64)))
        print("\n[[model.verify.case]]")
        print(f'text = "{text}"')
        print(f"noise = {noise:.3g}")
        numbers = ", ".join(f"{value:.9g}" if value != int(value) else f"{value:.1f}" for value in f32)
        print("values = [")
        print(textwrap.fill(numbers, LINE_LENGTH, initial_indent="  ", subsequent_indent="  "))
        print("]")


if __name__ == "__main__":
    main()
