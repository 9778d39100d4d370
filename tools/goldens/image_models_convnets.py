"""Golden cases of the convolutional families."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from timm.models import efficientnet as timm_efficientnet
from torchvision.models import resnet as tv_resnet

from image_models_case import Answers, Case, Timm, Torchvision, Transformers
from image_models_narrow import (
    NARROW,
    Lenet,
    efficientnet_pytorch,
    hf_convnext,
    hf_efficientnet,
    hf_resnet,
    timm_convnext,
    timm_efficientnet_lite,
    timm_mobilenet,
    timm_resnet,
    timm_vgg_narrow,
    tv_alexnet,
    tv_convnext_narrow,
    tv_efficientnet_narrow,
    tv_mobilenet,
    tv_resnet_narrow,
    tv_vgg_narrow,
)


@dataclass(frozen=True)
class Own:
    """A network that no library publishes: our configuration beside its tensors."""

    image_size: int
    dialect: str = "asterism"

    def save(self, model: Any, folder: Path) -> str:
        config = {
            "model_type": "lenet",
            "image_size": self.image_size,
            "num_channels": 1,
            **model.settings,
            "num_labels": 10,
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file(model.state_dict(), folder / "model.safetensors")
        return "model.safetensors"

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        maps = model.features(pixels)
        vector = model.embed(maps)
        return {"forward_features": maps.clone(), "penultimate": vector.clone(), "logits": model.fc3(vector)}


@dataclass(frozen=True)
class EfficientnetPytorch:
    """The package efficientnet_lite_pytorch, whose class is that of EfficientNet-PyTorch."""

    file_name: str
    dialect: str = "efficientnet_pytorch"

    def save(self, model: Any, folder: Path) -> str:
        torch.save(model.state_dict(), folder / self.file_name)
        return self.file_name

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        maps = model.extract_features(pixels)
        vector = maps.mean((2, 3))
        return {"forward_features": maps.clone(), "penultimate": vector.clone(), "logits": model._fc(vector)}


RESNET_MODULES = ("conv1", "bn1", "maxpool", "layer1.0.conv1", "layer2.0.downsample", "layer3.0.bn2", "layer4")
EFFICIENTNET_MODULES = (
    "conv_stem",
    "bn1",
    "blocks.0.0",
    "blocks.1.0.conv_pw",
    "blocks.1.0.bn2",
    "blocks.2.0.conv_dw",
    "blocks.3",
    "blocks.5.1",
)
SE_MODULES = ("blocks.2.0.se", "blocks.2.0.se.conv_expand")
MOBILENET_MODULES = ("bn1", "blocks.0.0", "blocks.1.0.bn2", "blocks.2.0.se", "blocks.3.0.conv_dw", "blocks.4.1.bn1")
CONVNEXT_MODULES = (
    "stem",
    "stages.0.blocks.0.conv_dw",
    "stages.1.downsample",
    "stages.1.blocks.1",
    "stages.2.blocks.0.norm",
)
TV_EFFICIENTNET_MODULES = (
    "features.0",
    "features.1.1",
    "features.2.0.block.0",
    "features.3.0.block.2.fc2",
    "features.4.1",
    "features.6.0.block.1",
    "features.8",
)
TV_MOBILENET_MODULES = (
    "features.0",
    "features.1",
    "features.3.block.1",
    "features.5.block.2",
    "features.9",
    "classifier.0",
)

CASES = [
    Case("resnet_timm_basic", "resnet", Timm(), lambda: timm_resnet("resnet18"), modules=RESNET_MODULES),
    Case(
        "resnet_timm_bottleneck",
        "resnet",
        Timm(),
        lambda: timm_resnet("resnet50", channels=(4, 6, 8, 10), layers=(1, 2, 1, 1)),
        size=(53, 41),
        modules=(*RESNET_MODULES, "layer2.1.act2", "layer2.1.conv3"),
    ),
    Case(
        "resnet_timm_d",
        "resnet",
        Timm(),
        lambda: timm_resnet("resnet50d", channels=(4, 6, 8, 10), stem_width=6),
        size=(41, 53),
        modules=(*RESNET_MODULES, "conv1.3", "layer3.0.downsample.0"),
    ),
    Case(
        "resnet_timm_resnext",
        "resnet",
        Timm(),
        lambda: timm_resnet("resnext50_32x4d", channels=(4, 6, 8, 10), stem_width=6, cardinality=4, base_width=32),
        modules=(*RESNET_MODULES, "layer1.0.conv2"),
    ),
    Case(
        "resnet_timm_se",
        "resnet",
        Timm(),
        lambda: timm_resnet("seresnet50", channels=(4, 6, 8, 10)),
        dtype=torch.float16,
        modules=(*RESNET_MODULES, "layer1.0.se", "layer2.0.se.fc1"),
    ),
    Case(
        "resnet_timm_rs",
        "resnet",
        Timm(),
        lambda: timm_resnet("resnetrs50", channels=(4, 6, 8, 10), stem_width=6),
        dtype=torch.float16,
        modules=(*RESNET_MODULES, "maxpool.0", "layer1.0.se"),
    ),
    Case(
        "resnet_timm_no_head",
        "resnet",
        Timm(),
        lambda: timm_resnet("resnet18d", stem_width=6, num_classes=0),
        modules=RESNET_MODULES,
    ),
    Case(
        "resnet_torchvision_basic",
        "resnet",
        Torchvision("resnet18-f37072fd.pth"),
        lambda: tv_resnet_narrow(tv_resnet.BasicBlock),
        modules=("conv1", "maxpool", "layer1.0.conv1", "layer1.1", "layer2.0.downsample", "layer3.0.bn2", "layer4"),
    ),
    Case(
        "resnet_torchvision_resnext",
        "resnet",
        Torchvision("resnext50_32x4d-7cdf4587.pth"),
        lambda: tv_resnet_narrow(tv_resnet.Bottleneck, groups=2, width_per_group=32),
        modules=("bn1", "layer1.0", "layer2.0.conv2", "layer3.0.downsample.1", "layer4.0.bn3"),
    ),
    Case(
        "resnet_transformers_bottleneck",
        "resnet",
        Transformers(),
        hf_resnet,
        prefix="resnet.",
        modules=(
            "resnet.embedder.embedder",
            "resnet.encoder.stages.0.layers.0.shortcut",
            "resnet.encoder.stages.1.layers.1",
            "resnet.encoder.stages.1.layers.0.layer.1",
            "resnet.encoder.stages.3.layers.0.layer.2.normalization",
        ),
    ),
    Case(
        "resnet_transformers_basic",
        "resnet",
        Transformers(),
        lambda: hf_resnet(layer_type="basic", downsample_in_first_stage=True, hidden_act="gelu"),
        prefix="resnet.",
        modules=(
            "resnet.embedder",
            "resnet.encoder.stages.0",
            "resnet.encoder.stages.1.layers.1.layer",
            "resnet.encoder.stages.2.layers.0.layer.0.convolution",
        ),
    ),
    Case(
        "resnet_transformers_first_unit",
        "resnet",
        Transformers(),
        lambda: hf_resnet(downsample_in_bottleneck=True).resnet,
        modules=(
            "embedder.embedder.activation",
            "encoder.stages.0.layers.0.layer.0",
            "encoder.stages.1.layers.0.layer.0.convolution",
            "encoder.stages.2",
        ),
    ),
    Case(
        "vgg_timm",
        "vgg",
        Timm(features=False),
        lambda: timm_vgg_narrow("vgg11", [6, "M", 8, "M", 8, 10, "M", 10, "M", 12, "M"]),
        modules=("features.0", "features.5", "features.8", "features.12", "pre_logits.fc1", "pre_logits.act2"),
    ),
    Case(
        "vgg_timm_large_map",
        "vgg",
        Timm(features=False),
        lambda: timm_vgg_narrow("vgg11_bn", [6, "M", 8, 10, "M", 12, "M"]),
        size=(64, 72),
        modules=("features.1", "features.4", "features.8", "features.13", "pre_logits"),
    ),
    Case(
        "vgg_torchvision",
        "vgg",
        Torchvision("vgg11-8a719046.pth"),
        lambda: tv_vgg_narrow(False),
        modules=("features.0", "features.5", "features.8", "avgpool", "classifier.1", "classifier.3"),
        size=(64, 96),
    ),
    Case(
        "vgg_torchvision_bn",
        "vgg",
        Torchvision("vgg11_bn-6002323d.pth"),
        lambda: tv_vgg_narrow(True),
        modules=("features.1", "features.6", "features.10", "avgpool", "classifier.4"),
    ),
    Case(
        "alexnet_torchvision",
        "alexnet",
        Torchvision("alexnet-owt-7be5be79.pth"),
        tv_alexnet,
        size=(96, 127),
        modules=("features.0", "features.2", "features.4", "features.7", "features.11", "avgpool", "classifier.2"),
    ),
    Case(
        "lenet_tanh",
        "lenet",
        Own(28),
        lambda: Lenet("tanh", "avg", 2),
        size=(28, 28),
        channels=1,
        modules=("conv1", "pool1", "conv2", "act2", "fc1", "act3"),
    ),
    Case(
        "lenet_relu",
        "lenet",
        Own(32),
        lambda: Lenet("relu", "max", 0),
        size=(32, 32),
        channels=1,
        dtype=torch.float16,
        modules=("act1", "pool1", "conv2", "pool2", "fc2"),
    ),
    Case(
        "efficientnet_timm",
        "efficientnet",
        Timm(),
        lambda: timm_efficientnet._gen_efficientnet("efficientnet_b1", **NARROW),
        dtype=torch.float16,
        modules=(*EFFICIENTNET_MODULES, *SE_MODULES),
    ),
    Case(
        "efficientnet_timm_tf",
        "efficientnet",
        Timm(),
        lambda: timm_efficientnet._gen_efficientnet("tf_efficientnet_b3", bn_eps=1e-3, pad_type="same", **NARROW),
        size=(53, 40),
        dtype=torch.float16,
        modules=(*EFFICIENTNET_MODULES, *SE_MODULES),
    ),
    Case(
        "efficientnet_timm_lite",
        "efficientnet",
        Timm(),
        lambda: timm_efficientnet_lite("efficientnet_lite0"),
        dtype=torch.float16,
        modules=EFFICIENTNET_MODULES,
    ),
    Case(
        "efficientnet_timm_tf_lite",
        "efficientnet",
        Timm(),
        lambda: timm_efficientnet_lite("tf_efficientnet_lite0", bn_eps=1e-3, pad_type="same"),
        size=(43, 37),
        dtype=torch.float16,
        modules=EFFICIENTNET_MODULES,
    ),
    Case(
        "efficientnet_torchvision",
        "efficientnet",
        Torchvision("efficientnet_b0_rwightman-7f5810bc.pth"),
        lambda: tv_efficientnet_narrow(2, 1e-5),
        dtype=torch.float16,
        modules=TV_EFFICIENTNET_MODULES,
    ),
    Case(
        "efficientnet_torchvision_b5",
        "efficientnet",
        Torchvision("efficientnet_b5_lukemelas-1a07897c.pth"),
        lambda: tv_efficientnet_narrow(5, 1e-3),
        dtype=torch.float16,
        modules=TV_EFFICIENTNET_MODULES,
    ),
    Case(
        "efficientnet_transformers",
        "efficientnet",
        Transformers(processor="EfficientNetImageProcessor"),
        hf_efficientnet,
        prefix="efficientnet.",
        dtype=torch.float16,
        modules=(
            "efficientnet.embeddings",
            "efficientnet.encoder.blocks.0.squeeze_excite",
            "efficientnet.encoder.blocks.2.depthwise_conv",
            "efficientnet.encoder.blocks.3.expansion",
            "efficientnet.encoder.blocks.5.projection.project_bn",
            "efficientnet.encoder.top_bn",
        ),
    ),
    Case(
        "mobilenetv3_timm_large",
        "mobilenetv3",
        Timm(),
        lambda: timm_mobilenet("mobilenetv3_large_100"),
        dtype=torch.float16,
        modules=MOBILENET_MODULES,
    ),
    Case(
        "mobilenetv3_timm_small",
        "mobilenetv3",
        Timm(),
        lambda: timm_mobilenet("mobilenetv3_small_100"),
        dtype=torch.float16,
        modules=MOBILENET_MODULES,
    ),
    Case(
        "mobilenetv3_timm_minimal",
        "mobilenetv3",
        Timm(),
        lambda: timm_mobilenet("tf_mobilenetv3_small_minimal_100", bn_eps=1e-3, pad_type="same"),
        size=(45, 59),
        dtype=torch.float16,
        modules=("bn1", "blocks.0.0", "blocks.1.0.bn2", "blocks.2.1", "blocks.3.0.conv_dw", "act2"),
    ),
    Case(
        "mobilenetv3_torchvision_large",
        "mobilenetv3",
        Torchvision("mobilenet_v3_large-8738ca79.pth"),
        lambda: tv_mobilenet("mobilenet_v3_large"),
        dtype=torch.float16,
        modules=(*TV_MOBILENET_MODULES, "features.15"),
    ),
    Case(
        "mobilenetv3_torchvision_small",
        "mobilenetv3",
        Torchvision("mobilenet_v3_small-047dcff4.pth"),
        lambda: tv_mobilenet("mobilenet_v3_small"),
        dtype=torch.float16,
        modules=(*TV_MOBILENET_MODULES, "features.12"),
    ),
    Case(
        "convnext_timm",
        "convnext",
        Timm(),
        lambda: timm_convnext("convnext_tiny"),
        modules=CONVNEXT_MODULES,
        size=(64, 96),
    ),
    Case(
        "convnext_timm_small",
        "convnext",
        Timm(),
        lambda: timm_convnext("convnext_nano_ols"),
        size=(64, 96),
        modules=(*CONVNEXT_MODULES, "stages.1.blocks.0.mlp.fc1", "stem.1"),
    ),
    Case(
        "convnext_timm_norm_first",
        "convnext",
        Timm(),
        lambda: timm_convnext("convnext_tiny_hnf"),
        size=(96, 64),
        modules=(*CONVNEXT_MODULES, "norm_pre"),
    ),
    Case(
        "convnext_timm_mlp_head",
        "convnext",
        Timm(),
        lambda: timm_convnext("convnext_large_mlp", head_hidden_size=24),
        size=(96, 64),
        dtype=torch.float16,
        modules=(*CONVNEXT_MODULES, "head.pre_logits.fc"),
    ),
    Case(
        "convnext_torchvision",
        "convnext",
        Torchvision("convnext_tiny-983f1562.pth"),
        tv_convnext_narrow,
        size=(96, 64),
        modules=("features.0", "features.1.0.block.0", "features.2", "features.3.1", "features.7", "classifier.0"),
    ),
    Case(
        "convnext_transformers",
        "convnext",
        Transformers(),
        hf_convnext,
        size=(96, 64),
        prefix="convnext.",
        modules=(
            "convnext.embeddings",
            "convnext.encoder.stages.0.layers.0.dwconv",
            "convnext.encoder.stages.1.downsampling_layer.0",
            "convnext.encoder.stages.1.layers.1",
            "convnext.encoder.stages.2",
        ),
    ),
]
# Cases of a package that few have installed: recorded where it is.
if importlib.util.find_spec("efficientnet_lite_pytorch") is not None:
    CASES += [
        Case(
            "efficientnet_pytorch_lite",
            "efficientnet",
            EfficientnetPytorch("efficientnet-lite0-57934424.pth"),
            lambda: efficientnet_pytorch("efficientnet-lite0"),
            dtype=torch.float16,
            modules=("_conv_stem", "_bn0", "_blocks.0", "_blocks.1._bn1", "_blocks.2._depthwise_conv", "_blocks.5"),
        ),
        Case(
            "efficientnet_pytorch_b0",
            "efficientnet",
            EfficientnetPytorch("efficientnet-b0-355c32eb.pth"),
            lambda: efficientnet_pytorch("efficientnet-b0"),
            dtype=torch.float16,
            modules=(
                "_conv_stem",
                "_bn0",
                "_blocks.0",
                "_blocks.1._se_expand",
                "_blocks.2._depthwise_conv",
                "_blocks.5",
            ),
        ),
    ]
