"""The configurations that image_settings_record.py records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Case:
    name: str
    dialect: str
    # Files of the checkpoint's folder.
    files: dict[str, Any] = field(default_factory=dict)
    # Arguments of the library's own function, and the options of ours that ask for the same.
    args: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    test_size: bool = False
    # torchvision: the member of the weight enum, and the file that the test names.
    weights: str = ""
    file_name: str | None = None
    note: str = ""


IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


def timm(name: str, pretrained: dict[str, Any], *, model_args: dict[str, Any] | None = None, **kwargs: Any) -> Case:
    config: dict[str, Any] = {"architecture": "vit_tiny_patch16_224", "num_classes": 10, "num_features": 16}
    if model_args is not None:
        config["model_args"] = model_args
    config["pretrained_cfg"] = pretrained
    return Case(f"timm_{name}", "timm", files={"config.json": config}, **kwargs)


def small(**values: Any) -> dict[str, Any]:
    return {"input_size": [3, 16, 16], "crop_pct": 0.875, "interpolation": "bicubic", **IMAGENET, **values}


TIMM_CASES = [
    timm("center", small()),
    timm("defaults", {}),
    timm("nulls", small(interpolation=None, mean=None, std=None, crop_pct=None, crop_mode=None, test_input_size=None)),
    *(timm(f"filter_{f}", small(interpolation=f)) for f in ("nearest", "box", "bilinear", "hamming", "lanczos")),
    timm("crop_pct_95", small(crop_pct=0.95)),
    timm("crop_pct_1", small(crop_pct=1.0)),
    timm("crop_pct_9_odd", small(crop_pct=0.9, input_size=[3, 17, 17])),
    timm("crop_pct_above_1", small(crop_pct=1.2), note="the crop pads"),
    timm("not_square", small(input_size=[3, 14, 20])),
    timm("not_square_tall", small(input_size=[3, 21, 13], crop_pct=0.9)),
    timm("squash", small(crop_mode="squash", crop_pct=1.0)),
    timm("squash_cropped", small(crop_mode="squash", crop_pct=0.9, input_size=[3, 16, 19])),
    timm("border", small(crop_mode="border", crop_pct=1.0)),
    timm("border_cropped", small(crop_mode="border", crop_pct=0.8)),
    timm("border_not_square", small(crop_mode="border", crop_pct=0.95, input_size=[3, 15, 20])),
    timm("border_half", small(crop_mode="border", crop_pct=1.0, **HALF)),
    timm("border_half_way", small(crop_mode="border", crop_pct=1.0, mean=[0.1, 0.3, 0.7]), note="255 * 0.3 is 76.5"),
    timm("fixed_size", small(fixed_input_size=True, pool_size=None, first_conv="conv", classifier="fc", license="mit")),
    timm("fixed_size_argument", small(fixed_input_size=True), model_args={"img_size": 20}),
    timm("fixed_size_argument_pair", small(fixed_input_size=True), model_args={"img_size": [12, 18]}),
    timm("free_size_argument", small(), model_args={"img_size": 20}),
    timm("dynamic_size_argument", small(fixed_input_size=True), model_args={"img_size": 20, "dynamic_img_size": True}),
    timm("grey", small(input_size=[1, 16, 16], mean=[0.1307], std=[0.3081])),
    timm("grey_argument", small(mean=[0.5], std=[0.25]), model_args={"in_chans": 1}),
    timm("one_value_for_all", small(mean=[0.4], std=[0.2])),
    timm("test_size_unused", small(test_input_size=[3, 20, 20], test_crop_pct=0.95)),
    timm(
        "test_size_used",
        small(test_input_size=[3, 20, 20], test_crop_pct=0.95),
        test_size=True,
        options={"timm_size": "test"},
    ),
    Case(
        "timm_old_flat",
        "timm",
        files={"config.json": {"architecture": "resnet18", "num_features": 512, "labels": ["a", "b"], **small()}},
    ),
    timm("override_size", small(), args={"img_size": 20}, options={"size": [20, 20]}),
    timm("override_size_pair", small(), args={"input_size": [3, 12, 22]}, options={"size": [12, 22]}),
    timm("override_filter", small(), args={"interpolation": "bilinear"}, options={"interpolation": "bilinear"}),
    timm("override_fit", small(), args={"crop_mode": "border"}, options={"fit": "border"}),
    timm("override_values", small(), args=HALF, options=HALF),
]

CLASSES = [
    "ViTImageProcessor",
    "DeiTImageProcessor",
    "BeitImageProcessor",
    "ConvNextImageProcessor",
    "CLIPImageProcessor",
    "BitImageProcessor",
    "SiglipImageProcessor",
    "EfficientNetImageProcessor",
    "MobileNetV1ImageProcessor",
    "MobileNetV2ImageProcessor",
    "MobileViTImageProcessor",
    "BlipImageProcessor",
]


def hugging(name: str, processor: dict[str, Any], model_type: str = "", **kwargs: Any) -> Case:
    files = {"preprocessor_config.json": processor}
    if model_type:
        files["config.json"] = {"model_type": model_type}
    return Case(f"transformers_{name}", "transformers", files=files, **kwargs)


def of(name: str, **values: Any) -> dict[str, Any]:
    return {"image_processor_type": f"{name}ImageProcessor", **values}


def old(name: str, **values: Any) -> dict[str, Any]:
    common = {"do_normalize": True, "do_resize": True, "image_mean": IMAGENET["mean"], "image_std": IMAGENET["std"]}
    return {"feature_extractor_type": f"{name}FeatureExtractor", **common, **values}


SQUARE = {"height": 16, "width": 16}
EDGE = {"shortest_edge": 16}
CLIP_SMALL = of("CLIP", size=EDGE, crop_size=SQUARE)

TRANSFORMERS_CASES = [
    *(hugging(f"defaults_{name}", {"image_processor_type": name}) for name in CLASSES),
    hugging("vit_old_number", old("ViT", size=16, resample=2)),
    hugging("vit_fast", {"image_processor_type": "ViTImageProcessorFast", "size": SQUARE, "device": None}),
    hugging("vit_list", of("ViT", size=[14, 18])),
    hugging("vit_not_square", of("ViT", size={"height": 13, "width": 19})),
    hugging("vit_crop", of("ViT", size={"height": 20, "width": 20}, do_center_crop=True, crop_size=17)),
    hugging("vit_no_rescale", of("ViT", size=SQUARE, do_rescale=False)),
    hugging("vit_no_normalize", of("ViT", size=SQUARE, do_normalize=False)),
    hugging("vit_raw", of("ViT", size=SQUARE, do_normalize=False, do_rescale=False)),
    hugging("vit_one_value", of("ViT", size=SQUARE, image_mean=0.4, image_std=0.3)),
    hugging("vit_factor", of("ViT", size=SQUARE, rescale_factor=1 / 127.5)),
    hugging("vit_null_normalize", of("ViT", size=SQUARE, do_normalize=None, do_center_crop=None, do_pad=None)),
    hugging("vit_null_rescale", of("ViT", size=SQUARE, do_rescale=None, data_format=None, device=None)),
    hugging("deit_null_resize", of("DeiT", do_resize=None, crop_size=SQUARE, do_convert_rgb=None)),
    hugging("siglip_null_square", of("Siglip", size=18, default_to_square=None, do_center_crop=True, crop_size=16)),
    hugging(
        "vit_short_and_long",
        of("ViT", size={"shortest_edge": 16, "longest_edge": 20}, do_center_crop=True, crop_size=16),
    ),
    hugging("vit_by_number_of_edge", of("ViT", size=16, default_to_square=False, do_center_crop=True, crop_size=15)),
    *(hugging(f"vit_resample_{number}", of("ViT", size=SQUARE, resample=number)) for number in range(6)),
    hugging("mae_old", old("ViT", size=18, resample=2), "vit_mae"),
    hugging("swin_by_type", {"size": SQUARE, "resample": 3}, "swin"),
    hugging("deit_old", old("DeiT", size=18, crop_size=16, do_center_crop=True, resample=3)),
    hugging("deit_pad_odd", of("DeiT", size={"height": 13, "width": 13}, crop_size=SQUARE)),
    hugging("deit_pad_even", of("DeiT", size={"height": 12, "width": 12}, crop_size=SQUARE)),
    hugging("deit_pad_one_side", of("DeiT", size={"height": 13, "width": 19}, crop_size=SQUARE)),
    hugging("deit_no_resize", of("DeiT", do_resize=False, crop_size=SQUARE)),
    hugging("beit_old", old("Beit", size=16, crop_size=224, do_center_crop=False, reduce_labels=False, resample=2)),
    hugging("data2vec_by_type", {"size": 16, "do_reduce_labels": False}, "data2vec-vision"),
    hugging("convnext_small", of("ConvNext", size=EDGE, crop_pct=0.875)),
    hugging("convnext_crop_95", of("ConvNext", size={"shortest_edge": 17}, crop_pct=0.95)),
    hugging("convnext_crop_same", of("ConvNext", size=EDGE, do_center_crop=True, crop_size=16)),
    hugging("convnext_383", of("ConvNext", size={"shortest_edge": 383})),
    hugging("convnext_no_resize", of("ConvNext", do_resize=False, do_center_crop=True, crop_size=14)),
    hugging("resnet_old", old("ConvNext", size=16, crop_pct=0.875, resample=3), "resnet"),
    hugging(
        "convnext_override",
        of("ConvNext", size=EDGE),
        args={"size": {"shortest_edge": 384}},
        options={"size": [384, 384]},
    ),
    hugging("clip_old", old("CLIP", size=16, crop_size=16, do_center_crop=True, resample=3)),
    hugging("clip", {**CLIP_SMALL, "do_convert_rgb": True, "processor_class": "CLIPProcessor"}),
    hugging("clip_crop_not_square", of("CLIP", size={"shortest_edge": 20}, crop_size={"height": 13, "width": 18})),
    hugging("clip_pads", of("CLIP", size={"shortest_edge": 11}, crop_size=SQUARE)),
    hugging("clip_square_size", of("CLIP", use_square_size=True, crop_size=SQUARE)),
    hugging("clip_square_number", of("CLIP", size=18, default_to_square=True, crop_size=SQUARE)),
    hugging("clip_short_and_long", of("CLIP", size={"shortest_edge": 16, "longest_edge": 22}, crop_size=SQUARE)),
    hugging("clip_inside", of("CLIP", size={"max_height": 15, "max_width": 19}, crop_size=SQUARE)),
    hugging(
        "clip_short_and_long_rounds",
        of("CLIP", size={"shortest_edge": 19, "longest_edge": 25}, crop_size=SQUARE),
        note="the shorter edge is rounded, torchvision's max_size would cut it",
    ),
    hugging(
        "clip_inside_rounds",
        of("CLIP", size={"max_height": 31, "max_width": 29}, crop_size=SQUARE),
        note="40 / (40 / 29) is less than 29",
    ),
    hugging("clip_by_type", {"size": EDGE, "crop_size": 16}, "clip"),
    hugging("siglip", of("Siglip", size=SQUARE, resample=3, rescale_factor=0.00392156862745098)),
    hugging("siglip_number", of("Siglip", size=18, do_center_crop=True, crop_size=16)),
    hugging(
        "dinov2",
        of("Bit", size={"shortest_edge": 18}, crop_size=SQUARE, image_mean=IMAGENET["mean"], image_std=IMAGENET["std"]),
    ),
    hugging("dinov2_by_type", {"size": EDGE, "crop_size": SQUARE}, "dinov2"),
    hugging("efficientnet", of("EfficientNet", size=SQUARE)),
    hugging("efficientnet_offset", of("EfficientNet", size=SQUARE, rescale_offset=True, rescale_factor=1 / 127.5)),
    hugging(
        "efficientnet_published",
        of("EfficientNet", size=SQUARE, image_mean=IMAGENET["mean"], image_std=[0.47853944, 0.4732864, 0.47434163]),
    ),
    hugging("efficientnet_no_top", of("EfficientNet", size=SQUARE, include_top=False)),
    hugging("efficientnet_top_only", of("EfficientNet", size=SQUARE, do_normalize=False, image_std=[0.2, 0.3, 0.4])),
    hugging("efficientnet_crop", of("EfficientNet", size=20, do_center_crop=True, crop_size=16)),
    hugging("mobilenet", of("MobileNetV2", size={"shortest_edge": 18}, crop_size=SQUARE)),
    hugging("mobilevit", of("MobileViT", size={"shortest_edge": 18}, crop_size=SQUARE)),
    hugging(
        "mobilevit_no_flip", of("MobileViT", size={"shortest_edge": 18}, crop_size=SQUARE, do_flip_channel_order=False)
    ),
    hugging("blip", of("Blip", size=SQUARE)),
    Case(
        "transformers_combined",
        "transformers",
        files={
            "processor_config.json": {"processor_class": "CLIPProcessor", "image_processor": CLIP_SMALL},
            "preprocessor_config.json": of("ViT"),
        },
        note="image_processor inside processor_config.json wins",
    ),
    Case(
        "transformers_combined_without",
        "transformers",
        files={"processor_config.json": {"processor_class": "CLIPProcessor"}, "preprocessor_config.json": CLIP_SMALL},
    ),
]


def published(weights: str, file_name: str) -> Case:
    return Case(f"torchvision_{weights}".replace(".", "_"), "torchvision", weights=weights, file_name=file_name)


TORCHVISION_CASES = [
    published("AlexNet_Weights.IMAGENET1K_V1", "alexnet-owt-7be5be79.pth"),
    published("VGG16_Weights.IMAGENET1K_V1", "vgg16-397923af.pth"),
    published("VGG16_Weights.IMAGENET1K_FEATURES", "vgg16_features-amdegroot-88682ab5.pth"),
    published("VGG19_BN_Weights.IMAGENET1K_V1", "vgg19_bn-c79401a0.pth"),
    published("ResNet50_Weights.IMAGENET1K_V1", "resnet50-0676ba61.pth"),
    published("ResNet50_Weights.IMAGENET1K_V2", "resnet50-11ad3fa6.pth"),
    published("EfficientNet_B0_Weights.IMAGENET1K_V1", "efficientnet_b0_rwightman-7f5810bc.pth"),
    published("EfficientNet_B1_Weights.IMAGENET1K_V2", "efficientnet_b1-c27df63c.pth"),
    published("EfficientNet_B7_Weights.IMAGENET1K_V1", "efficientnet_b7_lukemelas-c5b4e57e.pth"),
    published("MobileNet_V3_Large_Weights.IMAGENET1K_V2", "mobilenet_v3_large-5c1a4163.pth"),
    published("ConvNeXt_Tiny_Weights.IMAGENET1K_V1", "convnext_tiny-983f1562.pth"),
    published("ViT_B_16_Weights.IMAGENET1K_V1", "vit_b_16-c867db91.pth"),
    published("ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1", "vit_b_16_swag-9ac1b537.pth"),
    published("Swin_T_Weights.IMAGENET1K_V1", "swin_t-704ceda3.pth"),
]
