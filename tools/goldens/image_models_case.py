"""What a golden case of an image model is, and what the three libraries give without hooks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

# Small enough for the epsilon of a batch norm to show.
VARIANCE_MIN = 0.02

# The scale of parameters that Case.small names.
SMALL = 0.02

Answers = dict[str, torch.Tensor]


class Interface(Protocol):
    """One library: how it writes a checkpoint, and what it calls pooled vector, logits and features."""

    @property
    def dialect(self) -> str: ...

    def save(self, model: Any, folder: Path) -> str:
        """Write the checkpoint; the name of the weight file."""
        ...

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers: ...


@dataclass(frozen=True)
class Case:
    """One checkpoint. `modules` are paths inside the model; `prefix` is what our graph leaves out before each."""

    name: str
    family: str
    interface: Interface
    build: Callable[[], torch.nn.Module]
    # Not square, so that height and width cannot be taken for each other.
    size: tuple[int, int] = (40, 56)
    modules: tuple[str, ...] = ()
    prefix: str = ""
    # A module whose value has another name in our graph.
    renamed: dict[str, str] = field(default_factory=dict)
    channels: int = 3
    # Parameters made small after they are drawn, so that the epsilon of the norm after them shows: parts of their names.
    small: tuple[str, ...] = ()
    # Of the file. In float16 the network itself has the rounded values, so that the answers are those of the file.
    dtype: torch.dtype = torch.float32
    # False where an output is exact in float32, so that a noise of 0 is no mistake.
    noisy: bool = True

    def hooked(self) -> dict[str, str]:
        return {path: self.renamed.get(path, path.removeprefix(self.prefix)) for path in self.modules}


@dataclass(frozen=True)
class Timm:
    dialect: str = "timm"
    # Feature maps by the modules that `features_only` takes. VGG has modules of the name "features.N" instead.
    features: bool = True

    def save(self, model: Any, folder: Path) -> str:
        from timm.models import save_for_hf

        save_for_hf(model, str(folder), safe_serialization=True)
        return "model.safetensors"

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        answers: Answers = {}
        handles = []
        if self.features:
            modules = dict(model.named_modules())
            for index, info in enumerate(model.feature_info):

                def keep(_module: Any, _inputs: Any, output: torch.Tensor, index: int = index) -> None:
                    answers[f"features.{index}"] = output.clone()

                handles.append(modules[info["module"]].register_forward_hook(keep))
        maps = model.forward_features(pixels)
        for handle in handles:
            handle.remove()
        answers["forward_features"] = maps.clone()
        answers["penultimate"] = model.forward_head(maps, pre_logits=True)
        if model.num_classes > 0:
            answers["logits"] = model.forward_head(maps)
        return answers


@dataclass(frozen=True)
class Transformers:
    dialect: str = "transformers"
    # Class name of the image processor whose settings are saved beside the model.
    processor: str = "ConvNextImageProcessor"
    processor_options: dict[str, Any] = field(default_factory=dict)
    # Names of outputs that have a name in our graph.
    outputs: dict[str, str] = field(
        default_factory=lambda: {
            "last_hidden_state": "forward_features",
            "pooler_output": "penultimate",
            "logits": "logits",
        }
    )
    hidden_states: bool = True

    def save(self, model: Any, folder: Path) -> str:
        import transformers

        model.save_pretrained(folder)
        getattr(transformers, self.processor)(**self.processor_options).save_pretrained(folder)
        return "model.safetensors"

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        answers: Answers = {}
        result = model(pixel_values=pixels, output_hidden_states=self.hidden_states)
        # A model with a head does not give what its encoder gives: ask that as well.
        encoder = getattr(model, model.base_model_prefix, None)
        parts = [result] if encoder is None else [result, encoder(pixel_values=pixels)]
        for part in parts:
            for key, name in self.outputs.items():
                value = part.get(key)
                if value is not None:
                    flat = name == "penultimate" and value.dim() == 4
                    answers[name] = (value.flatten(1) if flat else value).clone()
        if self.hidden_states:
            for index, value in enumerate(result.hidden_states):
                answers[f"features.{index}"] = value.clone()
        return answers


@dataclass(frozen=True)
class Torchvision:
    # Name under which torchvision would publish the weights: its part before the first "-" is the architecture.
    file_name: str
    dialect: str = "torchvision"

    def save(self, model: Any, folder: Path) -> str:
        torch.save(model.state_dict(), folder / self.file_name)
        return self.file_name

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        answers: Answers = {}
        last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]

        def keep_input(name: str) -> Callable[[Any, Any], None]:
            def keep(_module: Any, inputs: Any) -> None:
                answers[name] = inputs[0].clone()

            return keep

        handles = [last.register_forward_pre_hook(keep_input("penultimate"))]
        if hasattr(model, "avgpool"):
            handles.append(model.avgpool.register_forward_pre_hook(keep_input("forward_features")))
        answers["logits"] = model(pixels)
        for handle in handles:
            handle.remove()
        return answers


def randomize(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Matrices and kernels keep the scale of what they are given; nothing is left at 0 or 1."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            leaf = name.rsplit(".", 1)[-1]
            if parameter.dim() >= 2 and leaf == "weight":
                parameter.copy_(values * math.sqrt(1.7 / parameter[0].numel()))
            elif leaf == "weight" or "gamma" in leaf or "scale" in leaf or leaf.startswith("lambda"):
                parameter.copy_((0.8 + 0.25 * values).abs() + 0.05)
            elif leaf == "bias":
                parameter.copy_(0.2 * values)
            else:
                parameter.copy_(0.5 * values)


def shrink(model: torch.nn.Module, parts: tuple[str, ...]) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in parts):
                parameter.mul_(SMALL)


def calibrate(
    model: torch.nn.Module,
    answer: Callable[[torch.Tensor], Answers],
    shape: tuple[int, ...],
    generator: torch.Generator,
) -> None:
    """Give every batch norm the statistics of what reaches it from random images, disturbed so that none is implied.

    In the order of the run, so that a norm sees what the disturbed ones before it give.
    """
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]

    def settle(norm: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if not isinstance(norm, torch.nn.BatchNorm2d) or norm.running_mean is None or norm.running_var is None:
            raise ValueError("a batch norm without running statistics cannot run in evaluation")
        # A channel that hardly moves must not be blown up to noise.
        variance = inputs[0].var((0, 2, 3), correction=0).clamp_min(VARIANCE_MIN)
        noise = torch.randn((2, len(variance)), generator=generator)
        norm.running_mean.copy_(inputs[0].mean((0, 2, 3)) + 0.2 * variance.sqrt() * noise[0])
        norm.running_var.copy_(variance * torch.exp(0.3 * noise[1]))

    handles = [norm.register_forward_pre_hook(settle) for norm in norms]
    if norms:
        with torch.no_grad():
            answer(torch.randn((32, *shape[1:]), generator=generator))
    for handle in handles:
        handle.remove()
