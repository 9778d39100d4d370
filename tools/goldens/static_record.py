"""Record what model2vec and sentence-transformers answer on tiny static models, for the tests of static encoders.

    python tools/goldens/static_record.py [tests/golden/static]

Each case is a folder as it lies on disk with `expected.safetensors` beside it: for every run `<run>` (float32, the
library's own answer widened) and `<run>.exact` (float32 rounding of the same formula in float64). `manifest.json` names
texts, runs, noise and tolerances. The facts behind the formula are in tests/golden/static/README.md.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import shutil
import string
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from model2vec import StaticModel
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

import sentence_transformers_checkpoints as tiny

DIM = 16
ST_STATIC_OLD = "sentence_transformers.models.StaticEmbedding"
ST_STATIC_NEW = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"
ST_NORMALIZE = "sentence_transformers.models.Normalize"
LIBRARIES = ["model2vec", "sentence-transformers", "tokenizers", "torch", "numpy"]

TEXTS = [
    "",
    "hello",
    "The river is long and the night is small.",
    "rain 😀 and 🚀 light",
    "日本語 and 中文 in one sentence",
    "THE WEATHER IN THE NORTH IS NOT GOOD",
    "?!... -- (hello) & 100% of $25",
    "   \t \n  ",
    "Crème brûlée für die Straße, señor",
    "Ж Ω ж",
    "hello Ж world Ω",
    "the star " * 9 + "over the garden and the long train in the rain by the water",
    "bread\tand\r\nwater\x00 music\u200bstone",
]
UNIGRAM_WORDS = (
    "the and of in is it on long hello world garden star river train night rain small light water stone music bread "
    "weather north good one sentence"
)
Array: TypeAlias = "npt.NDArray[Any]"


@dataclass
class Run:
    """One call of encode(); None keeps what the model says."""

    name: str = "plain"
    normalize: bool | None = None


@dataclass
class Case:
    name: str
    about: str
    build: Callable[[Path], None]
    library: str = "model2vec"
    runs: list[Run] = field(default_factory=lambda: [Run()])


def wordpiece() -> Tokenizer:
    return tiny.wordpiece_tokenizer(lowercase=True)


def unigram() -> Tokenizer:
    """A small Unigram model with Metaspace; scores fall with length and rank so that the best path is not trivial."""
    pieces = ["<unk>", "<s>", "</s>", "▁", *["▁" + word for word in UNIGRAM_WORDS.split()]]
    pieces += [*string.ascii_lowercase, *string.ascii_uppercase]
    pieces += [*".,!?-()&%$0125", "er", "re", "th", "ing", "in", "ai", "▁st", "▁s", "é", "ü"]
    scored = [(piece, -2.0 - 0.11 * i if i > 2 else 0.0) for i, piece in enumerate(dict.fromkeys(pieces))]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


def table(rows: int, seed: int, *, dim: int = DIM) -> Array:
    """Rows of very different length, as Zipf weighting makes them."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(0.0, 0.8, size=(rows, 1)))
    return np.asarray(rng.normal(0.0, 0.5, size=(rows, dim)) * scale, dtype=np.float32)


def token_weights(rows: int, seed: int) -> Array:
    return np.asarray(np.random.default_rng(seed).gamma(2.0, 0.5, size=rows), dtype=np.float64)


def quantised_int8(values: Array) -> Array:
    from model2vec.quantization import DType, quantize_embeddings

    return np.asarray(quantize_embeddings(values, DType.Int8))


def save(
    folder: Path,
    tensors: dict[str, Array],
    *,
    tokenizer: Callable[[], Tokenizer] = wordpiece,
    config: dict[str, Any] | None = None,
) -> None:
    """A model2vec folder as the library saves it, modules.json included."""
    save_file(tensors, folder / "model.safetensors")
    tokenizer().save(str(folder / "tokenizer.json"), pretty=False)
    values = {"model_type": "model2vec", "normalize": False, **(config or {})}
    tiny.write_json(folder / "config.json", values)
    modules = [{"idx": 0, "name": "0", "path": ".", "type": ST_STATIC_OLD}]
    if values["normalize"]:
        modules.append({"idx": 1, "name": "1", "path": "1_Normalize", "type": ST_NORMALIZE})
    tiny.write_json(folder / "modules.json", modules)


