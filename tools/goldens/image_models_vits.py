"""Golden cases of vision transformers: ViT, DeiT, DINOv2, ViTMAE, BEiT, data2vec-vision, Swin, CLIP and SigLIP."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
import transformers

from image_models_case import Answers, Case, Timm, Torchvision

Outputs = dict[str, Any]

# A square image, on which the models are trained, and one of another size.
TRAINED = (32, 32)
OTHER = (24, 40)


@dataclass(frozen=True)
class TimmTokens(Timm):
    """timm's models whose blocks give tokens: features as maps, as features_only gives them."""

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        answers: Answers = {}
        if self.features:
            maps = model.forward_intermediates(pixels, norm=False, output_fmt="NCHW", intermediates_only=True)
            answers.update({f"features.{index}": value.clone() for index, value in enumerate(maps)})
        tokens = model.forward_features(pixels)
        answers["forward_features"] = tokens.clone()
        answers["penultimate"] = model.forward_head(tokens, pre_logits=True)
        if model.num_classes > 0:
            answers["logits"] = model.forward_head(tokens)
        return answers


@dataclass(frozen=True)
class TimmResized(TimmTokens):
    """A model that is given the size of its images after it has its weights."""

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        if tuple(model.patch_embed.img_size) != tuple(pixels.shape[2:]):
            with torch.inference_mode(False):
                model.set_input_size(tuple(pixels.shape[2:]))
        return super().answer(model, pixels)


def pooled(outputs: Outputs) -> torch.Tensor:
    return outputs["pooler_output"]


def class_token(outputs: Outputs) -> torch.Tensor:
    return outputs["last_hidden_state"][:, 0]


def class_and_patches(outputs: Outputs) -> torch.Tensor:
    tokens = outputs["last_hidden_state"]
    return torch.cat([tokens[:, 0], tokens[:, outputs["prefix"] :].mean(dim=1)], dim=1)


@dataclass(frozen=True)
class TransformersVision:
    """The transformers library: `encoder` names the model inside a model with a head."""

    encoder: str = ""
    penultimate: Callable[[Outputs], torch.Tensor] = pooled
    prefix: int = 1
    arguments: dict[str, Any] = field(default_factory=dict)
    # False where what the library calls logits are pixels.
    classifies: bool = True
    dialect: str = "transformers"

    def save(self, model: Any, folder: Path) -> str:
        model.save_pretrained(folder)
        return "model.safetensors"

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        arguments = dict(self.arguments)
        if "noise" in inspect.signature(model.forward).parameters:
            # A mask ratio of 0 keeps all patches, and this noise their order.
            count = (pixels.shape[2] // 8) * (pixels.shape[3] // 8)
            arguments["noise"] = torch.arange(count, dtype=pixels.dtype).repeat(pixels.shape[0], 1)
        inner = model.get_submodule(self.encoder) if self.encoder else model
        whole: Outputs = dict(model(pixel_values=pixels, **arguments)) if self.encoder else {}
        outputs: Outputs = dict(inner(pixel_values=pixels, output_hidden_states=True, **arguments))
        outputs.update(whole, prefix=self.prefix)
        answers = {f"features.{index}": value.clone() for index, value in enumerate(outputs["hidden_states"])}
        answers["forward_features"] = outputs["last_hidden_state"].clone()
        answers["penultimate"] = self.penultimate(outputs).clone()
        if whole.get("logits") is not None and self.classifies:
            answers["logits"] = whole["logits"].clone()
        return answers


@dataclass(frozen=True)
class TransformersClip(TransformersVision):
    """A model of images and texts: only its image tower runs."""

    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        tower = getattr(model, "vision_model", model)
        outputs: Outputs = dict(tower(pixel_values=pixels, output_hidden_states=True, **self.arguments))
        answers = {f"features.{index}": value.clone() for index, value in enumerate(outputs["hidden_states"])}
        answers["forward_features"] = outputs["last_hidden_state"].clone()
        vector = outputs["pooler_output"]
        answers["pooler_output"] = vector.clone()
        projection = getattr(model, "visual_projection", None)
        answers["penultimate"] = vector.clone() if projection is None else projection(vector)
        return answers


@dataclass(frozen=True)
class TorchvisionVit(Torchvision):
    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        answers: Answers = {}
        if model.image_size != pixels.shape[2]:
            model.image_size = pixels.shape[2]
            with torch.inference_mode(False):
                state = torchvision.models.vision_transformer.interpolate_embeddings(
                    model.image_size, model.patch_size, model.state_dict()
                )
                model.encoder.pos_embedding = torch.nn.Parameter(state["encoder.pos_embedding"])
        handles = [
            model.heads.head.register_forward_pre_hook(
                lambda _module, inputs: answers.update(penultimate=inputs[0].clone())
            ),
            model.encoder.ln.register_forward_hook(
                lambda _module, _inputs, output: answers.update(forward_features=output.clone())
            ),
        ]
        answers["logits"] = model(pixels)
        for handle in handles:
            handle.remove()
        return answers


SIZES: dict[str, Any] = {"embed_dim": 24, "depth": 2, "num_heads": 4, "patch_size": 8, "img_size": 32, "num_classes": 7}
TIMM_MODULES = ("pos_drop", "blocks.0.norm1", "blocks.0.attn", "blocks.0.mlp.fc1", "blocks.1.mlp", "blocks.1")


def timm_case(name: str, architecture: str, size: tuple[int, int] = TRAINED, **options: Any) -> Case:
    """`family` of a case is the row of our table of families."""
    modules = options.pop("modules", TIMM_MODULES)
    beit = architecture.startswith("beit")
    arguments = {**SIZES, **options}
    return Case(
        name,
        "beit" if beit else "vit",
        TimmResized() if beit else TimmTokens(),
        lambda: timm.create_model(architecture, **arguments),
        size=size,
        modules=modules,
    )


HF_SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "image_size": 32,
    "patch_size": 8,
}
LABELS = {"id2label": {str(i): f"label {i}" for i in range(7)}, "label2id": {f"label {i}": i for i in range(7)}}
INTERPOLATE = {"interpolate_pos_encoding": True}

