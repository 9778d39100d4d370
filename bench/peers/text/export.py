"""Exports of a sentence-transformers checkpoint for the engines that run graphs, kept in the cache folder.

The graph ends in mean pooling and normalising, so that a graph engine returns finished vectors.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any


def digest(model: Path) -> str:
    """Names an export by the weights it was made from."""
    hasher = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        hasher.update((model / name).read_bytes())
    return hasher.hexdigest()[:16]


def pooled_module(model: Path, attention: str) -> Any:
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(str(model), dtype=torch.float32, attn_implementation=attention)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2.0, dim=1)

    return Pooled().eval()


def example_inputs() -> tuple[Any, Any]:
    import torch

    ids = torch.randint(1000, 2000, (3, 17))
    mask = torch.ones(3, 17, dtype=torch.long)
    mask[1, 9:] = 0
    return ids, mask


@contextlib.contextmanager
def quiet() -> Any:
    """Exporters warn at length about tracing; the fidelity columns show whether the export is right."""
    logging.disable(logging.WARNING)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def plain_onnx(model: Path, cache: Path, attention: str) -> Path:
    import torch

    path = cache / f"{digest(model)}-{attention}.onnx"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        axes = {0: "batch", 1: "tokens"}
        with quiet():
            torch.onnx.export(
                pooled_module(model, attention),
                example_inputs(),
                str(part),
                input_names=["input_ids", "attention_mask"],
                output_names=["vectors"],
                dynamic_axes={"input_ids": axes, "attention_mask": axes, "vectors": {0: "batch"}},
                opset_version=17,
                dynamo=False,
            )
        part.replace(path)
    return path


def fused_onnx(model: Path, cache: Path) -> Path:
    """The ONNX file after ONNX Runtime's own transformer optimizer (attention, LayerNorm and GELU fused)."""
    import json

    from onnxruntime.transformers import optimizer

    path = cache / f"{digest(model)}-fused.onnx"
    if not path.exists():
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        with quiet():
            fused = optimizer.optimize_model(
                str(plain_onnx(model, cache, "eager")),
                model_type="bert",
                num_heads=config["num_attention_heads"],
                hidden_size=config["hidden_size"],
                opt_level=1,
            )
            part = path.with_suffix(".part")
            fused.save_model_to_file(str(part))
        part.replace(path)
    return path


def openvino_model(model: Path, cache: Path) -> Path:
    """OpenVINO's own conversion from torch, shapes dynamic."""
    import openvino
    import torch

    path = cache / f"{digest(model)}-openvino.xml"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        ids, mask = example_inputs()
        with quiet(), torch.inference_mode():
            converted = openvino.convert_model(
                pooled_module(model, "sdpa"), example_input={"input_ids": ids, "attention_mask": mask}
            )
            for value in converted.inputs:
                value.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
            converted.validate_nodes_and_infer_types()
            openvino.save_model(converted, str(path), compress_to_fp16=False)
    return path
