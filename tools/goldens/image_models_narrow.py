"""Narrow convolutional networks for golden cases.

They are the libraries' own classes with few channels; where a class has fixed widths, its parts are replaced by narrow
ones of the same kind and name.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
import torchvision
import transformers
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

CLASSES = 7
LABELS = {"id2label": {i: f"class {i}" for i in range(CLASSES)}}
# A small network with every kind of stage of EfficientNet.
NARROW = {"channel_multiplier": 0.12, "channel_divisor": 4, "depth_multiplier": 0.5, "num_classes": CLASSES}


def timm_resnet(architecture: str, **options: Any) -> nn.Module:
    sizes: dict[str, Any] = {"layers": (1, 1, 1, 1), "channels": (8, 12, 16, 20), "num_classes": CLASSES}
    return timm.create_model(architecture, **{**sizes, **options})


def timm_vgg_narrow(architecture: str, cfg: list[Any]) -> nn.Module:
    norm = nn.BatchNorm2d if architecture.endswith("_bn") else None
    model = build_model_with_cfg(timm_vgg.VGG, architecture, False, model_cfg=cfg, norm_layer=norm, num_classes=CLASSES)
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


def efficientnet_pytorch(name: str) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    options = {"width_coefficient": 0.2, "depth_coefficient": 0.4, "depth_divisor": 2, "fix_head_stem": False}
    model = EfficientNet.from_name(name, image_size=[40, 56], num_classes=CLASSES, **options)
    model._conv_head = nn.Conv2d(model._conv_head.in_channels, 24, 1, bias=False)
    model._bn1 = nn.BatchNorm2d(24, eps=model._bn0.eps)
    model._fc = nn.Linear(24, CLASSES)
    return model
