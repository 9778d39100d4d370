"""Record what sentence-transformers answers on tiny checkpoints, for the tests of the encoder.

    python tools/goldens/sentence_transformers_record.py [tests/golden/sentence_transformers]

Each case is a folder as it lies on disk (files shared by several cases are links into `_shared`), with
`expected.safetensors` beside it: one float32 tensor [texts, dim] a run. `manifest.json` names cases, runs, texts,
options, noise and tolerance. Noise is the largest difference between the original in float32 and in float64.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

import sentence_transformers_checkpoints as tiny

OLD = "sentence_transformers.models."
NEW_TYPES = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
}
OLD_MODES = [
    "pooling_mode_cls_token",
    "pooling_mode_mean_tokens",
    "pooling_mode_max_tokens",
    "pooling_mode_mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens",
    "pooling_mode_lasttoken",
]
ACTIVATION = "torch.nn.modules.activation."
LIBRARIES = ["sentence-transformers", "transformers", "tokenizers", "torch", "numpy"]

LONG_TEXT = (
    "we can not see all of the stars in this light, but the train to the garden runs by the water and the stone "
    "bank, and they say that it is the longest walk in the world for an old man with bread and music"
)
TEXTS = [
    "",
    "hello",
    "The river is long and the night is small.",
    LONG_TEXT,
    "rain 😀 and 🚀 light",
    "日本語 and 中文 in one sentence",
    "THE WEATHER IN THE NORTH IS NOT GOOD",
    "?!... -- (hello) & 100% of $25",
    "   \t \n  ",
    "Crème brûlée für die Straße, señor",
    "hello\tworld\r\nagain\x00 and\u200b so on",
    "unbelievably misunderstandable xylophonists",
]


@dataclass
class Run:
    """One call of encode()."""

    name: str = "plain"
    prompt_name: str | None = None
    prompt: str | None = None
    truncate_dim: int | None = None
    normalize_embeddings: bool = False


@dataclass
class Case:
    name: str
    about: str
    build: Callable[[Path], None]
    shared: str | None = "bert"
    runs: list[Run] = field(default_factory=lambda: [Run()])


def old_pooling(*modes: str, **extra: Any) -> dict[str, Any]:
    return {"word_embedding_dimension": tiny.HIDDEN, **{mode: mode in modes for mode in OLD_MODES}, **extra}


def new_pooling(mode: str | list[str], **extra: Any) -> dict[str, Any]:
    return {"embedding_dimension": tiny.HIDDEN, "pooling_mode": mode, "include_prompt": True, **extra}


def chain(folder: Path, modules: list[str], *, new_types: bool = False, transformer_path: str = "") -> None:
    rows = []
    for i, module in enumerate(modules):
        path = transformer_path if module == "Transformer" else f"{i}_{module}"
        kind = NEW_TYPES[module] if new_types else OLD + module
        rows.append({"idx": i, "name": str(i), "path": path, "type": kind})
    tiny.write_json(folder / "modules.json", rows)


def old_style(folder: Path, pooling: dict[str, Any], rest: list[str] | None = None, **transformer: Any) -> None:
    """Transformer + Pooling + `rest`, in the dialect before 5.4."""
    chain(folder, ["Transformer", "Pooling", *(rest or [])])
    tiny.write_json(folder / "1_Pooling" / "config.json", pooling)
    tiny.write_json(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False, **transformer})


def new_style(folder: Path, pooling: dict[str, Any], rest: list[str] | None = None, length: int | None = 20) -> None:
    """Transformer + Pooling + `rest`, as 6.2 saves it: the longest input lies in tokenizer_config.json."""
    chain(folder, ["Transformer", "Pooling", *(rest or [])], new_types=True)
    tiny.write_json(folder / "1_Pooling" / "config.json", pooling)
    task = {
        "transformer_task": "feature-extraction",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        "module_output_name": "token_embeddings",
    }
    tiny.write_json(folder / "sentence_bert_config.json", task)
    config = folder / "tokenizer_config.json"
    config.unlink(missing_ok=True)
    extra = {} if length is None else {"model_max_length": length}
    tiny.write_json(config, tiny.tokenizer_config(lowercase=True, **extra))


def st_config(folder: Path, **values: Any) -> None:
    tiny.write_json(folder / "config_sentence_transformers.json", values)


def with_dense(sizes: list[tuple[int, int]], configs: list[dict[str, Any]], tail: list[str]) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        old_style(folder, old_pooling("pooling_mode_mean_tokens"), ["Dense"] * len(sizes) + tail)
        for i, (size, config) in enumerate(zip(sizes, configs, strict=True)):
            tiny.save_dense(folder / f"{i + 2}_Dense", size, config, seed=20 + i)

    return build


def pooling_cases() -> list[Case]:
    cases = [
        Case(
            f"old_{mode}",
            f"old dialect, {mode} alone, max_seq_length 24, no Normalize",
            lambda folder, mode=mode: old_style(folder, old_pooling(mode)),  # type: ignore[misc]
        )
        for mode in OLD_MODES
    ]
    six = dict(reversed(old_pooling(*OLD_MODES).items()))
    cases += [
        Case("old_mean_normalize", "the usual chain", lambda f: old_style(f, old_pooling(OLD_MODES[1]), ["Normalize"])),
        Case("old_all_modes", "all six booleans, written in another order", lambda f: old_style(f, six)),
        Case("old_no_mode", "no boolean true: mean", lambda f: old_style(f, old_pooling())),
        Case("new_mean", "new dialect; the length is the tokenizer's", lambda f: new_style(f, new_pooling("mean"))),
        Case(
            "new_list",
            "new dialect, a list in an order of its own, with Normalize; the length is the model's positions",
            lambda f: new_style(f, new_pooling(["lasttoken", "mean", "cls"]), ["Normalize"], length=None),
        ),
        Case("new_list_of_one", "new dialect, a list of one", lambda f: new_style(f, new_pooling(["max"]))),
        Case(
            "new_name_wins",
            "pooling_mode beside old booleans: the booleans are dropped",
            lambda f: new_style(f, {**new_pooling("weightedmean"), "pooling_mode_cls_token": True}),
        ),
    ]
    return cases


def prompt_cases() -> list[Case]:
    prompts = {"query": "query: ", "passage": "passage: ", "task": "Represent this sentence for the bank: "}
    runs = [
        Run(),
        Run("query", prompt_name="query"),
        Run("task", prompt_name="task"),
        Run("text", prompt="we: "),
        Run("empty", prompt=""),
    ]

    def excluded(folder: Path, modes: list[str]) -> None:
        new_style(folder, new_pooling(modes, include_prompt=False), length=16)
        st_config(folder, prompts=prompts, default_prompt_name=None)

    def defaulted(folder: Path) -> None:
        old_style(folder, old_pooling(OLD_MODES[1], include_prompt=True), ["Normalize"])
        st_config(folder, prompts=prompts, default_prompt_name="passage", similarity_fn_name="cosine")

    fills = Run("fills", prompt="the water of the river is not in the garden and the train is small and long ")
    no_max = ["mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", "cls"]
    return [
        Case("prompt_default", "default_prompt_name, include_prompt true", defaulted, runs=runs),
        Case("prompt_excluded", "include_prompt false", lambda f: excluded(f, [*no_max, "max"]), runs=runs),
        Case("prompt_fills_input", "the prompt leaves no token", lambda f: excluded(f, no_max), runs=[fills]),
    ]


def dense_cases() -> list[Case]:
    hidden = tiny.HIDDEN
    act = [{"bias": True, "activation_function": ACTIVATION + a} for a in ("Tanh", "ReLU", "GELU", "Sigmoid")]
    identity = {"bias": False, "activation_function": "torch.nn.modules.linear.Identity"}
    residual = {**act[2], "use_residual": True}
    normalize = ["Normalize"]
    to24, to16 = [(hidden, 24)], [(hidden, 16)]
    return [
        Case("dense_tanh", "1_Pooling, 2_Dense, 3_Normalize", with_dense(to24, act[:1], normalize)),
        Case("dense_relu", "ReLU, no Normalize", with_dense(to16, act[1:2], [])),
        Case("dense_gelu", "GELU (erf)", with_dense(to16, act[2:3], [])),
        Case("dense_sigmoid", "Sigmoid", with_dense(to16, act[3:4], [])),
        Case("dense_identity", "no bias, no activation", with_dense(to16, [identity], normalize)),
        Case("dense_default", "keys absent: bias and Tanh", with_dense(to16, [{}], [])),
        Case("dense_two", "two in a row", with_dense([(hidden, 48), (48, 12)], [act[2], identity], normalize)),
        Case("dense_residual", "use_residual, equal sizes", with_dense([(hidden, hidden)], [residual], [])),
        Case("dense_residual_projected", "use_residual, other size", with_dense(to24, [residual], [])),
    ]


def tokenizer_cases() -> list[Case]:
    mean = old_pooling(OLD_MODES[1])

    def lower(folder: Path) -> None:
        old_style(folder, mean, do_lower_case=True)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink()
        tiny.save_tokenizer(folder, lowercase=False)

    def vocab_only(folder: Path) -> None:
        old_style(folder, mean)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink()
        (folder / "vocab.txt").write_text("\n".join(tiny.vocabulary()) + "\n", encoding="utf-8")
        tiny.write_json(folder / "tokenizer_config.json", tiny.tokenizer_config(lowercase=False))

    def cut_left(folder: Path) -> None:
        old_style(folder, mean)
        (folder / "tokenizer_config.json").unlink()
        config = tiny.tokenizer_config(lowercase=True, truncation_side="left")
        tiny.write_json(folder / "tokenizer_config.json", config)

    return [
        Case("do_lower_case", "do_lower_case before a cased tokenizer.json", lower),
        Case("vocab_txt", "vocab.txt and tokenizer_config.json only, cased", vocab_only),
        Case("truncation_left", "truncation_side left keeps the end of a long text", cut_left),
    ]


def matryoshka_cases() -> list[Case]:
    runs = [
        Run("cut_8", truncate_dim=8),
        Run("cut_8_normalized", truncate_dim=8, normalize_embeddings=True),
        Run("config_normalized", normalize_embeddings=True),
        Run("cut_beyond", truncate_dim=100, normalize_embeddings=True),
    ]

    def build(folder: Path, tail: list[str]) -> None:
        old_style(folder, old_pooling(OLD_MODES[1]), tail)
        st_config(folder, prompts={}, truncate_dim=12)

    return [
        Case("matryoshka", "truncate_dim 12 in the config, no Normalize", lambda f: build(f, []), runs=runs),
        Case("matryoshka_normalize", "cut after Normalize", lambda f: build(f, ["Normalize"]), runs=runs),
    ]


def weight_cases() -> list[Case]:
    mean = old_pooling(OLD_MODES[1])

    def stored_as(folder: Path, dtype: torch.dtype) -> None:
        model: Any = tiny.bert_model(seed=3)
        tiny.save_model(model.to(dtype), folder)
        tiny.save_tokenizer(folder, lowercase=True)
        old_style(folder, mean, ["Dense", "Normalize"])
        config = {"bias": True, "activation_function": ACTIVATION + "Tanh"}
        tiny.save_dense(folder / "2_Dense", (tiny.HIDDEN, 16), config, seed=31, dtype=dtype)

    def sharded(folder: Path) -> None:
        tiny.save_model(tiny.bert_model(seed=4), folder, max_shard_size="60KB")
        assert (folder / "model.safetensors.index.json").exists()
        tiny.save_tokenizer(folder, lowercase=True)
        old_style(folder, mean, ["Normalize"])

    def old_names(folder: Path) -> None:
        tiny.save_model(tiny.bert_model(seed=5), folder)
        tiny.rename_to_old_names(folder)
        tiny.save_tokenizer(folder, lowercase=True)
        old_style(folder, mean)

    def subfolder(folder: Path) -> None:
        chain(folder, ["Transformer", "Pooling"], transformer_path="0_BERT")
        tiny.write_json(folder / "1_Pooling" / "config.json", mean)
        (folder / "0_BERT").mkdir()
        for link in list(folder.iterdir()):
            if link.is_symlink():
                (folder / "0_BERT" / link.name).symlink_to(Path("../..") / "_shared" / "bert" / link.name)
                link.unlink()
        tiny.write_json(folder / "0_BERT" / "sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": False})

    return [
        Case("plain", "a transformers folder without modules.json: mean", lambda f: None),
        Case("plain_distilbert", "DistilBERT without modules.json: mean", lambda f: None, shared="distilbert"),
        Case("distilbert", "DistilBERT, mean, Normalize", lambda f: old_style(f, mean, ["Normalize"]), "distilbert"),
        Case("stored_bf16", "model and Dense stored in bfloat16", lambda f: stored_as(f, torch.bfloat16), None),
        Case("stored_f16", "model and Dense stored in float16", lambda f: stored_as(f, torch.float16), None),
        Case("sharded", "model.safetensors in shards", sharded, None),
        Case("old_names", "bert. prefix, gamma and beta, pooler, position_ids", old_names, None),
        Case("subfolder", "the Transformer in a folder of its own", subfolder),
    ]


def all_cases() -> list[Case]:
    return [
        *pooling_cases(),
        *prompt_cases(),
        *dense_cases(),
        *tokenizer_cases(),
        *matryoshka_cases(),
        *weight_cases(),
    ]


def write_shared(root: Path) -> None:
    for name, model in (("bert", tiny.bert_model()), ("distilbert", tiny.distilbert_model())):
        tiny.save_model(model, root / "_shared" / name)
        tiny.save_tokenizer(root / "_shared" / name, lowercase=True)
    config_path = root / "_shared" / "distilbert" / "tokenizer_config.json"
    config = tiny.tokenizer_config(lowercase=True)
    tiny.write_json(config_path, {**config, "tokenizer_class": "DistilBertTokenizer"})


def encode(model: SentenceTransformer, run: Run) -> np.ndarray:
    return model.encode(
        TEXTS,
        prompt_name=run.prompt_name,
        prompt=run.prompt,
        truncate_dim=run.truncate_dim,
        normalize_embeddings=run.normalize_embeddings,
        convert_to_numpy=True,
        show_progress_bar=False,
    )


def token_counts(model: SentenceTransformer, run: Run) -> tuple[list[int], list[int]]:
    """Tokens of each text with special tokens: given, and used after truncation."""
    prompt = model._resolve_prompt(run.prompt, run.prompt_name) or ""
    texts = [prompt + text for text in TEXTS]
    given = [len(ids) for ids in model.tokenizer(texts, truncation=False)["input_ids"]]
    used = [min(count, int(model.max_seq_length or count)) for count in given]
    return given, used


def record(root: Path, case: Case) -> dict[str, Any]:
    folder = root / case.name
    folder.mkdir()
    if case.shared is not None:
        for file in sorted((root / "_shared" / case.shared).iterdir()):
            (folder / file.name).symlink_to(Path("..") / "_shared" / case.shared / file.name)
    case.build(folder)
    models = {
        dtype: SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": dtype}).to(dtype)
        for dtype in (torch.float32, torch.float64)
    }
    tensors: dict[str, np.ndarray] = {}
    runs: list[dict[str, Any]] = []
    for run in case.runs:
        exact, single = encode(models[torch.float64], run), encode(models[torch.float32], run)
        assert exact.dtype == np.float64 and single.dtype == np.float32 and np.isfinite(exact).all(), case.name
        noise, largest = float(np.abs(exact - single).max()), float(np.abs(exact).max())
        given, used = token_counts(models[torch.float32], run)
        tensors[run.name] = np.ascontiguousarray(single)
        runs.append(
            {
                "name": run.name,
                "prompt_name": run.prompt_name,
                "prompt": run.prompt,
                "truncate_dim": run.truncate_dim,
                "normalize_embeddings": run.normalize_embeddings,
                "noise": noise,
                "magnitude_max": largest,
                "tolerance": max(20 * noise, 1e-5 * largest),
                "token_count_given": given,
                "token_count_used": used,
            }
        )
    save_file(tensors, folder / "expected.safetensors")
    max_length = models[torch.float32].max_seq_length
    return {"name": case.name, "about": case.about, "token_count_max": max_length, "runs": runs}


def main() -> None:
    default = Path(__file__).resolve().parents[2] / "tests" / "golden" / "sentence_transformers"
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    os.environ["HF_HUB_OFFLINE"] = "1"
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    root.mkdir(parents=True, exist_ok=True)
    for entry in root.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
    write_shared(root)
    cases = [record(root, case) for case in all_cases()]
    manifest = {
        "recorded_with": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "script": "tools/goldens/sentence_transformers_record.py",
        "tolerance": "max(20 * noise, 1e-5 * magnitude_max); noise: largest float32 - float64 difference",
        "texts": TEXTS,
        "cases": cases,
    }
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(cases)} cases, {sum(len(c['runs']) for c in cases)} runs in {root}")


if __name__ == "__main__":
    main()
