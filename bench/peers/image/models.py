"""The models, as folders that both sides read, and the original library's module and preprocessing of each.

EfficientNet-Lite0 has its real weights. ResNet-50 and ViT-B/16 get random ones from a seed: enough for speed, and the
vectors are compared on them too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEED = 7
LITE0 = "efficientnet-lite0"


@dataclass(frozen=True)
class BenchModel:
    name: str
    architecture: str  # of timm; empty for Lite0
    chunk: int  # pictures of a round: seconds for the slowest contender
    # Created without the zeros that would empty every residual branch.
    create: tuple[tuple[str, Any], ...] = ()


MODELS = (
    BenchModel(LITE0, "", 256),
    BenchModel("resnet50", "resnet50", 96, (("zero_init_last", False),)),
    BenchModel("vit_base_patch16_224", "vit_base_patch16_224", 64),
)


@dataclass(frozen=True)
class Preprocess:
    """Shorter edge to `edge`, crop of `size` in the middle, then (x / 255 - mean) / std."""

    edge: int
    size: int
    interpolation: str  # of PIL.Image.Resampling, lower case
    mean: tuple[float, ...]
    std: tuple[float, ...]


def make_folder(model: BenchModel, cache: Path) -> Path:
    """A checkpoint with random weights, as timm's hub helpers lay it out."""
    import timm
    import torch
    from safetensors.torch import save_file
    from timm.models._hub import save_config_for_hf

    folder = cache / f"{model.name}-seed{SEED}"
    if not (folder / "model.safetensors").exists():
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(SEED)
        module = timm.create_model(model.architecture, pretrained=False, **dict(model.create)).eval()
        save_config_for_hf(module, folder / "config.json")
        part = folder / "model.part"
        save_file(module.state_dict(), part)
        part.replace(folder / "model.safetensors")
    return folder


def is_timm(folder: Path) -> bool:
    return (folder / "config.json").exists()


def weights_file(folder: Path) -> Path:
    return folder / "model.safetensors" if is_timm(folder) else next(folder.glob("*.pth"))


def load_module(folder: Path) -> Any:
    """The original library's module, float32, which gives the vectors before the classifier."""
    import torch

    if is_timm(folder):
        import timm
        from safetensors.torch import load_file

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        module = timm.create_model(config["architecture"], pretrained=False, num_classes=0)
        missing, unexpected = module.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        if missing or any(not name.startswith(("fc.", "head.")) for name in unexpected):
            raise ValueError(f"{folder}: expected the tensors of {config['architecture']}, missing {missing}")
        return module.eval()

    from efficientnet_lite_pytorch import EfficientNet

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = EfficientNet.from_name(LITE0)
            self.network.load_state_dict(torch.load(weights_file(folder), weights_only=True))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.network.extract_features(pixels).mean((2, 3))

    return Pooled().eval()


def preprocess_of(folder: Path) -> Preprocess:
    if not is_timm(folder):
        # As the description of efficientnet-lite-pytorch 0.1.0 has it; the crop makes the picture square.
        return Preprocess(224, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["pretrained_cfg"]
    size = int(config["input_size"][1])
    edge = int(size / config["crop_pct"])
    return Preprocess(edge, size, config["interpolation"], tuple(config["mean"]), tuple(config["std"]))


def transform_of(folder: Path) -> Any:
    """From a Pillow image to the module's input: timm's own transform, torchvision's for Lite0."""
    if is_timm(folder):
        import timm.data

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        data = timm.data.resolve_data_config({}, pretrained_cfg=config["pretrained_cfg"])
        return timm.data.create_transform(**data, is_training=False)
    from torchvision import transforms

    wanted = preprocess_of(folder)
    return transforms.Compose(
        [
            transforms.Resize(wanted.edge, interpolation=transforms.InterpolationMode(wanted.interpolation)),
            transforms.CenterCrop(wanted.size),
            transforms.ToTensor(),
            transforms.Normalize(wanted.mean, wanted.std),
        ]
    )
