"""A torch network as an ONNX file with its spec beside it.

Batch norms are folded, any number of images of any size goes in, and weights are half precision on disk if asked: engines make
them float32 again when they load, so the arithmetic stays float32.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from limbwise.errors import UsageError, require
from limbwise.files import whole_file
from limbwise.net.blocks import fold_norms
from limbwise.spec import ModelSpec, write_spec

if TYPE_CHECKING:
    import onnx

Net = TypeVar("Net", bound=nn.Module)


def export_onnx(net: nn.Module, spec: ModelSpec, path: str | Path, half: bool = True) -> ModelSpec:
    """Write `net` to `path` (.onnx) and the spec, with the file's SHA-256, beside it (.json); returns that spec.

    The inputs and outputs carry the names of the spec, axes N, H and W are free. `half`: weights of two and more axes are rounded
    to half precision; `ready` gives the network as it then computes. Raises UsageError where the spec's channels are not those of
    the network, MissingExtra without onnx.
    """
    path = Path(path)
    model = to_onnx(ready(net, half), spec)
    if half:
        store_half(model)
    with whole_file(path) as part:
        part.write_bytes(model.SerializeToString())
    spec = replace(spec, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with whole_file(path.with_suffix(".json")) as part:
        write_spec(spec, part)
    return spec


def ready(net: Net, half: bool = True) -> Net:
    """A copy of `net` as it will compute once exported: norms folded, weights rounded."""
    folded = fold_norms(net).to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's types lack it
    if half:
        with torch.no_grad():
            for parameter in folded.parameters():
                if parameter.ndim > 1:
                    parameter.copy_(parameter.half().float())
    return folded  # type: ignore[no-any-return]  # the overload is lost with it


def to_onnx(net: nn.Module, spec: ModelSpec) -> onnx.ModelProto:
    """The graph of a network in inference, without anything of the machine that made it."""
    require("onnxscript", "train")
    outputs = Outputs(net, spec)
    stride = max(head.stride for head in spec.heads.values())
    count, height, width = (torch.export.Dim(axis) for axis in ("n", "h", "w"))
    logging.getLogger("torch.onnx").setLevel(
        logging.ERROR
    )  # it tells that torchvision is not there, which nobody needs
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns of its own parts
        program = torch.onnx.export(
            outputs.eval(), (torch.zeros(2, len(spec.input.means), 8 * stride, 12 * stride),), None, input_names=[spec.input.name],
            output_names=outputs.names, dynamic_shapes=({0: count, 2: stride * height, 3: stride * width},), dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _forget(model)
    return model


class Outputs(nn.Module):
    """The final stage's maps as the tuple of outputs that the spec names; heads that share an output are put one after the other."""

    def __init__(self, net: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.net = net
        self.names = list(dict.fromkeys(head.output for head in spec.heads.values()))
        by_place = sorted(spec.heads.items(), key=lambda item: item[1].channels)
        self.heads = [[name for name, head in by_place if head.output == output] for output in self.names]
        for output, heads in zip(self.names, self.heads, strict=True):
            channels = [channel for name in heads for channel in spec.heads[name].channels]
            if channels != list(range(len(channels))):
                raise UsageError(
                    f"heads: the channels of {output} are not in order, from 0 and without gaps; this cannot be exported"
                )
        with torch.no_grad():
            maps = net.eval()(torch.zeros(1, len(spec.input.means), 64, 64))[-1]
        for name, head in spec.heads.items():
            if name not in maps or maps[name].shape[1] != len(head.channels):
                raise UsageError(f"heads.{name}: the network does not give its {len(head.channels)} channels")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps = self.net(images)[-1]
        return tuple(
            maps[heads[0]] if len(heads) == 1 else torch.cat([maps[name] for name in heads], 1) for heads in self.heads
        )


def store_half(model: onnx.ModelProto) -> None:
    """Keep float32 weights of two and more axes as float16, each with a Cast that makes it float32 again."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT and len(weight.dims) > 1:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype("float16"), f"{name}_half"))
            casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _forget(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes of source files and paths."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
