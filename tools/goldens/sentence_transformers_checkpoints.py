"""Tiny random checkpoints in the folder layouts of transformers and sentence-transformers.

Weights are drawn so that mistakes show: embeddings small enough that the epsilon of LayerNorm matters, LayerNorm
weights spread around 1, matrices large enough that activations leave their linear range.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, PreTrainedModel

HIDDEN = 32
POSITIONS = 64
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = (
    "the of and to in is it for on that with as are this be at by not from or an but have we they you can all "
    "query passage represent sentence hello world garden star river train weather night rain bank small long "
    "light water stone music bread Hello The World"
)
PIECES = "ing ed er ly es tion al ment ness able ous est th en re on in an at or el le it ar st nd"

Json = Mapping[str, Any] | list[Any]


def write_json(path: Path, value: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def vocabulary() -> dict[str, int]:
    """Special tokens, characters alone and as continuations, and common English pieces."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    upper = [chr(c) for c in range(ord("A"), ord("Z") + 1)]
    digits = [str(d) for d in range(10)]
    marks = [*".,;:!?'\"-()&%$#@/+*=", "é", "ü", "ß", "ñ", "中", "文", "日", "本", "語", "😀", "🚀"]
    tokens = [*SPECIALS, *letters, *upper, *digits, *marks, *WORDS.split()]
    tokens += ["##" + t for t in letters + upper + digits + ["é", "ü", "ß"] + PIECES.split()]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def wordpiece_tokenizer(*, lowercase: bool) -> Tokenizer:
    vocab = vocabulary()
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


def tokenizer_config(*, lowercase: bool, **extra: Any) -> dict[str, Any]:
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": lowercase,
        "tokenize_chinese_chars": True,
        "strip_accents": None,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
        **extra,
    }


def randomize(model: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if "embeddings" in name and "LayerNorm" not in name:
                parameter.copy_(0.05 * values)
            elif "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1.0 + 0.3 * values)
            elif name.endswith("bias"):
                parameter.copy_(0.2 * values)
            else:
                parameter.copy_(0.3 * values)


def bert_model(*, seed: int = 1) -> PreTrainedModel:
    config = BertConfig(
        vocab_size=len(vocabulary()),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=POSITIONS,
        architectures=["BertModel"],
    )
    model = BertModel(config, add_pooling_layer=False)
    randomize(model, seed)
    return model


def distilbert_model(*, seed: int = 2) -> PreTrainedModel:
    config = DistilBertConfig(
        vocab_size=len(vocabulary()),
        dim=HIDDEN,
        hidden_dim=48,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=POSITIONS,
        architectures=["DistilBertModel"],
    )
    model = DistilBertModel(config)
    randomize(model, seed)
    return model


def save_model(model: PreTrainedModel, folder: Path, **save_options: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, **save_options)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.pop("transformers_version", None)
    write_json(folder / "config.json", config)


def save_tokenizer(folder: Path, *, lowercase: bool, **config_extra: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wordpiece_tokenizer(lowercase=lowercase).save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", tokenizer_config(lowercase=lowercase, **config_extra))


def rename_to_old_names(folder: Path) -> None:
    """The names of checkpoints converted from TensorFlow: prefix, gamma and beta, a pooler and stored positions."""
    path = folder / "model.safetensors"
    tensors: dict[str, torch.Tensor] = {}
    for name, value in load_file(path).items():
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        tensors["bert." + old] = value
    generator = torch.Generator().manual_seed(9)
    tensors["bert.pooler.dense.weight"] = torch.randn((HIDDEN, HIDDEN), generator=generator)
    tensors["bert.pooler.dense.bias"] = torch.randn((HIDDEN,), generator=generator)
    tensors["bert.embeddings.position_ids"] = torch.arange(POSITIONS).unsqueeze(0)
    save_file(tensors, path, metadata={"format": "pt"})


def save_dense(
    folder: Path, sizes: tuple[int, int], config: Mapping[str, Any], *, seed: int, dtype: torch.dtype = torch.float32
) -> None:
    """A Dense module with `config` beside in_features and out_features."""
    size_in, size_out = sizes
    generator = torch.Generator().manual_seed(seed)
    tensors = {"linear.weight": (0.4 * torch.randn((size_out, size_in), generator=generator)).to(dtype)}
    if config.get("bias", True):
        tensors["linear.bias"] = (0.2 * torch.randn((size_out,), generator=generator)).to(dtype)
    if config.get("use_residual", False) and size_in != size_out:
        tensors["residual.weight"] = (0.4 * torch.randn((size_out, size_in), generator=generator)).to(dtype)
    write_json(folder / "config.json", {"in_features": size_in, "out_features": size_out, **config})
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
