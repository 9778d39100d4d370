"""Exports of a model for the engines that run graphs, kept in the cache folder.

The graph takes pixels as Pillow has them (uint8, height, width, channels) and begins with the scaling by mean and std,
which is cheaper there than in Python.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

from models import Preprocess, load_module, preprocess_of, weights_file


def digest(folder: Path) -> str:
    """Names an export by the weights it was made from."""
    return hashlib.sha256(weights_file(folder).read_bytes()).hexdigest()[:16]


def from_pixels(folder: Path) -> Any:
    import torch

    class FromPixels(torch.nn.Module):
        def __init__(self, wanted: Preprocess) -> None:
            super().__init__()
            mean, std = torch.tensor(wanted.mean), torch.tensor(wanted.std)
            self.register_buffer("scale", (1 / (255 * std)).reshape(1, 3, 1, 1))
            self.register_buffer("offset", (-mean / std).reshape(1, 3, 1, 1))
            self.network = load_module(folder)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.network(pixels.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.offset)

    return FromPixels(preprocess_of(folder)).eval()


def example_pixels(folder: Path) -> Any:
    import torch

    size = preprocess_of(folder).size
    return torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)


@contextlib.contextmanager
def quiet() -> Any:
    """Exporters warn at length about tracing; the fidelity columns show whether the export is right."""
    logging.disable(logging.WARNING)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def onnx_model(folder: Path, cache: Path) -> Path:
    import torch

    path = cache / f"{digest(folder)}.onnx"
    if not path.exists():
        part = path.with_suffix(".part")
        with quiet():
            torch.onnx.export(
                from_pixels(folder),
                (example_pixels(folder),),
                str(part),
                input_names=["pixels"],
                output_names=["vectors"],
                dynamic_axes={"pixels": {0: "rows"}, "vectors": {0: "rows"}},
                opset_version=17,
                dynamo=False,
            )
        part.replace(path)
    return path


def openvino_model(folder: Path, cache: Path) -> Path:
    """OpenVINO's own conversion from torch."""
    import openvino
    import torch

    path = cache / f"{digest(folder)}-openvino.xml"
    if not path.exists():
        pixels = example_pixels(folder)
        with quiet(), torch.inference_mode():
            converted = openvino.convert_model(from_pixels(folder), example_input=pixels)
            shape = openvino.PartialShape([-1, *pixels.shape[1:]])
            converted.inputs[0].get_node().set_partial_shape(shape)
            converted.inputs[0].get_node().set_element_type(openvino.Type.u8)
            converted.validate_nodes_and_infer_types()
            openvino.save_model(converted, str(path), compress_to_fp16=False)
    return path
