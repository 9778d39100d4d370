"""LeNet-5 as a classifier, in plain PyTorch: recipes/lenet-digits.toml."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from loop import Job, main
from pictures import Pictures, augmentation


def lenet(model: dict[str, Any]) -> nn.Sequential:
    size = model["image_size"]
    padding = 2 if size == 28 else 0
    side = ((size + 2 * padding - 4) // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(model.get("channels", 3), 6, 5, padding=padding), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(16 * side * side, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
    )  # fmt: skip


def make_job(settings: dict[str, Any]) -> Job:
    dataset = Pictures(settings, augmentation(settings))
    encoder = lenet(settings["model"])
    model = nn.Sequential(encoder, nn.Linear(84, dataset.class_count))
    smoothing = settings["objective"].get("label_smoothing", 0.0)

    def loss(logits: Tensor, pictures: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    return Job(model, [encoder], dataset, model, loss)


if __name__ == "__main__":
    main(make_job)
