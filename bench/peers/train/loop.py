"""A plain training loop: DataLoader, AdamW, warm-up and cosine, bfloat16 by autocast, two threads and two workers.

    python bench/peers/train/lenet.py RECIPE.toml RESULT.json

RESULT.json tells the mean loss and the seconds of each epoch.
"""

from __future__ import annotations

import json
import math
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pictures import Pictures

Settings = dict[str, Any]


@dataclass
class Job:
    """What the script of a model gives to the loop."""

    model: nn.Module
    encoder: list[nn.Module]  # the parts that the model's folder would hold
    dataset: Pictures
    predict: Callable[[Tensor], Any]  # of pictures; under autocast
    loss: Callable[[Any, Tensor, Tensor], Tensor]  # of what was predicted, pictures and labels; in float32


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of linear layers and convolutions decay, nothing else does."""
    matrices = [m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    chosen = {id(weight) for weight in matrices}
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def learning_rate_share(settings: Settings, steps_per_epoch: int) -> Callable[[int], float]:
    warmup = round(settings.get("schedule", {}).get("warmup_epochs", 0.0) * steps_per_epoch)
    left = max(1, settings["training"]["epochs"] * steps_per_epoch - warmup)

    def share(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warmup) / left)))

    return share


def run_epoch(job: Job, loader: Any, update: Callable[[Tensor], None], bf16: bool) -> dict[str, float]:
    total, steps, rows, waited = 0.0, 0, 0, 0.0
    begin = time.perf_counter()
    batches = iter(loader)
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            break
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            predicted = job.predict(batch[0])
        loss = job.loss(predicted, *batch)
        update(loss)
        total += loss.item()
        steps += 1
        rows += len(batch[1])
    return {"loss": total / steps, "seconds": time.perf_counter() - begin, "rows": rows, "wait_seconds": waited}


def train(job: Job, settings: Settings) -> list[dict[str, float]]:
    training, options = settings["training"], settings["optimizer"]
    model = job.model.to(memory_format=torch.channels_last)  # up to twice as fast on processors
    loader = DataLoader(
        job.dataset,
        batch_size=min(training["batch_size"], len(job.dataset)),
        shuffle=True,
        drop_last=True,
        num_workers=training["workers"],
        persistent_workers=True,
    )
    optimizer = torch.optim.AdamW(
        decay_groups(model, options.get("weight_decay", 0.0)),
        lr=options["learning_rate"],
        betas=(options.get("beta1", 0.9), options.get("beta2", 0.999)),
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, learning_rate_share(settings, len(loader)))

    def update(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        if options.get("gradient_norm_max", 0.0) > 0.0:
            nn.utils.clip_grad_norm_(model.parameters(), options["gradient_norm_max"])
        optimizer.step()
        schedule.step()

    model.train()
    bf16 = training["precision"] == "bf16"
    return [run_epoch(job, loader, update, bf16) for _ in range(training["epochs"])]


def value_count(modules: list[nn.Module]) -> int:
    """Parameters and statistics, without the counters of batches."""
    states = [value for module in modules for name, value in module.state_dict().items() if "num_batches" not in name]
    return sum(value.numel() for value in states)


def main(make_job: Callable[[Settings], Job]) -> None:
    settings = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.manual_seed(settings["training"]["seed"])
    torch.set_num_threads(settings["training"]["threads"])
    job = make_job(settings)
    epochs = train(job, settings)
    result = {"rows": len(job.dataset), "values": value_count(job.encoder), "epochs": epochs}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
