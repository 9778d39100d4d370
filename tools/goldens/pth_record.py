"""Record the small PyTorch checkpoints that tests/unit/weights reads: real bytes of torch.save in both its forms.

Run: python tools/goldens/pth_record.py
Each NAME.pth comes with NAME.safetensors, the tensors that a reader must find in it. The tests compare bytes, so there is
no tolerance. Files under refused/ hold what the reader must name and refuse.
"""

from __future__ import annotations

import argparse
import collections
import json
import pickle
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "unit" / "weights" / "golden" / "pth"
CORPUS = ROOT / "fuzz" / "corpus" / "pth"
FORMS = {"zip": True, "stream": False}


def counting(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """0, 1, 2, ... in the given shape: values that every dtype holds exactly."""
    size = 1
    for dim in shape:
        size *= dim
    return torch.arange(size).reshape(shape).to(dtype)


def record(
    name: str, value: Any, expected: Mapping[str, torch.Tensor], forms: tuple[str, ...] = ("zip", "stream")
) -> None:
    for form in forms:
        torch.save(value, FOLDER / f"{name}_{form}.pth", _use_new_zipfile_serialization=FORMS[form])
    tensors = {key: tensor.detach().clone().contiguous() for key, tensor in expected.items()}
    save_file(tensors, FOLDER / f"{name}.safetensors")


def every_dtype() -> dict[str, torch.Tensor]:
    return {
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


def strides() -> dict[str, torch.Tensor]:
    base = counting(torch.float32, 4, 6)
    return {
        "base": base,
        "channels_last": counting(torch.float16, 2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "column": base[:, 2],
        "expanded": counting(torch.int64, 3).expand(2, 3),
        "one_row": base[1:2],
        "overlapping": torch.as_strided(base, (3, 3), (1, 1)),
        "permuted": counting(torch.int16, 2, 3, 4).permute(2, 0, 1),
        "shared_again": base,
        "steps": base[::2, 1::3],
        "tail": base[2:],
        "transposed": base.t(),
    }


def training_checkpoint() -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(2, 2)).sum().backward()
    optimizer.step()
    state = model.state_dict()
    wrapped = collections.OrderedDict((f"module.{key}", value) for key, value in state.items())
    checkpoint = {
        "epoch": 3,
        "arch": "resnet18",
        "state_dict": wrapped,
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, names=["a", "b"], nested=argparse.Namespace(x=None)),
        "best": np.float64(0.5),
        "best_int": np.int64(7),
        "seen": {1, 2},
        "blob": b"\x00\xff",
        "wide": 2**70,
        "negative": -(2**40),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "size": torch.Size([2, 3]),
        "milestones": collections.Counter([3, 3, 5]),
        "pair": (1, (2, 3, 4, 5)),
    }
    return checkpoint, dict(state)


def record_readable() -> None:
    record("every_dtype", every_dtype(), every_dtype())
    record("strides", strides(), strides())
    checkpoint, state = training_checkpoint()
    record("training", checkpoint, state)

    averaged = {"w": counting(torch.float32, 3)}
    record(
        "averaged",
        {
            "state_dict": {"w": torch.zeros(3)},
            "state_dict_ema": {f"_orig_mod.module.{k}": v for k, v in averaged.items()},
        },
        averaged,
    )
    record("model_is_a_name", {"model": "resnet18", "model_state": averaged}, averaged, ("zip",))
    record("module", torch.nn.BatchNorm1d(2).state_dict(), torch.nn.BatchNorm1d(2).state_dict())

    parameter = torch.nn.Parameter(counting(torch.float32, 2, 2).t().contiguous())
    marked = torch.nn.Parameter(counting(torch.float32, 2))
    marked.note = "seen"
    plain = counting(torch.float32, 2)
    plain.note = "seen"
    parameters = {"p": parameter, "marked": marked, "plain": plain, "steps": 3, "extra": None}
    record("parameters", parameters, {"p": parameter, "marked": marked, "plain": plain})

    for protocol in (3, 4, 5):
        torch.save(training_checkpoint()[0], FOLDER / f"protocol{protocol}_zip.pth", pickle_protocol=protocol)
        torch.save(
            training_checkpoint()[0],
            FOLDER / f"protocol{protocol}_stream.pth",
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=False,
        )
    with (
        zipfile.ZipFile(FOLDER / "training_zip.pth") as stored,
        zipfile.ZipFile(FOLDER / "deflated_zip.pth", "w", zipfile.ZIP_DEFLATED) as deflated,
    ):
        for name in stored.namelist():
            if not name.endswith("byteorder"):
                deflated.writestr(zipfile.ZipInfo(name), stored.read(name), zipfile.ZIP_DEFLATED)


class Attack:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def record_refused() -> None:
    import os
    import subprocess

    folder = FOLDER / "refused"
    folder.mkdir(exist_ok=True)
    attacks = {
        "os_system": Attack(os.system, "echo run > /tmp/asterism-pickle-was-run"),
        "builtins_eval": Attack(eval, "1 + 1"),
        "builtins_exec": Attack(exec, "pass"),
        "getattr": Attack(getattr, "text", "upper"),
        "popen": Attack(subprocess.Popen, ["true"]),
        "torch_load": Attack(torch.load, "x.pth"),
        "import_module": Attack(__import__, "os"),
    }
    values: dict[str, Any] = {name: {"w": torch.zeros(1), "x": attack} for name, attack in attacks.items()}
    values |= {
        "whole_module": torch.nn.Linear(1, 1),
        "quantised": {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)},
        "complex": {"w": torch.zeros(2, dtype=torch.complex64)},
        "sparse": {"w": torch.eye(2).to_sparse()},
        "uint16": {"w": torch.zeros(2, dtype=torch.uint16)},
        "float8": {"w": torch.zeros(2, dtype=torch.float8_e4m3fn)},
        "bare_tensor": torch.zeros(2),
        "list": [torch.zeros(2)],
        "no_tensors": {"encoder": {"w": torch.zeros(2)}, "decoder": {"w": torch.zeros(2)}},
    }
    for name, value in values.items():
        torch.save(value, folder / f"{name}_zip.pth")
        if name not in ("uint16", "float8"):
            torch.save(value, folder / f"{name}_stream.pth", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), folder / "torchscript_zip.pth")
    with (folder / "plain_pickle.pth").open("wb") as file:
        pickle.dump({"w": [1, 2]}, file, protocol=2)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    CORPUS.mkdir(parents=True, exist_ok=True)
    record_readable()
    record_refused()
    seeds = (
        "every_dtype_zip",
        "every_dtype_stream",
        "strides_zip",
        "strides_stream",
        "averaged_stream",
        "parameters_zip",
    )
    for seed in (*seeds, "protocol4_stream", "deflated_zip", "refused/os_system_stream", "refused/quantised_zip"):
        (CORPUS / f"{Path(seed).name}.pth").write_bytes((FOLDER / f"{seed}.pth").read_bytes())
    versions = {name: version(name) for name in ("torch", "numpy", "safetensors")}
    (FOLDER / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
