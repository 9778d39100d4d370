"""Record what transformers answers on tiny random encoders, for the golden tests of src/models and of both backends.

    python tools/goldens/text_models_record.py [tests/golden/text_models]

Each case is a checkpoint folder with `expected.safetensors` beside it: `ids` and `offsets` of the texts, packed, and
`hidden.N`, every hidden state in float32, each text run alone. `manifest.json` holds, for every hidden state, the name
of the value in our graph, the noise (largest difference between the run in float32 and the run in float64) and the
tolerance max(20 x noise, 1e-5 x largest magnitude), and the versions of the libraries.

Weights are drawn so that mistakes show: embeddings so small that the epsilon of LayerNorm matters, LayerNorm weights
spread around 1, matrices so large that activations leave their linear range.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from text_towers import TOWERS, Tower, run
from text_towers import save as save_tower

VOCABULARY = 160
POSITIONS = 48
LENGTHS = (1, 2, 7, 16, 33)
LIBRARIES = ["transformers", "torch", "safetensors"]
NOISE_FACTOR = 20.0
MAGNITUDE_FACTOR = 1e-5


@dataclass(frozen=True)
class Case:
    """One checkpoint: how it is made, and how its file differs from what transformers writes."""

    name: str
    family: str
    config: dict[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32
    shard_size: str = "5GB"
    rewrite: Callable[[Path], None] | None = None


def randomize(model: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if "embeddings" in name and "LayerNorm" not in name:
                parameter.copy_(0.02 * values)
            elif "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1.0 + 0.3 * values)
            elif name.endswith("bias"):
                parameter.copy_(0.2 * values)
            else:
                parameter.copy_(0.3 * values)


def old_bert_names(folder: Path) -> None:
    """As converted from TensorFlow: prefix, gamma and beta, pooler, heads and a stored buffer."""
    path = folder / "model.safetensors"
    tensors: dict[str, torch.Tensor] = {}
    for name, value in load_file(path).items():
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        tensors["bert." + old] = value
    hidden = tensors["bert.embeddings.LayerNorm.gamma"].shape[0]
    tensors["bert.embeddings.position_ids"] = torch.arange(POSITIONS).unsqueeze(0)
    tensors["bert.pooler.dense.weight"] = torch.ones((hidden, hidden))
    tensors["bert.pooler.dense.bias"] = torch.ones((hidden,))
    tensors["cls.predictions.bias"] = torch.ones((VOCABULARY,))
    tensors["cls.seq_relationship.weight"] = torch.ones((2, hidden))
    save_file(tensors, path, metadata={"format": "pt"})


def masked_lm_names(folder: Path) -> None:
    """As DistilBertForMaskedLM saves it: prefix and the vocabulary head."""
    path = folder / "model.safetensors"
    tensors = {"distilbert." + name: value for name, value in load_file(path).items()}
    hidden = tensors["distilbert.embeddings.LayerNorm.weight"].shape[0]
    tensors["vocab_transform.weight"] = torch.ones((hidden, hidden))
    tensors["vocab_layer_norm.weight"] = torch.ones((hidden,))
    tensors["vocab_projector.bias"] = torch.ones((VOCABULARY,))
    save_file(tensors, path, metadata={"format": "pt"})


def old_roberta_names(folder: Path) -> None:
    """As RobertaForMaskedLM saves it: prefix, the language model's head and a stored buffer."""
    path = folder / "model.safetensors"
    tensors = {"roberta." + name: value for name, value in load_file(path).items()}
    hidden = tensors["roberta.embeddings.LayerNorm.weight"].shape[0]
    tensors["roberta.embeddings.position_ids"] = torch.arange(POSITIONS).unsqueeze(0)
    tensors["lm_head.bias"] = torch.ones((VOCABULARY,))
    tensors["lm_head.dense.weight"] = torch.ones((hidden, hidden))
    save_file(tensors, path, metadata={"format": "pt"})


CASES = [
    Case("bert", "bert", {"hidden_size": 48, "num_hidden_layers": 3, "intermediate_size": 64}),
    Case("bert_old_names", "bert", rewrite=old_bert_names),
    Case("bert_bf16", "bert", dtype=torch.bfloat16),
    Case("bert_f16", "bert", dtype=torch.float16),
    Case("bert_gelu_new", "bert", {"hidden_act": "gelu_new"}),
    Case("bert_relu", "bert", {"hidden_act": "relu"}),
    Case("bert_silu", "bert", {"hidden_act": "silu"}),
    Case("bert_epsilon", "bert", {"layer_norm_eps": 1e-5}),
    Case("bert_sharded", "bert", shard_size="40KB"),
    Case("distilbert", "distilbert", {"dim": 40, "n_layers": 3}),
    Case("distilbert_masked_lm", "distilbert", rewrite=masked_lm_names),
    Case("roberta", "roberta", {"type_vocab_size": 1, "layer_norm_eps": 1e-5}),
    Case("roberta_masked_lm", "roberta", rewrite=old_roberta_names),
    Case("roberta_padding", "roberta", {"pad_token_id": 5, "type_vocab_size": 1}),
    Case("xlm_roberta", "xlm-roberta", {"type_vocab_size": 1, "layer_norm_eps": 1e-5}),
]


