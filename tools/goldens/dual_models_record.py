"""Record what transformers gives for texts and pictures with tiny models of both: CLIP and SigLIP, whole checkpoints.

Run: python tools/goldens/dual_models_record.py [tests/golden/dual_models]
Each folder is a model as the hub has them: weights, config.json, preprocessor_config.json, tokenizer.json and
tokenizer_config.json. expected.json holds texts, pictures (paths below examples/data/images), text_embeds and image_embeds
before they are normalised, logits_per_image of all pairs, and for each the largest difference to the same in float64.
Pictures go through the library's processor on Pillow. Tokenizers are those of tests/golden/tokenizer. SigLIP is given every
text padded to the length of its position table, as its processor does it.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ["flower/000.jpg", "tree/002.png", "car/003.webp", "face/001.jpg"]
TEXTS = ["a dog", "a photo of a cat on a mat", "", "The QUICK brown fox, 3.5 times!", "ein Baum", "word " * 40]
LIBRARIES = ["transformers", "tokenizers", "torch", "pillow"]
POSITIONS = 20
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": POSITIONS,
}
VISION: dict[str, Any] = {**TEXT, "image_size": 32, "patch_size": 8}
VISION.pop("max_position_embeddings")
Answers = dict[str, torch.Tensor]


def tokenizer_of(name: str, **special: str) -> transformers.PreTrainedTokenizerFast:
    file = ROOT / "tests" / "golden" / "tokenizer" / f"{name}.json"
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(file), model_max_length=POSITIONS, **special)


def clip(tokenizer: transformers.PreTrainedTokenizerFast) -> tuple[torch.nn.Module, Any]:
    text = {
        **TEXT,
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
    settings = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": 32},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 32, "width": 32},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    return transformers.CLIPModel(config), settings


def siglip(tokenizer: transformers.PreTrainedTokenizerFast) -> tuple[torch.nn.Module, Any]:
    text = {**TEXT, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "projection_size": 32}
    config = transformers.SiglipConfig(text_config=text, vision_config=VISION)
    settings = {
        "image_processor_type": "SiglipImageProcessor",
        "do_resize": True,
        "size": {"height": 32, "width": 32},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    return transformers.SiglipModel(config), settings


def pooled(value: Any) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else value.pooler_output


def answer(model: Any, tokens: list[torch.Tensor], pixels: torch.Tensor) -> Answers:
    with torch.inference_mode():
        texts = torch.cat([pooled(model.get_text_features(input_ids=ids.unsqueeze(0))) for ids in tokens])
        images = torch.cat([pooled(model.get_image_features(pixel_values=picture.unsqueeze(0))) for picture in pixels])
        cosine = torch.nn.functional.normalize(images, dim=-1) @ torch.nn.functional.normalize(texts, dim=-1).T
        logits = cosine * model.logit_scale.exp()
        if hasattr(model, "logit_bias"):
            logits = logits + model.logit_bias
    return {"text_embeds": texts, "image_embeds": images, "logits_per_image": logits}


def whole_logits(model: Any, tokens: list[torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """Of the model's own forward, for texts one after the other."""
    with torch.inference_mode():
        return torch.cat(
            [model(input_ids=ids.unsqueeze(0), pixel_values=pixels).logits_per_image for ids in tokens], dim=1
        )


def record(family: str, folder: Path) -> None:
    torch.manual_seed(4)
    if family == "clip":
        special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
        tokenizer = tokenizer_of("clip", **special)
        model, settings = clip(tokenizer)
    else:
        tokenizer = tokenizer_of("unigram", pad_token="</s>", eos_token="</s>", unk_token="<unk>")
        model, settings = siglip(tokenizer)
    model = model.eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in ("logit_scale", "logit_bias"):
                parameter.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.2)
        model.logit_scale.fill_(math.log(20.0))
        if hasattr(model, "logit_bias"):
            model.logit_bias.fill_(-6.5)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.pop("transformers_version", None)
    for name, value in (("config.json", config), ("preprocessor_config.json", settings)):
        (folder / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    pictures = [Image.open(ROOT / "examples" / "data" / "images" / path).convert("RGB") for path in PICTURES]
    pixels = torch.cat([processor(picture, return_tensors="pt")["pixel_values"] for picture in pictures])
    padding = {"padding": "max_length"} if family == "siglip" else {}
    tokens = [
        torch.tensor(tokenizer(text, truncation=True, max_length=POSITIONS, **padding)["input_ids"]) for text in TEXTS
    ]
    single = answer(model, tokens, pixels)
    torch.testing.assert_close(single["logits_per_image"], whole_logits(model, tokens, pixels), rtol=1e-4, atol=1e-4)
    double = answer(model.double(), tokens, pixels.double())
    expected = {
        "made_by": "tools/goldens/dual_models_record.py",
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "texts": TEXTS,
        "token_counts": [len(ids) for ids in tokens],
        "pictures": PICTURES,
        "noise": {name: float((value - double[name]).abs().max()) for name, value in single.items()},
        **{name: value.tolist() for name, value in single.items()},
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "dual_models"
    torch.set_num_threads(1)
    for family in ("clip", "siglip"):
        record(family, target / family)


if __name__ == "__main__":
    main()
