"""Golden cases of the text towers of CLIP and SigLIP, recorded by text_models_record.py.

As there, each text runs alone. `ranges` holds, for each text, its begin and the end of the part that ends with the token
whose vector counts; `pooled` is text_embeds of CLIP and pooler_output of SigLIP, which pads every text to the length of
its position table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY = 60
POSITIONS = 12
END_TOKEN = 57
# For the rule of old configurations: the highest id ends a text.
LEGACY_END_TOKEN = 2
LENGTHS = (2, 5, 12)
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": POSITIONS,
    "bos_token_id": 0,
    "pad_token_id": 1,
}
VISION: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 16,
    "patch_size": 8,
}


@dataclass(frozen=True)
class Tower:
    """`both`: the checkpoint of the whole model, of which only the text tower is recorded."""

    name: str
    family: str
    both: bool = False
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def model_type(self) -> str:
        return self.family if self.both else f"{self.family}_text_model"

    def build(self) -> torch.nn.Module:
        sizes = {**SIZES, "eos_token_id": END_TOKEN, **self.config}
        if self.family == "clip":
            if self.both:
                config = transformers.CLIPConfig(text_config=sizes, vision_config=VISION, projection_dim=24)
                return transformers.CLIPModel(config)
            return transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(projection_dim=24, **sizes))
        if self.both:
            return transformers.SiglipModel(transformers.SiglipConfig(text_config=sizes, vision_config=VISION))
        return transformers.SiglipTextModel(transformers.SiglipTextConfig(projection_size=20, **sizes))

    def end(self, ids: torch.Tensor) -> int:
        if self.family == "siglip":
            return ids.numel()
        if self.config.get("eos_token_id") == LEGACY_END_TOKEN:
            return int(ids.argmax()) + 1
        return int((ids == END_TOKEN).int().argmax()) + 1

    def texts(self, generator: torch.Generator) -> list[torch.Tensor]:
        texts = []
        for length in LENGTHS:
            ids = torch.randint(2, END_TOKEN, (length,), generator=generator)
            ids[0] = 0
            ids[-1] = VOCABULARY - 1 if "eos_token_id" in self.config else END_TOKEN
            if self.family == "siglip":
                ids = torch.cat([ids, torch.ones(POSITIONS - length, dtype=ids.dtype)])
            texts.append(ids)
        # Tokens after the end count for nothing in CLIP, where a token sees only those before it.
        texts.append(torch.cat([texts[1], texts[1]])[:POSITIONS] if self.family == "clip" else texts[1].flip(0))
        return texts


TOWERS = [
    Tower("clip", "clip"),
    Tower("clip_both_towers", "clip", both=True, config={"hidden_act": "gelu"}),
    Tower("clip_legacy_end", "clip", config={"eos_token_id": LEGACY_END_TOKEN}),
    Tower("siglip", "siglip"),
    Tower("siglip_both_towers", "siglip", both=True),
]


def save(tower: Tower, model: torch.nn.Module, folder: Path) -> None:
    model.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("transformers_version", None)
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def run(model: torch.nn.Module, texts: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Values under the names of our graph, packed."""
    tower = getattr(model, "text_model", model)
    runs = []
    with torch.inference_mode():
        for ids in texts:
            outputs = tower(input_ids=ids.unsqueeze(0), output_hidden_states=True)
            values = {
                "text_model.embeddings": outputs.hidden_states[0][0],
                "text_model.encoder.layers.0": outputs.hidden_states[1][0],
                "text_model.encoder.layers.1": outputs.hidden_states[2][0],
                "last_hidden_state": outputs.last_hidden_state[0],
            }
            projection = getattr(model, "text_projection", None)
            pooled = outputs.pooler_output
            values["pooled"] = pooled if projection is None else projection(pooled)
            runs.append(values)
    return {name: torch.cat([values[name] for values in runs]) for name in runs[0]}
