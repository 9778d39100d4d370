"""Record what transformers, and plain torch for autoencoders, make of the folders that training writes.

    python tools/goldens/learnt_models_record.py [build/release/tests/asterism_golden_tests] [tests/golden/learnt_models]

The folders come from the test program (see tests/golden/learnt_models_test.cpp): fresh models of fixed seeds, a step
away from their initial values. Loading may leave no parameter missing and none over, but for the batch counters that
no result depends on.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

ROWS = 3
NOISE_FACTOR = 20.0
MAGNITUDE_FACTOR = 1e-5
CLASSES = {
    "resnet": transformers.ResNetForImageClassification,
    "vit": transformers.ViTForImageClassification,
    "vit_mae": transformers.ViTMAEForPreTraining,
    "data2vec": transformers.Data2VecVisionModel,
}
AUTOENCODERS = ("autoencoder_convolutional", "autoencoder_dense")
Answers = dict[str, torch.Tensor]


class Autoencoder(nn.Module):
    """Encoder and decoder as config.json describes them, in torch's own layers."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        size, channels, widths = config["image_size"], config["num_channels"], config["widths"]
        self.convolutional = config["form"] == "convolutional"
        self.act = {"relu": nn.ReLU(), "gelu": nn.GELU()}[config["activation"]]
        self.encoder = nn.Module()
        self.decoder = nn.Module()
        if self.convolutional:
            side = size // 2 ** len(widths)
            flat = widths[-1] * side * side
            down = [channels, *widths]
            up = [*reversed(widths), channels]
            self.map = (widths[-1], side, side)
            self.encoder.layers = nn.ModuleList(
                self.unit(nn.Conv2d(a, b, 3, 2, 1), b) for a, b in zip(down, widths, strict=False)
            )
            self.decoder.input = nn.Linear(config["code_size"], flat)
            self.decoder.layers = nn.ModuleList(
                self.unit(nn.Conv2d(a, 4 * b, 3, 1, 1), 4 * b) for a, b in pairwise(up[:-1])
            )
            self.decoder.output = nn.Conv2d(up[-2], 4 * channels, 3, 1, 1)
        else:
            flat = widths[-1]
            down = [channels * size * size, *widths]
            up = [config["code_size"], *reversed(widths)]
            self.encoder.layers = nn.ModuleList(self.dense(a, b) for a, b in zip(down, widths, strict=False))
            self.decoder.layers = nn.ModuleList(self.dense(a, b) for a, b in pairwise(up))
            self.decoder.output = nn.Linear(widths[0], channels * size * size)
        self.encoder.code = nn.Linear(flat, config["code_size"])
        if config["variational"]:
            self.encoder.log_variance = nn.Linear(flat, config["code_size"])

    @staticmethod
    def unit(conv: nn.Conv2d, width: int) -> nn.Module:
        return nn.ModuleDict({"conv": conv, "norm": nn.BatchNorm2d(width)})

    @staticmethod
    def dense(size: int, width: int) -> nn.Module:
        return nn.ModuleDict({"dense": nn.Linear(size, width)})

    def forward(self, pixels: torch.Tensor) -> Answers:
        x = pixels if self.convolutional else pixels.flatten(1)
        for layer in self.encoder.layers:
            for part in layer.values():
                x = part(x)
            x = self.act(x)
        x = x.flatten(1)
        code = self.encoder.code(x)
        answers = {"code": code}
        if self.config["variational"]:
            answers["log_variance"] = self.encoder.log_variance(x)
        x = self.act(self.decoder.input(code)).unflatten(1, self.map) if self.convolutional else code
        for layer in self.decoder.layers:
            for part in layer.values():
                x = part(x)
            x = self.act(nn.functional.pixel_shuffle(x, 2) if self.convolutional else x)
        x = self.decoder.output(x)
        x = nn.functional.pixel_shuffle(x, 2) if self.convolutional else x.unflatten(1, pixels.shape[1:])
        return answers | {"reconstruction": x.sigmoid()}


