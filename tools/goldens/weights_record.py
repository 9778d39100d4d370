"""Record the small weight files that tests/unit/weights reads: real bytes of the safetensors and numpy libraries.

Run: python tools/goldens/weights_record.py
Recorded with the versions in golden/versions.json. The tests compare bytes, so there is no tolerance.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "unit" / "weights" / "golden"
CORPUS = ROOT / "fuzz" / "corpus" / "safetensors"


def counting(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """0, 1, 2, ... in the given shape: values that every dtype holds exactly."""
    size = 1
    for dim in shape:
        size *= dim
    return torch.arange(size).reshape(shape).to(dtype)


def record_safetensors() -> None:
    every_dtype = {
        "a.f64": counting(torch.float64, 2, 3),
        "b.f32": counting(torch.float32, 3, 2),
        "c.f16": counting(torch.float16, 5),
        "d.bf16": counting(torch.bfloat16, 4),
        "e.i64": counting(torch.int64, 2),
        "f.i32": counting(torch.int32, 3),
        "g.i16": counting(torch.int16, 3),
        "h.i8": counting(torch.int8, 3),
        "i.u8": counting(torch.uint8, 3),
        "j.bool": torch.tensor([True, False, True]),
        "k.scalar": torch.tensor(2.5),
        "l.empty": torch.zeros(0, 4),
        "ä/名": counting(torch.float32, 1),
    }
    save_file(every_dtype, FOLDER / "every_dtype.safetensors", metadata={"format": "pt"})
    save_file({"w": counting(torch.float32, 2)}, FOLDER / "plain.safetensors")
    save_file({}, FOLDER / "no_tensors.safetensors")

    shards = FOLDER / "sharded"
    shards.mkdir(exist_ok=True)
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    save_file({"embeddings.weight": counting(torch.float32, 4, 2)}, shards / first, metadata={"format": "pt"})
    save_file(
        {"layer.bias": counting(torch.float16, 3), "layer.weight": counting(torch.float16, 3, 2)}, shards / second
    )
    index = {
        "metadata": {"total_size": 50},
        "weight_map": {"embeddings.weight": first, "layer.bias": second, "layer.weight": second},
    }
    (shards / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")

    for name in ("every_dtype", "plain", "no_tensors"):
        (CORPUS / f"{name}.safetensors").write_bytes((FOLDER / f"{name}.safetensors").read_bytes())


def record_npy() -> None:
    for dtype in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1"):
        np.save(FOLDER / f"{dtype}.npy", np.arange(6).reshape(2, 3).astype(dtype))
    np.save(FOLDER / "scalar.npy", np.float32(2.5))
    np.save(FOLDER / "vector.npy", np.arange(3, dtype="<f4"))
    np.save(FOLDER / "no_rows.npy", np.zeros((0, 3), dtype="<f4"))
    np.save(FOLDER / "fortran.npy", np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)))
    np.save(FOLDER / "big_endian.npy", np.arange(3, dtype=">f4"))
    np.save(FOLDER / "object.npy", np.array([None, "x"], dtype=object))
    np.save(FOLDER / "record.npy", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
    for major in (2, 3):
        with (FOLDER / f"version{major}.npy").open("wb") as file:
            np.lib.format.write_array(file, np.arange(6, dtype="<f4").reshape(2, 3), version=(major, 0))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    CORPUS.mkdir(parents=True, exist_ok=True)
    record_safetensors()
    record_npy()
    versions = {name: version(name) for name in ("safetensors", "numpy", "torch")}
    (FOLDER / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