# Module paths of today's transformers, and the names of its checkpoints.
VIT_NAMES = {
    "embeddings": "embeddings",
    "layers.0.layernorm_before": "encoder.layer.0.layernorm_before",
    "layers.0.attention.q_proj": "encoder.layer.0.attention.attention.query",
    "layers.0.attention.o_proj": "encoder.layer.0.attention.output.dense",
    "layers.0.mlp.activation_fn": "encoder.layer.0.intermediate",
    "layers.1.mlp.fc2": "encoder.layer.1.output.dense",
    "layers.1": "encoder.layer.1",
}
DINO_NAMES = {
    "embeddings": "embeddings",
    "encoder.layer.0.norm1": "encoder.layer.0.norm1",
    "encoder.layer.0.attention.o_proj": "encoder.layer.0.attention.output.dense",
    "encoder.layer.0.layer_scale1": "encoder.layer.0.layer_scale1",
    "encoder.layer.1.mlp": "encoder.layer.1.mlp",
    "encoder.layer.1.layer_scale2": "encoder.layer.1.layer_scale2",
    "encoder.layer.1": "encoder.layer.1",
}
DATA2VEC_NAMES = {
    name: name
    for name in (
        "embeddings.patch_embeddings.projection",
        "encoder.layer.0.attention.attention",
        "encoder.layer.0.attention.output.dense",
        "encoder.layer.0.intermediate",
        "encoder.layer.1.output.dense",
        "encoder.layer.1",
    )
}
CLIP_NAMES = {
    "embeddings": "vision_model.embeddings",
    "encoder.layers.0.layer_norm1": "vision_model.encoder.layers.0.layer_norm1",
    "encoder.layers.0.self_attn": "vision_model.encoder.layers.0.self_attn",
    "encoder.layers.1.mlp.fc1": "vision_model.encoder.layers.1.mlp.fc1",
    "encoder.layers.1": "vision_model.encoder.layers.1",
}
SWIN_NAMES = {"layernorm": "layernorm"}


def under(prefix: str, names: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}{path}": name for path, name in names.items()}


def hf_case(
    name: str,
    interface: TransformersVision,
    build: Callable[[], torch.nn.Module],
    names: dict[str, str],
    size: tuple[int, int] = TRAINED,
) -> Case:
    family = name.split("_hf")[0].replace("data2vec_vision", "data2vec-vision")
    encoder = f"{interface.encoder}." if interface.encoder else ""
    renamed = under(encoder, names)
    return Case(name, family, interface, build, size=size, modules=tuple(renamed), renamed=renamed)


