"""SimCLR (Chen et al. 2020) with a small ResNet, or with LeNet-5, in plain PyTorch: recipes/simclr.toml."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock

from lenet import lenet
from loop import Job, main
from pictures import Pictures, augmentation, two_views


def unit(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def resnet(model: dict[str, Any]) -> tuple[nn.Sequential, int]:
    """He et al. 2015 for pictures of a few dozen pixels: neither stride nor pooling in the stem."""
    width = model["stem_width"]
    layers = [*unit(3, width, 3), nn.ReLU(inplace=True)]
    for stage, (out, depth) in enumerate(zip(model["stage_widths"], model["stage_depths"], strict=True)):
        for block in range(depth):
            stride = 2 if stage > 0 and block == 0 else 1
            shortcut = nn.Sequential(*unit(width, out, 1, stride)) if stride > 1 or width != out else None
            layers.append(BasicBlock(width, out, stride, shortcut))
            width = out
    encoder = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return encoder, width


def nt_xent(projections: Tensor, temperature: float) -> Tensor:
    units = functional.normalize(projections)
    logits = (units @ units.T / temperature).fill_diagonal_(float("-inf"))
    count = len(units) // 2
    places = torch.arange(count)
    return functional.cross_entropy(logits, torch.cat([places + count, places]))


def make_job(settings: dict[str, Any]) -> Job:
    dataset = Pictures(settings, two_views(augmentation(settings)))
    if settings["model"]["architecture"] == "lenet":
        encoder, width = lenet(settings["model"]), 84
    else:
        encoder, width = resnet(settings["model"])
    projection = nn.Sequential(
        nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True), nn.Linear(width, 128)
    )
    model = nn.Sequential(encoder, projection)
    temperature = settings["objective"].get("temperature", 0.5)

    def predict(views: Tensor) -> Tensor:
        pictures = views.transpose(0, 1).flatten(0, 1)
        projections: Tensor = model(pictures.contiguous(memory_format=torch.channels_last))
        return projections

    def loss(projections: Tensor, views: Tensor, labels: Tensor) -> Tensor:
        return nt_xent(projections.float(), temperature)

    return Job(model, [encoder], dataset, predict, loss)


if __name__ == "__main__":
    main(make_job)
