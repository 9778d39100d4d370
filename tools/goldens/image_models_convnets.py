"""Golden cases of the convolutional families."""

from __future__ import annotations

from typing import Any

import timm
import torch
from image_models_case import Case, Timm


def timm_resnet(architecture: str, **options: Any) -> torch.nn.Module:
    """Few channels and one block a stage: the same class and names as the published ones."""
    sizes: dict[str, Any] = {"layers": (1, 1, 1, 1), "channels": (8, 12, 16, 20), "num_classes": 7}
    return timm.create_model(architecture, **{**sizes, **options})


CASES = [
    Case(
        "resnet_timm_basic",
        "resnet",
        Timm(),
        lambda: timm_resnet("resnet18"),
        modules=("conv1", "bn1", "maxpool", "layer1.0.conv1", "layer2.0.downsample", "layer3.0.bn2", "layer4"),
    ),
]
