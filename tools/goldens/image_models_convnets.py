"""Golden cases of the convolutional families.

The networks are the libraries' own classes with few channels; where a class has fixed widths, its parts are replaced by
narrow ones of the same kind and name.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
import transformers
from safetensors.torch import save_file
from timm.layers import BatchNormAct2d, ClassifierHead
from timm.models import efficientnet as timm_efficientnet
from timm.models import mobilenetv3 as timm_mobilenetv3
from timm.models import vgg as timm_vgg
from timm.models._builder import build_model_with_cfg
from torch import nn
from torchvision.models import convnext as tv_convnext
from torchvision.models import efficientnet as tv_efficientnet
from torchvision.models import mobilenetv3 as tv_mobilenetv3
from torchvision.models import resnet as tv_resnet
from torchvision.models import vgg as tv_vgg

from image_models_case import Answers, Case, Timm, Torchvision, Transformers

CLASSES = 7
LABELS = {"id2label": {i: f"class {i}" for i in range(CLASSES)}}
# A small network with every kind of stage of EfficientNet.
NARROW = {"channel_multiplier": 0.12, "channel_divisor": 4, "depth_multiplier": 0.5, "num_classes": CLASSES}


def timm_resnet(architecture: str, **options: Any) -> nn.Module:
    sizes: dict[str, Any] = {"layers": (1, 1, 1, 1), "channels": (8, 12, 16, 20), "num_classes": CLASSES}
    return timm.create_model(architecture, **{**sizes, **options})


def timm_vgg_narrow(architecture: str, cfg: list[Any]) -> nn.Module:
    norm = nn.BatchNorm2d if architecture.endswith("_bn") else None
    model = build_model_with_cfg(
        timm_vgg.VGG, architecture, False, model_cfg=cfg, norm_layer=norm, num_classes=CLASSES
    )
    model.pre_logits = timm_vgg.ConvMlp(12, 16, 7)
    model.head = ClassifierHead(16, CLASSES)
    return model


def timm_efficientnet_lite(architecture: str, **options: Any) -> nn.Module:
    model = timm_efficientnet._gen_efficientnet_lite(architecture, 0.1, 0.5, num_classes=CLASSES, **options)
    model.conv_head = nn.Conv2d(model.conv_head.in_channels, 24, 1, bias=False)
    model.bn2 = BatchNormAct2d(24, eps=model.bn1.eps, act_layer=nn.ReLU6)
    model.classifier = nn.Linear(24, CLASSES)
    return model


def timm_mobilenet(architecture: str, **options: Any) -> nn.Module:
    model = timm_mobilenetv3._gen_mobilenet_v3(architecture, 0.1, num_classes=CLASSES, **options)
    model.conv_head = nn.Conv2d(model.num_features, 24, 1)
    model.classifier = nn.Linear(24, CLASSES)
    return model


def timm_convnext(architecture: str, **options: Any) -> nn.Module:
    sizes: dict[str, Any] = {"depths": (1, 2, 1, 1), "dims": (8, 12, 16, 20), "num_classes": CLASSES}
    return timm.create_model(architecture, **{**sizes, **options})


def tv_alexnet() -> nn.Module:
    model = torchvision.models.AlexNet(num_classes=CLASSES)
    model.features = nn.Sequential(
        nn.Conv2d(3, 8, kernel_size=11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(8, 10, kernel_size=5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(10, 12, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(12, 10, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(10, 8, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )
    model.classifier = nn.Sequential(
        nn.Dropout(),
        nn.Linear(8 * 6 * 6, 24),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(24, 20),
        nn.ReLU(inplace=True),
        nn.Linear(20, CLASSES),
    )
    return model


def tv_vgg_narrow(batch_norm: bool) -> nn.Module:
    cfg = [6, "M", 8, "M", 8, 10, "M", 10, "M", 8, 8, "M"]
    model = tv_vgg.VGG(tv_vgg.make_layers(cfg, batch_norm=batch_norm), num_classes=CLASSES)
    model.classifier = nn.Sequential(
        nn.Linear(8 * 7 * 7, 24),
        nn.ReLU(True),
        nn.Dropout(),
        nn.Linear(24, 20),
        nn.ReLU(True),
        nn.Dropout(),
        nn.Linear(20, CLASSES),
    )
    return model


def tv_resnet_narrow(block: Any, groups: int = 1, width_per_group: int = 64) -> nn.Module:
    model = tv_resnet.ResNet(block, [1, 1, 1, 1], CLASSES, groups=groups, width_per_group=width_per_group)
    model.inplanes = 8
    model.conv1 = nn.Conv2d(3, 8, kernel_size=7, stride=2, padding=3, bias=False)
    model.bn1 = nn.BatchNorm2d(8)
    model.layer1 = model._make_layer(block, 8, 2)
    model.layer2 = model._make_layer(block, 10 if groups == 1 else 8, 1, stride=2)
    model.layer3 = model._make_layer(block, 12, 1, stride=2)
    model.layer4 = model._make_layer(block, 16, 1, stride=2)
    model.fc = nn.Linear(16 * block.expansion, CLASSES)
    return model


def tv_efficientnet_narrow(second_stage: int, epsilon: float) -> nn.Module:
    config = tv_efficientnet.MBConvConfig
    settings = [
        config(1, 3, 1, 8, 8, 2),
        config(3, 3, 2, 8, 8, second_stage),
        config(2, 5, 2, 8, 16, 1),
        config(2, 3, 2, 16, 16, 2),
        config(2, 5, 1, 16, 24, 1),
        config(2, 5, 2, 24, 24, 2),
        config(2, 3, 1, 24, 32, 1),
    ]
    norm = None if epsilon == 1e-5 else lambda channels: nn.BatchNorm2d(channels, eps=epsilon)
    return tv_efficientnet.EfficientNet(settings, 0.2, num_classes=CLASSES, last_channel=40, norm_layer=norm)


def tv_mobilenet(architecture: str) -> nn.Module:
    settings, _ = tv_mobilenetv3._mobilenet_v3_conf(architecture, width_mult=0.1)
    return tv_mobilenetv3.MobileNetV3(settings, 24, num_classes=CLASSES)


def tv_convnext_narrow() -> nn.Module:
    config = tv_convnext.CNBlockConfig
    return tv_convnext.ConvNeXt(
        [config(8, 12, 1), config(12, 16, 2), config(16, 20, 1), config(20, None, 1)], num_classes=CLASSES
    )


def hf_resnet(**options: Any) -> nn.Module:
    sizes = {"embedding_size": 8, "hidden_sizes": [12, 16, 20, 24], "depths": [1, 2, 1, 1]}
    config = transformers.ResNetConfig(**{**sizes, **LABELS, **options})
    return transformers.ResNetForImageClassification(config)


def hf_efficientnet() -> nn.Module:
    config = transformers.EfficientNetConfig(
        image_size=56,
        width_coefficient=0.1,
        depth_coefficient=0.5,
        depth_divisor=4,
        hidden_dim=128,
        depthwise_padding=[1, 3],
        **LABELS,
    )
    return transformers.EfficientNetForImageClassification(config)


def hf_convnext() -> nn.Module:
    config = transformers.ConvNextConfig(hidden_sizes=[8, 12, 16, 20], depths=[1, 2, 1, 1], image_size=56, **LABELS)
    return transformers.ConvNextForImageClassification(config)


class Lenet(nn.Module):
    """LeNet-5 as it is taught, under our own names."""

    def __init__(self, activation: str, pooling: str, padding: int) -> None:
        super().__init__()
        self.settings = {"activation": activation, "pooling": pooling, "first_padding": padding}
        function = {"tanh": nn.Tanh, "relu": nn.ReLU}[activation]
        pool = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}[pooling]
        self.conv1 = nn.Conv2d(1, 6, 5, padding=padding)
        self.act1 = function()
        self.pool1 = pool(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.act2 = function()
        self.pool2 = pool(2)
        self.fc1 = nn.Linear(400, 120)
        self.act3 = function()
        self.fc2 = nn.Linear(120, 84)
        self.act4 = function()
        self.fc3 = nn.Linear(84, 10)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = self.pool1(self.act1(self.conv1(pixels)))
        return self.pool2(self.act2(self.conv2(maps)))

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        return self.act4(self.fc2(self.act3(self.fc1(maps.flatten(1)))))


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


def efficientnet_pytorch(name: str) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    options = {"width_coefficient": 0.2, "depth_coefficient": 0.4, "depth_divisor": 2, "fix_head_stem": False}
    model = EfficientNet.from_name(name, image_size=[40, 56], num_classes=CLASSES, **options)
    model._conv_head = nn.Conv2d(model._conv_head.in_channels, 24, 1, bias=False)
    model._bn1 = nn.BatchNorm2d(24, eps=model._bn0.eps)
    model._fc = nn.Linear(24, CLASSES)
    return model


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