def model2vec_cases() -> list[Case]:
    count, pieces = wordpiece().get_vocab_size(), unigram().get_vocab_size()
    mapping = np.random.default_rng(5).integers(0, 24, size=count).astype(np.int32)
    both = [Run(), Run("normalized", normalize=True)]
    on = {"normalize": True}
    tensors: dict[str, dict[str, Array]] = {
        "f32": {"embeddings": table(count, 1)},
        "f16": {"embeddings": table(count, 1).astype(np.float16)},
        "int8": {"embeddings": quantised_int8(table(count, 1))},
        "f32_weights": {"embeddings": table(count, 2), "weights": token_weights(count, 3)},
        "f16_weights": {"embeddings": table(count, 2).astype(np.float16), "weights": token_weights(count, 3)},
        "int8_weights": {"embeddings": quantised_int8(table(count, 2)), "weights": token_weights(count, 3)},
        "quantised": {"embeddings": table(24, 4), "mapping": mapping, "weights": token_weights(count, 3)},
        "quantised_int8": {
            "embeddings": quantised_int8(table(24, 4)),
            "mapping": mapping.astype(np.int64),
            "weights": token_weights(count, 3).astype(np.float32),
        },
        "mapping_only": {"embeddings": table(24, 4), "mapping": mapping},
        "unigram": {"embeddings": table(pieces, 6), "weights": token_weights(pieces, 7)},
    }

    def case(name: str, about: str, key: str, **options: Any) -> Case:
        runs = options.pop("runs", both)
        return Case(name, about, lambda folder: save(folder, tensors[key], **options), runs=runs)

    return [
        case("f32", "float32 table", "f32"),
        case("f32_normalize", "normalize true in config.json", "f32", config=on, runs=[Run(), Run("raw", False)]),
        case("f16", "float16 table: the library rounds its answer to float16", "f16"),
        case("int8", "int8 table without scale", "int8"),
        case("f32_weights", "token weights in float64", "f32_weights"),
        case("f16_weights", "float16 table, weights in float64", "f16_weights"),
        case("int8_weights", "int8 table, weights in float64", "int8_weights", config=on),
        case("quantised", "vocabulary-quantised: mapping int32, weights float64", "quantised", config=on),
        case("quantised_int8", "mapping int64, weights float32, int8 table", "quantised_int8"),
        case("mapping_only", "mapping without weights", "mapping_only"),
        case("max_length", "max_length 6: cut by characters, then by tokens", "f32", config={"max_length": 6}),
        case("max_length_null", "max_length null: no cut", "f32", config={"max_length": None}),
        case(
            "old_config",
            "keys of old saves: seq_length means nothing",
            "f32",
            config={"seq_length": 4, "hidden_dim": 9},
        ),
        case("unigram", "Unigram with Metaspace, weights", "unigram", tokenizer=unigram),
    ]


