"""PyTorch (extra): runs an .onnx file node by node, on the CPU or CUDA; to look into a network, and where a GPU has only torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limbwise.engine.base import Engine, EngineOptions, Floats, onnx_only
from limbwise.engine.protobuf import check_protobuf
from limbwise.engine.seam import check_maps, join, reason
from limbwise.errors import InputError, UsageError, require
from limbwise.spec import ModelSpec

if TYPE_CHECKING:
    import torch

    from limbwise.engine.onnx_node import Attributes, Operator


@dataclass(frozen=True)
class Step:
    """One node: what it is called, what it does, the names of what it takes and gives, and which of those nobody needs after."""

    name: str
    operator: Operator
    attributes: Attributes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    done: tuple[str, ...]


class PyTorchEngine(Engine):
    """A network in PyTorch; it takes any size that its graph does not fix."""

    def __init__(self, path: Path, spec: ModelSpec, options: EngineOptions) -> None:
        self._torch: Any = require("torch", "torch")
        require("onnx", "torch")
        onnx_only(path, "pytorch")
        check_protobuf(path)
        self._path, self._options = path, options
        self._device = _find_device(self._torch, options.device)
        graph, opset = _read(path)
        self._constants = {tensor.name: read_tensor(tensor, self._device) for tensor in graph.initializer}
        inputs = [port.name for port in graph.input if port.name not in self._constants]
        axis = 3 if spec.layout == "NHWC" else 1
        self._seam = join(path, spec, inputs, {port.name: _length(port, axis) for port in graph.output})
        self._steps = list(_steps(graph.node, set(self._seam.outputs.values()), opset, self._device, path))

    def run(self, batch: Floats) -> dict[str, Floats]:
        fed = self._torch.from_numpy(self._seam.feed(batch)).to(self._device)
        with _setting(self._torch, self._device, self._options):
            values = self._walk({**self._constants, "": None, self._seam.input: fed})
            arrays = {name: values[name].float().cpu().numpy() for name in self._seam.outputs.values()}
        maps = self._seam.maps(arrays)
        check_maps(self._path, self._seam.spec, batch, maps)
        return maps

    def _walk(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values of all names that are still needed after the last node."""
        for step in self._steps:
            try:
                given = step.operator([values[name] for name in step.inputs], step.attributes)
            except (
                Exception
            ) as error:  # whatever torch raises for shapes that do not fit, and UnknownOperator for modes
                raise InputError(f"{self._path}: pytorch cannot run {step.name}: {reason(error)}") from error
            values.update(zip(step.outputs, given if isinstance(given, tuple) else (given,), strict=False))
            for name in step.done:
                del values[name]
        return values


def read_tensor(proto: Any, device: Any) -> torch.Tensor:
    """A constant of the file: indices and shapes stay on the CPU, numbers go to the device."""
    import torch
    from onnx import numpy_helper

    tensor = torch.tensor(numpy_helper.to_array(proto))
    return tensor.to(device) if tensor.is_floating_point() and tensor.ndim else tensor


def read_attributes(node: Any, opset: int, device: Any) -> Attributes:
    """Attributes as the operators want them: tensors for constants, torch's types, the opset and the number of outputs."""
    import onnx
    import torch

    from limbwise.engine.onnx_node import Attributes

    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Constant":
        (value,) = values.values()
        values = {"value": read_tensor(value, device) if isinstance(value, onnx.TensorProto) else torch.tensor(value)}
    if node.op_type == "Cast":
        values["to"] = getattr(torch, str(onnx.helper.tensor_dtype_to_np_dtype(values["to"])))
    return Attributes({**values, "opset": opset, "outputs": len(node.output)})


def _read(path: Path) -> tuple[Any, int]:
    """The graph of a file and its opset; raises InputError where it is damaged."""
    import onnx
    from onnx import inliner

    try:
        model = inliner.inline_local_functions(onnx.load(str(path)))
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's, the checker's and the file system's errors have no common base
        raise InputError(f"{path}: not a sound ONNX file: {reason(error)}") from error
    return model.graph, max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def _steps(nodes: Any, wanted: set[str], opset: int, device: Any, path: Path) -> Iterator[Step]:
    """The nodes in order; raises InputError that names an operator that is not in the table."""
    from limbwise.engine.onnx_graph import OPERATORS

    made = {name for node in nodes for name in node.output}
    last = {name: number for number, node in enumerate(nodes) for name in (*node.output, *node.input)}
    for number, node in enumerate(nodes):
        kind = f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
        if kind not in OPERATORS:
            raise InputError(f"{path}: the pytorch engine does not know the operator {kind}; use another engine")
        names = dict.fromkeys((*node.input, *node.output))
        done = tuple(name for name in names if name in made and name and last[name] == number and name not in wanted)
        title = f"{kind} {node.name}".strip()
        yield Step(
            title, OPERATORS[kind], read_attributes(node, opset, device), tuple(node.input), tuple(node.output), done
        )


def _length(port: Any, axis: int) -> int | None:
    """The length of an axis where the file fixes it."""
    dims = port.type.tensor_type.shape.dim
    return dims[axis].dim_value or None if len(dims) == 4 else None


def _find_device(torch: Any, device: str) -> Any:
    """cpu, cuda or cuda:1; raises UsageError that says what is there."""
    name = device.lower()
    there = ["cpu"] + [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if name in there or (name == "cuda" and len(there) > 1):
        return torch.device(name)
    raise UsageError(f"device: {device} is not there; PyTorch finds {', '.join(there)}")


@contextmanager
def _setting(torch: Any, device: Any, options: EngineOptions) -> Iterator[None]:
    """No gradients, the threads and the precision asked for; f32 without TF32's shortcuts."""
    before = torch.get_num_threads()
    dtype = {"f32": None, "bf16": torch.bfloat16, "f16": torch.float16}[options.precision]
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False)
        with torch.inference_mode(), exact, torch.autocast(device.type, dtype, enabled=dtype is not None):
            yield
    finally:
        torch.set_num_threads(before)