def vit(with_pooler: bool, **options: Any) -> torch.nn.Module:
    config = transformers.ViTConfig(**{**HF_SIZES, **options})
    return transformers.ViTModel(config) if with_pooler else transformers.ViTForImageClassification(config)


def clip(**options: Any) -> torch.nn.Module:
    text = {**HF_SIZES, "vocab_size": 40, "max_position_embeddings": 12}
    vision = {**HF_SIZES, **options}
    return transformers.CLIPModel(transformers.CLIPConfig(vision_config=vision, text_config=text, projection_dim=20))


def siglip() -> torch.nn.Module:
    text = {**HF_SIZES, "vocab_size": 40, "max_position_embeddings": 12}
    return transformers.SiglipModel(transformers.SiglipConfig(vision_config=HF_SIZES, text_config=text))


def swin(**options: Any) -> torch.nn.Module:
    sizes = {
        "image_size": 32,
        "patch_size": 2,
        "embed_dim": 12,
        "depths": [2, 2],
        "num_heads": [2, 4],
        "window_size": 4,
    }
    return transformers.SwinForImageClassification(transformers.SwinConfig(**{**sizes, **LABELS, **options}))


def timm_swin(**options: Any) -> torch.nn.Module:
    sizes = {
        "img_size": 32,
        "patch_size": 2,
        "embed_dim": 12,
        "depths": (2, 2),
        "num_heads": (2, 4),
        "window_size": 4,
        "num_classes": 7,
    }
    return timm.create_model("swin_tiny_patch4_window7_224", **{**sizes, **options})


@dataclass(frozen=True)
class TimmMaps(Timm):
    """Swin: maps with the channels last."""


@dataclass(frozen=True)
class TransformersSwin(TransformersVision):
    def answer(self, model: Any, pixels: torch.Tensor) -> Answers:
        inner = model.get_submodule(self.encoder)
        outputs = inner(pixel_values=pixels, output_hidden_states=True, **self.arguments)
        maps = outputs.reshaped_hidden_states
        answers = {f"features.{index}": value.flatten(2).transpose(1, 2).clone() for index, value in enumerate(maps)}
        answers["forward_features"] = outputs.last_hidden_state.clone()
        answers["penultimate"] = outputs.pooler_output.clone()
        answers["logits"] = model(pixel_values=pixels, **self.arguments).logits.clone()
        return answers


SWIN_MODULES = (
    "patch_embed",
    "layers.0.blocks.1.norm1",
    "layers.0.blocks.0",
    "layers.1.downsample",
    "layers.1.blocks.1",
)
TV_VIT_MODULES = (
    "conv_proj",
    "encoder.layers.encoder_layer_0.ln_1",
    "encoder.layers.encoder_layer_0.self_attention",
    "encoder.layers.encoder_layer_0.mlp.0",
    "encoder.layers.encoder_layer_0.mlp",
    "encoder.layers.encoder_layer_0",
)
TV_SWIN_MODULES = (
    "features.0",
    "features.1.1.norm1",
    "features.1.1.attn",
    "features.2",
    "features.3.1.mlp",
    "features.3",
)


def torchvision_swin() -> torch.nn.Module:
    return torchvision.models.swin_transformer.SwinTransformer(
        patch_size=[2, 2], embed_dim=12, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=7
    )


def torchvision_vit(size: int = 32) -> torch.nn.Module:
    return torchvision.models.VisionTransformer(size, 8, 1, 2, 128, 16, num_classes=7)


def dinov2(kind: str, classify: bool, **options: Any) -> torch.nn.Module:
    sizes = {key: value for key, value in HF_SIZES.items() if key != "intermediate_size"}
    config = getattr(transformers, f"{kind}Config")(
        **{**sizes, "mlp_ratio": 2, "use_mask_token": True, **LABELS, **options}
    )
    return getattr(transformers, f"{kind}ForImageClassification" if classify else f"{kind}Model")(config)


