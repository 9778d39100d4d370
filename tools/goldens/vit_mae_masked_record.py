"""Record a masked autoencoder's encoder on some of the patches of each image.

    python tools/goldens/vit_mae_masked_record.py [tests/golden/vit_mae_masked]

`noise` is drawn, and `ids_keep` are the patches that the original keeps for it: those with the smallest noise.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

from image_models_case import randomize

KEPT = 5
SIZE = 32
PATCH = 8
NOISE_FACTOR = 20.0
MAGNITUDE_FACTOR = 1e-5


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/vit_mae_masked")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    torch.set_num_threads(1)
    count = (SIZE // PATCH) ** 2
    config = transformers.ViTMAEConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=40,
        image_size=SIZE,
        patch_size=PATCH,
        mask_ratio=1.0 - (KEPT + 0.5) / count,
    )
    model = transformers.ViTMAEModel(config).eval()
    generator = torch.Generator().manual_seed(7)
    randomize(model, generator)
    model.save_pretrained(root)
    pixels = torch.randn((3, 3, SIZE, SIZE), generator=generator)
    noise = torch.rand((3, count), generator=generator)
    with torch.inference_mode():
        single = model(pixel_values=pixels, noise=noise).last_hidden_state
        double = model.double()(pixel_values=pixels.double(), noise=noise.double()).last_hidden_state
    expected = {
        "input": pixels,
        "ids_keep": noise.argsort(dim=1)[:, :KEPT].to(torch.int32).contiguous(),
        "last_hidden_state": single.contiguous(),
    }
    save_file(expected, root / "expected.safetensors")
    measured = float((single.double() - double).abs().max())
    largest = float(single.abs().max())
    manifest = {
        "made_by": "tools/goldens/vit_mae_masked_record.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        "noise": measured,
        "tolerance": max(NOISE_FACTOR * measured, MAGNITUDE_FACTOR * largest),
    }
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
