"""Record the tiny ONNX and TensorFlow Lite models that tests/unit/openvino opens, with what their own runtimes give.

Run: python tools/goldens/foreign_record.py
NAME.json beside each model has "input" (f32, [rows, channels, height, width], as this project feeds it) and the
values by name. ONNX Runtime and the LiteRT interpreter are the judges; "noise" in manifest.json is, for each value, the
largest difference between torch in float32 and in float64 (0 where the judge is not torch).
Needs, beside the other recorders' packages: onnx, onnxruntime, ai-edge-litert, flatbuffers.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import flatbuffers
import numpy as np
import onnx
import onnxruntime
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "unit" / "openvino" / "golden"
Array: TypeAlias = "np.ndarray[Any, Any]"
SIZE = 8


class Net(torch.nn.Module):
    """Two convolutions with a residual, the mean over the picture, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.classifier = torch.nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).relu()
        x = (x + self.depthwise(x)).relu()
        return self.classifier(x.mean((2, 3)))


def pictures(rows: int) -> Array:
    return np.random.default_rng(1).standard_normal((rows, 3, SIZE, SIZE)).astype(np.float32)


def save(name: str, values: dict[str, Array]) -> None:
    """Shapes and values; nine digits say a float32 exactly."""
    rows = {
        key: {"shape": list(value.shape), "values": [float(f"{x:.9g}") for x in value.astype(np.float32).flatten()]}
        for key, value in values.items()
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(rows) + "\n")


def with_inner_values(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with every value as an output, for the judge."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {output.name for output in copy.graph.output}
    for node in copy.graph.node:
        for name in node.output:
            if name and name not in known and node.op_type != "Constant":
                copy.graph.output.append(helper.make_empty_tensor_value_info(name))
    return copy


def judge_onnx(model: onnx.ModelProto, feed: Array, one_by_one: bool = False) -> dict[str, Array]:
    session = onnxruntime.InferenceSession(with_inner_values(model).SerializeToString())
    name = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs()]
    parts = [feed[i : i + 1] for i in range(len(feed))] if one_by_one else [feed]
    results = [session.run(None, {name: part}) for part in parts]
    return {key: np.concatenate([result[i] for result in results]) for i, key in enumerate(names)}


def record_torch(name: str, batch: Any, noise: dict[str, float]) -> onnx.ModelProto:
    torch.manual_seed(0)
    net = Net().eval()
    path = FOLDER / f"{name}.onnx"
    axes = {"pixels": {0: "rows"}, "logits": {0: "rows"}} if batch == "rows" else None
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, SIZE, SIZE),),
        str(path),
        dynamo=False,
        input_names=["pixels"],
        output_names=["logits"],
        dynamic_axes=axes,
    )
    model = onnx.load(path)
    feed = pictures(3)
    found = judge_onnx(model, feed, batch != "rows")
    kept = ("logits", "/ReduceMean_output_0", "/Relu_output_0")
    save(name, {"input": feed} | {key: found[key] for key in kept})
    x = torch.from_numpy(feed)
    wide = net(x).double() - Net.forward(net.double(), x.double())
    noise[name] = wide.abs().max().item()
    return model


def record_channels_last(model_name: str) -> None:
    """[rows, height, width, channels], a free size, and a flatten that counts on one image a batch."""
    weight = np.random.default_rng(2).standard_normal((3, 4)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["pixels", "weight"], ["mixed"]),
        helper.make_node("ReduceMean", ["mixed"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["means", "flat"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, "height", "width", 3])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.array([1, 4]), "flat")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, FOLDER / f"{model_name}.onnx")
    feed = pictures(2)
    found = judge_onnx(model, np.ascontiguousarray(feed.transpose(0, 2, 3, 1)), one_by_one=True)
    save(model_name, {"input": feed, "vector": found["vector"]})


def record_external(model: onnx.ModelProto) -> None:
    folder = FOLDER / "external"
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0)


