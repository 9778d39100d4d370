"""Record what the entry points of timm's ViTs say that no tensor shows: heads, epsilon, activation, pooling; and how many registers.

    python tools/goldens/timm_vits_record.py [tests/golden/image_models/timm_vits.json]

`unsupported` lists the architectures whose blocks are others.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from timm.models import _registry, deit, vision_transformer

OTHER_PARTS = ("block_fn", "attn_layer")
MODULES = {vision_transformer: "_create_vision_transformer", deit: "_create_deit"}


class Asked(Exception):
    """Raised with the arguments that an entry point builds its model from."""


def ask(name: str, module: Any, creator: str) -> dict[str, Any]:
    def refuse(_variant: str, pretrained: bool = False, **arguments: Any) -> None:
        raise Asked(arguments)

    with mock.patch.object(module, creator, refuse):
        try:
            _registry._model_entrypoints[name](pretrained=False)
        except Asked as asked:
            return dict(asked.args[0])
    raise ValueError(f"{name} builds no model")


def word(value: Any) -> str:
    return str(value if isinstance(value, str) else getattr(value, "__name__", value)).lower()


def epsilon(norm: Any) -> float:
    return float(norm.keywords["eps"]) if isinstance(norm, partial) and "eps" in norm.keywords else 1e-6


def row(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "architecture": name,
        "width": arguments.get("embed_dim", 768),
        "heads": arguments.get("num_heads", 12),
        "epsilon": epsilon(arguments.get("norm_layer")),
        "activation": "gelu" if "mlp_layer" in arguments else word(arguments.get("act_layer", "gelu")),
        "global_pool": arguments.get("global_pool", "token"),
        "registers": arguments.get("reg_tokens", 0),
    }


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/image_models/timm_vits.json")
    rows, unsupported = [], []
    for module, creator in MODULES.items():
        for name in sorted(_registry._module_to_models[module.__name__.rsplit(".", 1)[-1]]):
            arguments = ask(name, module, creator)
            other = any(part in arguments for part in OTHER_PARTS) or "rms" in word(arguments.get("norm_layer")).lower()
            if other or name.startswith("aimv2"):
                unsupported.append(name)
            else:
                rows.append(row(name, arguments))
    lines = ",\n".join("  " + json.dumps(entry) for entry in rows)
    version = importlib.metadata.version("timm")
    path.write_text(
        f'{{"made_by": "tools/goldens/timm_vits_record.py", "timm": "{version}",\n'
        f' "unsupported": {json.dumps(unsupported)},\n "architectures": [\n{lines}\n]}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
