"""Record what torch.optim and timm's LAMB and ModelEmaV3 make of a small network in 20 steps.

    python tools/goldens/training_steps_record.py [tests/golden/training]

The network is two linear layers with a tanh between. steps.safetensors holds "start/NAME", "x" [20, rows, 5] and
"target" [20, rows, 3], and for each case "CASE/NAME" after the last step and "CASE/average.NAME" where averages are kept.
Biases have a tenth of the learning rate and no weight decay, as the rules of the test have it.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import timm.optim
import timm.utils
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

STEPS = 20
DECAY = 0.1
NETWORK_SIZES = (5, 7, 3)


def network() -> nn.Sequential:
    inside, hidden, outside = NETWORK_SIZES
    return nn.Sequential(nn.Linear(inside, hidden), nn.Tanh(), nn.Linear(hidden, outside))


@dataclass
class Case:
    name: str
    optimizer: Callable[[list[dict[str, object]]], torch.optim.Optimizer]
    learning_rate: float
    norm_max: float = 0.0
    average_decay: float = 0.0


def adamw(groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)


def sgd(momentum: float, nesterov: bool) -> Callable[[list[dict[str, object]]], torch.optim.Optimizer]:
    return lambda groups: torch.optim.SGD(groups, momentum=momentum, nesterov=nesterov)


def lamb(groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    return timm.optim.Lamb(groups, betas=(0.9, 0.95), eps=1e-8, max_grad_norm=None, always_adapt=True)


CASES = [
    Case("adamw", adamw, 0.02),
    Case("adamw_clipped_averaged", adamw, 0.02, norm_max=0.3, average_decay=0.8),
    Case("sgd", sgd(0.0, nesterov=False), 0.1),
    Case("sgd_momentum", sgd(0.9, nesterov=False), 0.05),
    Case("sgd_nesterov", sgd(0.9, nesterov=True), 0.05),
    Case("lamb", lamb, 0.02),
]


def run(case: Case, start: nn.Sequential, x: Tensor, target: Tensor) -> dict[str, Tensor]:
    model = copy.deepcopy(start)
    groups: list[dict[str, object]] = []
    for name, parameter in model.named_parameters():
        is_bias = name.endswith("bias")
        rate = case.learning_rate * (0.1 if is_bias else 1.0)
        groups.append({"params": [parameter], "lr": rate, "weight_decay": 0.0 if is_bias else DECAY})
    optimizer = case.optimizer(groups)
    average = timm.utils.ModelEmaV3(model, decay=case.average_decay, use_warmup=False)
    for step in range(STEPS):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x[step]), target[step]).backward()
        if case.norm_max > 0:
            nn.utils.clip_grad_norm_(model.parameters(), case.norm_max)
        optimizer.step()
        average.update(model)
    result = {f"{case.name}/{name}": value.detach() for name, value in model.named_parameters()}
    if case.average_decay > 0:
        result |= {f"{case.name}/average.{name}": value for name, value in average.module.named_parameters()}
    return {name: value.detach().contiguous() for name, value in result.items()}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/training")
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    start = network()
    x = torch.randn(STEPS, 6, NETWORK_SIZES[0])
    target = torch.randn(STEPS, 6, NETWORK_SIZES[-1])
    tensors = {"x": x, "target": target}
    tensors |= {f"start/{name}": value.detach() for name, value in start.named_parameters()}
    for case in CASES:
        tensors |= run(case, start, x, target)
    metadata = {"made_by": "tools/goldens/training_steps_record.py", "torch": torch.__version__}
    metadata |= {"timm": timm.__version__}
    save_file(tensors, folder / "steps.safetensors", metadata)


if __name__ == "__main__":
    main()
