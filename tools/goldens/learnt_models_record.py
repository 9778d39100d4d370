"""Record what transformers makes of the folders that training writes.

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
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

ROWS = 3
NOISE_FACTOR = 20.0
MAGNITUDE_FACTOR = 1e-5
CLASSES = {
    "resnet": transformers.ResNetForImageClassification,
    "vit": transformers.ViTForImageClassification,
    "vit_mae": transformers.ViTMAEForPreTraining,
    "data2vec": transformers.Data2VecVisionModel,
}
Answers = dict[str, torch.Tensor]


def load(name: str, folder: Path) -> Any:
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
    size = model.config.image_size if name != "resnet" else 32
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
        for name in CLASSES:
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