def st_folder(folder: Path, module_path: str, kind: str, tensors: dict[str, Array], **options: Any) -> None:
    module = folder / module_path
    module.mkdir(parents=True, exist_ok=True)
    save_file(tensors, module / "model.safetensors")
    tokenizer = options.get("tokenizer", wordpiece)()
    if "cut" in options:
        tokenizer.enable_truncation(options["cut"])
    tokenizer.save(str(module / "tokenizer.json"), pretty=False)
    modules = [{"idx": 0, "name": "0", "path": module_path, "type": kind}]
    if options.get("normalize", False):
        modules.append({"idx": 1, "name": "1", "path": "1_Normalize", "type": ST_NORMALIZE})
    tiny.write_json(folder / "modules.json", modules)
    prompts = {"query": "query: ", "document": ""}
    tiny.write_json(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": None})


def sentence_transformers_cases() -> list[Case]:
    weight = {"embedding.weight": table(wordpiece().get_vocab_size(), 8)}
    half = {"embedding.weight": weight["embedding.weight"].astype(np.float16)}
    pieces = {"embedding.weight": table(unigram().get_vocab_size(), 9)}
    inner, old, new = "0_StaticEmbedding", ST_STATIC_OLD, ST_STATIC_NEW

    def case(name: str, about: str, path: str, kind: str, tensors: dict[str, Array], **options: Any) -> Case:
        return Case(name, about, lambda f: st_folder(f, path, kind, tensors, **options), "sentence-transformers")

    return [
        case("st_nested", "0_StaticEmbedding, no Normalize", inner, old, weight),
        case("st_normalize", "new type name, Normalize", inner, new, weight, normalize=True),
        case("st_root", "files at the root, path empty", "", old, weight, normalize=True),
        case("st_truncation", "tokenizer.json truncates at 5", inner, old, weight, cut=5),
        case("st_f16", "float16 table", inner, old, half),
        case("st_unigram", "Unigram; unknown tokens count", inner, new, pieces, tokenizer=unigram),
    ]


def exact_rows(rows: list[Array], normalize: bool, epsilon: Callable[[float], float]) -> Array:
    """Mean of each text's token vectors in float64; no tokens: zeros."""
    out = np.zeros((len(rows), DIM), dtype=np.float64)
    for i, vectors in enumerate(rows):
        if len(vectors):
            out[i] = vectors.mean(axis=0)
    if normalize:
        out = np.stack([row / epsilon(float(np.linalg.norm(row))) for row in out])
    return out


def record_model2vec(folder: Path, run: Run) -> tuple[Array, Array, bool]:
    model = StaticModel.from_pretrained(folder)
    answer = model.encode(TEXTS, normalize=run.normalize)
    wanted = model.normalize if run.normalize is None else run.normalize
    texts, cut = TEXTS, model.max_length
    if cut is not None:
        texts = [text[: cut * model.median_token_length] for text in TEXTS]
    ids = model.tokenize(texts)
    embeddings = model.embedding.astype(np.float64)
    mapping = np.arange(len(model.tokens)) if model.token_mapping is None else model.token_mapping
    weights = np.ones(len(model.tokens)) if model.weights is None else model.weights.astype(np.float64)
    rows = [embeddings[mapping[i]] * weights[i][:, None] for i in (np.array(row, dtype=np.int64) for row in ids)]
    return answer, exact_rows(rows, wanted, lambda norm: norm + 1e-32), wanted


def record_sentence_transformers(folder: Path) -> tuple[Array, Array, bool]:
    model = SentenceTransformer(str(folder), device="cpu")
    answer = np.asarray(model.encode(TEXTS, show_progress_bar=False))
    static: Any = model[0]
    embeddings = static.embedding.weight.detach().numpy().astype(np.float64)
    rows = [embeddings[encoding.ids] for encoding in static.tokenizer.encode_batch(TEXTS, add_special_tokens=False)]
    wanted = len(model) > 1
    return answer, exact_rows(rows, wanted, lambda norm: max(norm, 1e-12)), wanted


def record(root: Path, case: Case) -> dict[str, Any]:
    folder = root / case.name
    folder.mkdir(parents=True)
    case.build(folder)
    tensors: dict[str, Array] = {}
    runs = []
    for run in case.runs:
        recorded = (
            record_model2vec(folder, run) if case.library == "model2vec" else record_sentence_transformers(folder)
        )
        answer, exact, normalized = recorded
        noise, largest = float(np.abs(answer.astype(np.float64) - exact).max()), float(np.abs(exact).max())
        tensors[run.name] = answer.astype(np.float32)
        tensors[run.name + ".exact"] = exact.astype(np.float32)
        runs.append(
            {
                "name": run.name,
                "normalize": run.normalize,
                "normalized": normalized,
                "answer_dtype": answer.dtype.name,
                "noise": noise,
                "magnitude_max": largest,
                "tolerance": max(20 * noise, 1e-5 * largest),
                "tolerance_exact": 2e-6 * largest,
            }
        )
    save_file(tensors, folder / "expected.safetensors")
    stored = load_file(next(folder.rglob("model.safetensors")))
    kinds = {name: [value.dtype.name, list(value.shape)] for name, value in stored.items()}
    return {"name": case.name, "about": case.about, "library": case.library, "tensors": kinds, "runs": runs}


def main() -> None:
    default = Path(__file__).resolve().parents[2] / "tests" / "golden" / "static"
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    os.environ["HF_HUB_OFFLINE"] = "1"
    logging.disable(logging.WARNING)
    root.mkdir(parents=True, exist_ok=True)
    for entry in root.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
    cases = [record(root, case) for case in [*model2vec_cases(), *sentence_transformers_cases()]]
    manifest = {
        "recorded_with": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "script": "tools/goldens/static_record.py",
        "tolerance": "to the library's answer: max(20 * noise, 1e-5 * magnitude_max); noise: its distance to the "
        "formula in float64, float16 rounding of the answer included",
        "tolerance_exact": "to `<run>.exact`: 2e-6 * magnitude_max, a few dozen roundings of float32",
        "texts": TEXTS,
        "cases": cases,
    }
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(cases)} cases, {sum(len(c['runs']) for c in cases)} runs in {root}")


if __name__ == "__main__":
    main()