def beit(kind: str, model: str, **options: Any) -> torch.nn.Module:
    config = getattr(transformers, f"{kind}Config")(**{**HF_SIZES, **options})
    return getattr(transformers, f"{kind}{model}")(config)


TIMM_CASES = [
    timm_case("vit_timm", "vit_tiny_patch16_224"),
    timm_case("vit_timm_other_size", "vit_tiny_patch16_224", OTHER, dynamic_img_size=True),
    timm_case("vit_timm_no_classifier", "vit_tiny_patch16_224", num_classes=0, qkv_bias=False),
    timm_case("vit_timm_gap", "vit_base_patch16_siglip_gap_224"),
    timm_case("vit_timm_map", "vit_base_patch16_siglip_224", OTHER, dynamic_img_size=True),
    timm_case("vit_timm_clip", "vit_base_patch32_clip_quickgelu_224"),
    timm_case("vit_timm_reg_gap", "vit_medium_patch16_reg4_gap_256", OTHER, dynamic_img_size=True),
    timm_case("vit_timm_dinov2", "vit_small_patch14_dinov2", OTHER, dynamic_img_size=True),
    timm_case("vit_timm_dinov2_giant", "vit_giant_patch14_reg4_dinov2", mlp_ratio=2.66667 * 2),
    timm_case("vit_timm_qk_norm", "vit_tiny_patch16_224", qk_norm=True, scale_attn_norm=True, scale_mlp_norm=True),
    timm_case("vit_timm_deit3", "deit3_small_patch16_224", init_values=0.1),
    timm_case("vit_timm_deit_distilled", "deit_tiny_distilled_patch16_224"),
    timm_case("beit_timm", "beit_base_patch16_224"),
    timm_case("beitv2_timm_other_size", "beitv2_base_patch16_224", OTHER),
]

TRANSFORMERS_CASES = [
    hf_case("vit_hf", TransformersVision(), lambda: vit(True), VIT_NAMES),
    hf_case("vit_hf_other_size", TransformersVision(arguments=INTERPOLATE), lambda: vit(True), VIT_NAMES, OTHER),
    hf_case(
        "vit_hf_classifier",
        TransformersVision("vit", class_token),
        lambda: vit(False, qkv_bias=False, **LABELS),
        VIT_NAMES,
    ),
    hf_case(
        "deit_hf_teacher",
        TransformersVision("deit", class_token, prefix=2),
        lambda: transformers.DeiTForImageClassificationWithTeacher(transformers.DeiTConfig(**HF_SIZES, **LABELS)),
        VIT_NAMES,
    ),
    hf_case(
        "deit_hf_other_size",
        TransformersVision(prefix=2, arguments=INTERPOLATE),
        lambda: transformers.DeiTModel(transformers.DeiTConfig(**HF_SIZES)),
        VIT_NAMES,
        OTHER,
    ),
    hf_case("dinov2_hf", TransformersVision(), lambda: dinov2("Dinov2", False), DINO_NAMES, OTHER),
    hf_case(
        "dinov2_hf_giant",
        TransformersVision("dinov2", class_and_patches),
        lambda: dinov2("Dinov2", True, use_swiglu_ffn=True),
        DINO_NAMES,
    ),
    hf_case(
        "dinov2_with_registers_hf",
        TransformersVision("dinov2_with_registers", class_and_patches, prefix=5),
        lambda: dinov2("Dinov2WithRegisters", True),
        DINO_NAMES,
        OTHER,
    ),
    hf_case(
        "vit_mae_hf",
        TransformersVision("vit", class_token, classifies=False),
        lambda: transformers.ViTMAEForPreTraining(
            transformers.ViTMAEConfig(
                **HF_SIZES,
                mask_ratio=0.0,
                decoder_num_hidden_layers=1,
                decoder_hidden_size=16,
                decoder_num_attention_heads=2,
                decoder_intermediate_size=24,
            )
        ),
        VIT_NAMES,
    ),
    hf_case(
        "vit_mae_hf_other_size",
        TransformersVision("", class_token, arguments=INTERPOLATE),
        lambda: transformers.ViTMAEModel(transformers.ViTMAEConfig(**HF_SIZES, mask_ratio=0.0)),
        VIT_NAMES,
        OTHER,
    ),
    hf_case(
        "beit_hf",
        TransformersVision("beit"),
        lambda: beit("Beit", "ForImageClassification", use_relative_position_bias=True, use_mask_token=True, **LABELS),
        VIT_NAMES,
        OTHER,
    ),
    hf_case(
        "beit_hf_shared",
        TransformersVision(),
        lambda: beit(
            "Beit",
            "Model",
            use_relative_position_bias=True,
            use_shared_relative_position_bias=True,
            use_absolute_position_embeddings=True,
            use_mean_pooling=False,
            layer_scale_init_value=0.0,
        ),
        VIT_NAMES,
    ),
    hf_case(
        "data2vec_vision_hf",
        TransformersVision("data2vec_vision"),
        lambda: beit("Data2VecVision", "ForImageClassification", use_shared_relative_position_bias=True, **LABELS),
        DATA2VEC_NAMES,
        OTHER,
    ),
    hf_case("clip_hf", TransformersClip("vision_model"), clip, CLIP_NAMES),
    hf_case(
        "clip_hf_other_size",
        TransformersClip("vision_model", arguments=INTERPOLATE),
        lambda: transformers.CLIPVisionModelWithProjection(
            transformers.CLIPVisionConfig(**HF_SIZES, projection_dim=20, hidden_act="gelu")
        ),
        CLIP_NAMES,
        OTHER,
    ),
    hf_case("siglip_hf", TransformersClip("vision_model"), siglip, CLIP_NAMES),
    hf_case(
        "siglip_hf_other_size",
        TransformersClip("", arguments=INTERPOLATE),
        lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**HF_SIZES)),
        CLIP_NAMES,
        OTHER,
    ),
    hf_case("swin_hf", TransformersSwin("swin"), swin, SWIN_NAMES),
    hf_case("swin_hf_other_size", TransformersSwin("swin"), lambda: swin(qkv_bias=False), SWIN_NAMES, (27, 34)),
    hf_case(
        "swin_hf_positions",
        TransformersSwin("swin", arguments=INTERPOLATE),
        lambda: swin(use_absolute_embeddings=True),
        SWIN_NAMES,
        (20, 36),
    ),
]