def make_model(case: Case) -> PreTrainedModel:
    kinds: dict[str, tuple[Any, Any]] = {
        "bert": (BertConfig, BertModel),
        "roberta": (RobertaConfig, RobertaModel),
        "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel),
    }
    if case.family in kinds:
        make_config, make = kinds[case.family]
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
        config = make_config(
            vocab_size=VOCABULARY,
            max_position_embeddings=POSITIONS,
            architectures=[make.__name__],
            **{**sizes, **case.config},
        )
        model: PreTrainedModel = make(config, add_pooling_layer=False)
        return model
    sizes = {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4}
    distil = DistilBertConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=POSITIONS,
        architectures=["DistilBertModel"],
        **{**sizes, **case.config},
    )
    return DistilBertModel(distil)


def save_checkpoint(case: Case, folder: Path, seed: int) -> None:
    model = make_model(case)
    randomize(model, seed)
    model.to(case.dtype).save_pretrained(folder, max_shard_size=case.shard_size)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("transformers_version", None)
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def hidden_states(folder: Path, texts: list[torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
    """Every hidden state of every text, [tokens of all texts, hidden], each text run alone."""
    model = AutoModel.from_pretrained(str(folder), dtype=torch.float32, attn_implementation="eager").to(dtype).eval()
    with torch.inference_mode():
        runs = [model(input_ids=ids.unsqueeze(0), output_hidden_states=True).hidden_states for ids in texts]
    return [torch.cat([run[i][0] for run in runs]) for i in range(len(runs[0]))]


def value_name(family: str, index: int) -> str:
    if index == 0:
        return "embeddings"
    return f"{'transformer' if family == 'distilbert' else 'encoder'}.layer.{index - 1}"


def record(case: Case, root: Path, seed: int) -> dict[str, Any]:
    folder = root / case.name
    save_checkpoint(case, folder, seed)
    generator = torch.Generator().manual_seed(1000 + seed)
    texts = [torch.randint(0, VOCABULARY, (length,), generator=generator) for length in LENGTHS]
    if "roberta" in case.family:
        # RoBERTa gives padding no position; a text holds none.
        padding = case.config.get("pad_token_id", 1)
        texts = [torch.where(ids == padding, VOCABULARY - 1, ids) for ids in texts]
    single = hidden_states(folder, texts, torch.float32)
    double = hidden_states(folder, texts, torch.float64)
    if case.rewrite is not None:
        case.rewrite(folder)
    expected = packed(texts)
    values = []
    for index, (narrow, wide) in enumerate(zip(single, double, strict=True)):
        expected[f"hidden.{index}"] = narrow.contiguous()
        values.append(measured(f"hidden.{index}", value_name(case.family, index), narrow, wide))
    save_file(expected, folder / "expected.safetensors")
    return {"name": case.name, "family": case.family, "values": values}


def packed(texts: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    offsets = torch.tensor([0, *(len(ids) for ids in texts)]).cumsum(0)
    return {"ids": torch.cat(texts).to(torch.int32), "offsets": offsets.to(torch.int32)}


def measured(tensor: str, value: str, narrow: torch.Tensor, wide: torch.Tensor) -> dict[str, Any]:
    noise = float((narrow.double() - wide).abs().max())
    largest = float(narrow.abs().max())
    tolerance = max(NOISE_FACTOR * noise, MAGNITUDE_FACTOR * largest)
    return {"tensor": tensor, "value": value, "noise": noise, "largest": largest, "tolerance": tolerance}


def record_tower(tower: Tower, root: Path, seed: int) -> dict[str, Any]:
    folder = root / tower.name
    model = tower.build().eval()
    model.set_attn_implementation("eager")
    randomize(model, seed)
    save_tower(tower, model, folder)
    texts = tower.texts(torch.Generator().manual_seed(1000 + seed))
    expected = packed(texts)
    begins = expected["offsets"].tolist()
    ranges = [[begin, begin + tower.end(ids)] for begin, ids in zip(begins, texts, strict=False)]
    expected["ranges"] = torch.tensor(ranges, dtype=torch.int32)
    single = run(model, texts)
    double = run(model.double(), texts)
    values = []
    for name, narrow in single.items():
        expected[name] = narrow.contiguous()
        values.append(measured(name, name, narrow, double[name]))
    save_file(expected, folder / "expected.safetensors")
    return {"name": tower.name, "family": tower.model_type, "values": values}


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/text_models")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    torch.set_num_threads(1)
    manifest = {
        "made_by": "tools/goldens/text_models_record.py",
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "tolerance": "max(20 x noise, 1e-5 x largest magnitude); noise: float32 against float64 in the original",
        "cases": [
            *(record(case, root, seed) for seed, case in enumerate(CASES)),
            *(record_tower(tower, root, 100 + seed) for seed, tower in enumerate(TOWERS)),
        ],
    }
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