def tflite(quantised: bool) -> bytes:
    """One convolution (stride 2, ReLU6), the mean over the picture; as floats or as bytes with scales."""
    random = np.random.default_rng(3)
    weight = random.standard_normal((4, 3, 3, 3)).astype(np.float32)
    bias = random.standard_normal(4).astype(np.float32)
    model = schema.ModelT()
    model.version = 3
    model.description = "one convolution and a mean"
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = []
    graph.name = "main"

    def add(
        name: str, shape: list[int], kind: int, data: Array | None = None, scale: float = 0.0, zero: int = 0
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        if scale:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    half = SIZE // 2
    kinds = schema.TensorType
    if quantised:
        scale_in, scale_weight, scale_out = 1 / 128, 0.03, 6 / 255
        codes = np.clip(np.round(weight / scale_weight) + 128, 0, 255).astype(np.uint8)
        bias_codes = np.round(bias / (scale_in * scale_weight)).astype(np.int32)
        pixels = add("pixels", [1, SIZE, SIZE, 3], kinds.UINT8, None, scale_in, 128)
        weights = add("weight", [4, 3, 3, 3], kinds.UINT8, codes, scale_weight, 128)
        biases = add("bias", [4], kinds.INT32, bias_codes, scale_in * scale_weight, 0)
        maps = add("conv", [1, half, half, 4], kinds.UINT8, None, scale_out, 0)
        pooled = add("vector", [1, 1, 1, 4], kinds.UINT8, None, scale_out, 0)
    else:
        pixels = add("pixels", [1, SIZE, SIZE, 3], kinds.FLOAT32)
        weights = add("weight", [4, 3, 3, 3], kinds.FLOAT32, weight)
        biases = add("bias", [4], kinds.FLOAT32, bias)
        maps = add("conv", [1, half, half, 4], kinds.FLOAT32)
        pooled = add("vector", [1, 1, 1, 4], kinds.FLOAT32)

    model.operatorCodes = []
    graph.operators = []

    def operator(builtin: int, inputs: list[int], outputs: list[int], kind: int, options: Any) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, 1
        model.operatorCodes.append(code)
        one = schema.OperatorT()
        one.opcodeIndex = len(model.operatorCodes) - 1
        one.inputs, one.outputs, one.builtinOptionsType, one.builtinOptions = inputs, outputs, kind, options
        graph.operators.append(one)

    convolution = schema.Conv2DOptionsT()
    convolution.padding, convolution.strideH, convolution.strideW = schema.Padding.SAME, 2, 2
    convolution.fusedActivationFunction = schema.ActivationFunctionType.RELU6
    convolution.dilationHFactor = convolution.dilationWFactor = 1
    operator(
        schema.BuiltinOperator.CONV_2D,
        [pixels, weights, biases],
        [maps],
        schema.BuiltinOptions.Conv2DOptions,
        convolution,
    )
    pool = schema.Pool2DOptionsT()
    pool.padding, pool.strideH, pool.strideW = schema.Padding.VALID, 1, 1
    pool.filterHeight = pool.filterWidth = half
    operator(schema.BuiltinOperator.AVERAGE_POOL_2D, [maps], [pooled], schema.BuiltinOptions.Pool2DOptions, pool)
    graph.inputs, graph.outputs = [pixels], [pooled]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def judge_tflite(path: Path, feed: Array) -> dict[str, Array]:
    """Values by name, dequantised, one image at a time."""
    found: dict[str, list[Array]] = {}
    interpreter = Interpreter(str(path), experimental_preserve_all_tensors=True, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    for image in feed:
        interpreter.set_tensor(entry["index"], image[None].transpose(0, 2, 3, 1).astype(entry["dtype"]))
        interpreter.invoke()
        for detail in interpreter.get_tensor_details():
            if detail["name"] not in ("conv", "vector"):
                continue
            value = interpreter.get_tensor(detail["index"])
            scale, zero = detail["quantization"]
            real = (value.astype(np.float32) - zero) * scale if scale else value
            found.setdefault(detail["name"], []).append(real.astype(np.float32))
    return {name: np.concatenate(values) for name, values in found.items()}


def record_tflite() -> None:
    for name, quantised in (("float", False), ("quantised", True)):
        path = FOLDER / f"{name}.tflite"
        path.write_bytes(tflite(quantised))
        feed = pictures(3)
        if quantised:
            feed = np.clip(np.round(feed * 60 + 128), 0, 255).astype(np.float32)
        save(name, {"input": feed} | judge_tflite(path, feed))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    noise: dict[str, float] = {}
    model = record_torch("free_batch", "rows", noise)
    record_torch("batch_of_one", 1, noise)
    record_external(model)
    record_channels_last("channels_last")
    record_tflite()
    packages = ("torch", "onnx", "onnxruntime", "ai-edge-litert", "flatbuffers", "numpy")
    versions = {name: version(name) for name in packages}
    manifest = {"versions": versions, "noise": noise}
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
