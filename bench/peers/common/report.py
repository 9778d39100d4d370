"""Tables on stdout and results as JSON in bench/results."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contenders import ROOT

LIBRARIES = (
    "torch",
    "transformers",
    "sentence-transformers",
    "tokenizers",
    "onnx",
    "onnxruntime",
    "openvino",
    "model2vec",
    "timm",
    "torchvision",
    "pillow",
    "efficientnet_lite_pytorch",
    "numpy",
    "scipy",
    "hnswlib",
    "faiss-cpu",
    "usearch",
    "lancedb",
    "chromadb",
    "qdrant-client",
    "milvus-lite",
    "pymilvus",
    "scikit-learn",
    "umap-learn",
    "pynndescent",
    "opentsne",
    "pacmap",
    "numba",
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(header), rule, *(line(row) for row in rows)])


def quantile(values: Sequence[float], q: float) -> float:
    """Linear between order statistics."""
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def spread(values: Sequence[float]) -> str:
    """Median and the middle half, so that a noisy machine shows."""
    return f"{statistics.median(values):.3g} ({quantile(values, 0.25):.3g} to {quantile(values, 0.75):.3g})"


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def has_native_bf16() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and any(flag in cpuinfo.read_text(encoding="utf-8") for flag in ("avx512_bf16", "amx_bf16"))


def versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def conditions() -> dict[str, Any]:
    load = os.getloadavg()[0]
    return {
        "processor": processor(),
        "processors_usable": len(os.sched_getaffinity(0)),
        "native_bf16": has_native_bf16(),
        "load_average_at_end": round(load, 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": versions(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def write_result(name: str, result: dict[str, Any], *, smoke: bool) -> Path:
    """A smoke run's figures mean nothing: they stay in the cache folder."""
    folder = ROOT / ".cache" / "peers-smoke" if smoke else ROOT / "bench" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    text = json.dumps({"benchmark": name, "conditions": conditions(), **result}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path