def load(name: str, folder: Path) -> Any:
    if name in AUTOENCODERS:
        own = Autoencoder(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        own.load_state_dict(load_file(folder / "model.safetensors"))
        return own.eval()
    model, report = CLASSES[name].from_pretrained(folder, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[kind]:
            raise SystemExit(f"{name}: {kind}: {sorted(report[kind])}")
    return model.eval()


def masks(count: int, hidden: int, generator: torch.Generator) -> Answers:
    """What a batch says of hidden patches, and the noise by which transformers hides the same."""
    noise = torch.rand((ROWS, count), generator=generator)
    keep = noise.argsort(dim=1)[:, : count - hidden]
    mask = torch.ones((ROWS, count)).scatter(1, keep, 0.0)
    restore = torch.full((ROWS, count), count - hidden).scatter(1, keep, torch.arange(count - hidden).expand(ROWS, -1))
    ids = torch.where(mask > 0, count, torch.arange(count).expand(ROWS, -1))
    integers = {"ids_keep": keep, "ids_restore": restore, "mask_ids": ids}
    return {"noise": noise, "mask": mask} | {key: value.to(torch.int32).contiguous() for key, value in integers.items()}


def answer(name: str, model: Any, pixels: torch.Tensor, hidden: Answers) -> Answers:
    pixels = pixels.to(next(model.parameters()).dtype)
    if name in AUTOENCODERS:
        answers: Answers = model(pixels)
        return answers
    if name in ("resnet", "vit"):
        return {"logits": model(pixel_values=pixels).logits}
    if name == "data2vec":
        masked = model(pixel_values=pixels, bool_masked_pos=hidden["mask"].bool())
        plain = model(pixel_values=pixels)
        return {"last_hidden_state": plain.last_hidden_state, "masked_hidden_state": masked.last_hidden_state}
    model.config.norm_pix_loss = True
    model.config.mask_ratio = 0.75
    masked = model(pixel_values=pixels, noise=hidden["noise"].to(pixels.dtype))
    if not torch.equal(masked.mask.float(), hidden["mask"]):
        raise SystemExit(f"{name}: hides other patches than the recording says")
    model.vit.config.mask_ratio = model.vit.embeddings.config.mask_ratio = 0.0
    # All patches in their own order: rising noise.
    order = torch.arange(hidden["noise"].shape[1]).to(pixels.dtype).expand(ROWS, -1)
    plain = model.vit(pixel_values=pixels, noise=order)
    return {
        "last_hidden_state": plain.last_hidden_state,
        "prediction": masked.logits,
        "loss": masked.loss.reshape(1),
    }


def record(name: str, folder: Path) -> tuple[Answers, dict[str, float]]:
    generator = torch.Generator().manual_seed(3)
    model = load(name, folder)
    size = 32 if name == "resnet" else 16
    pixels = torch.randn((ROWS, 3, size, size), generator=generator)
    hidden = masks(16, 12, generator)
    with torch.inference_mode():
        single = answer(name, model, pixels, hidden)
        double = answer(name, load(name, folder).double(), pixels, hidden)
    tolerances = {}
    for key, value in single.items():
        noise = float((value.double() - double[key]).abs().max())
        tolerances[key] = max(NOISE_FACTOR * noise, MAGNITUDE_FACTOR * float(value.abs().max()))
    kept = hidden if name in ("vit_mae", "data2vec") else {}
    return {"input": pixels} | kept | {key: value.contiguous() for key, value in single.items()}, tolerances


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else "build/release/tests/asterism_golden_tests"
    root = Path(sys.argv[2] if len(sys.argv) > 2 else "tests/golden/learnt_models")
    root.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    tolerances = {}
    with tempfile.TemporaryDirectory() as folders:
        subprocess.run(
            [program, "--gtest_filter=*LearntModels*"],
            env=os.environ | {"ASTERISM_LEARNT_MODELS": folders},
            check=True,
        )
        for name in (*CLASSES, *AUTOENCODERS):
            tensors, tolerances[name] = record(name, Path(folders) / name)
            save_file(tensors, root / f"{name}.safetensors")
    manifest = {
        "made_by": "tools/goldens/learnt_models_record.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        "tolerances": tolerances,
    }
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