OTHER_CASES = [
    Case("swin_timm", "swin", TimmMaps(), timm_swin, size=TRAINED, modules=SWIN_MODULES),
    Case(
        "swin_timm_other_size",
        "swin",
        TimmMaps(),
        lambda: timm_swin(strict_img_size=False),
        size=(28, 42),
        modules=SWIN_MODULES,
    ),
    Case(
        "swin_timm_small_map",
        "swin",
        TimmMaps(),
        lambda: timm_swin(img_size=(12, 16), window_size=4),
        size=(12, 16),
        modules=SWIN_MODULES,
    ),
    Case(
        "swin_torchvision",
        "swin",
        Torchvision("swin_t-704ceda3.pth"),
        torchvision_swin,
        size=(28, 42),
        modules=TV_SWIN_MODULES,
    ),
    Case("vit_torchvision", "vit", TorchvisionVit("vit_b_16-c867db91.pth"), torchvision_vit, TRAINED, TV_VIT_MODULES),
    Case(
        "vit_torchvision_other_size",
        "vit",
        TorchvisionVit("vit_l_32-c7638314.pth"),
        torchvision_vit,
        (48, 48),
        TV_VIT_MODULES,
    ),
]

# Files in half precision: tables are resampled and spread from rounded values.
HALF_CASES = [
    dataclasses.replace(case, name=f"{case.name}_f16", dtype=torch.float16)
    for case in (*TRANSFORMERS_CASES, *OTHER_CASES)
    if case.name in ("dinov2_hf", "swin_timm")
]

# What becomes the first tokens: the first norm of every model sees little variance.
SMALL_PARTS = (
    "patch_embed.proj",
    "patch_embeddings.projection",
    "patch_embedding.",
    "conv_proj",
    "features.0.0",
    "cls_token",
    "class_token",
    "class_embedding",
    "reg_token",
    "dist_token",
    "distillation_token",
    "register_tokens",
    "pos_embed",
    "position_embedding",
)

CASES = [
    dataclasses.replace(case, small=SMALL_PARTS)
    for case in (*HALF_CASES, *TIMM_CASES, *TRANSFORMERS_CASES, *OTHER_CASES)
]
