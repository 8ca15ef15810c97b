"""Writers of the files that other systems wrote: .caffemodel (both forms of layers, floats and doubles), Chainer's .npz, IR v2.

All take layers by name, each a list of arrays: weights, biases. They follow the formats' own descriptions, not our readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Layers = dict[str, list[npt.NDArray[Any]]]


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def blob(array: npt.NDArray[Any], old: bool = False, double: bool = False, packed: bool = True) -> bytes:
    """BlobProto: `old` with four axes and no shape."""
    if old:
        axes = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(number(i + 1, n) for i, n in enumerate(axes))
    else:
        shape = message(7, message(1, b"".join(varint(n) for n in array.shape)))
    field, kind, wire = (8, "<f8", 1) if double else (5, "<f4", 5)
    data = array.astype(kind)
    if packed:
        return shape + message(field, data.tobytes())
    return shape + b"".join(varint(field << 3 | wire) + value.tobytes() for value in data.ravel())


def write_caffemodel(path: Path, layers: Layers, old: bool = False, **how: Any) -> Path:
    """NetParameter with a data and a ReLU layer that have no weights, as real ones do."""
    net = message(1, b"net")
    for name, arrays in {"data": [], **layers, "relu_last": []}.items():
        blobs = [blob(array, old, **how) for array in arrays]
        if old:  # V1LayerParameter: bottom 2, top 3, name 4, type 5 (4: convolution), blobs 6
            inner = message(2, b"x") + message(3, name.encode()) + message(4, name.encode()) + number(5, 4)
            net += message(2, inner + b"".join(message(6, part) for part in blobs))
        else:  # LayerParameter: name 1, type 2, bottom 3, top 4, blobs 7
            inner = (
                message(1, name.encode()) + message(2, b"Convolution") + message(3, b"x") + message(4, name.encode())
            )
            net += message(100, inner + b"".join(message(7, part) for part in blobs))
    path.write_bytes(net)
    return path


def write_npz(path: Path, layers: Layers, prefix: str = "") -> Path:
    arrays = {
        f"{prefix}{name}/{part}": array
        for name, pair in layers.items()
        for part, array in zip("Wb", pair, strict=False)
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def write_ir(path: Path, layers: Layers, version: str = "2", kind: str = "<f4") -> Path:
    """The .xml and .bin of an IR: each layer's ports, kernel and where its numbers lie."""
    data, text = b"", [f'<?xml version="1.0" ?><net batch="1" name="net" version="{version}"><layers>']
    text.append('<layer id="0" name="data" precision="FP32" type="Input"><output><port id="0"/></output></layer>')
    precision = {"<f4": "FP32", "<f2": "FP16"}[kind]
    for i, (name, (weights, biases)) in enumerate(layers.items()):
        out, into, height, width = weights.shape
        places = ""
        for tag, array in (("weights", weights), ("biases", biases)):
            part = array.astype(kind).tobytes()
            places += f'<{tag} offset="{len(data)}" size="{len(part)}"/>'
            data += part
        where = places if version == "2" else f"<blobs>{places}</blobs>"
        text.append(f'<layer id="{i + 1}" name={quoteattr(name)} precision="{precision}" type="Convolution">'
                    f'<convolution_data dilation-x="1" dilation-y="1" group="1" kernel-x="{width}" kernel-y="{height}" '
                    f'output="{out}" pad-x="{width // 2}" pad-y="{height // 2}" stride="1,1,1,1"/>'
                    f"<input>{_port(into)}</input><output>{_port(out)}</output>{where}</layer>")  # fmt: skip
    path.with_suffix(".bin").write_bytes(data)
    path.with_suffix(".xml").write_text("\n".join([*text, "</layers><edges/></net>"]))
    return path.with_suffix(".xml")


def _port(channels: int) -> str:
    return f'<port id="0"><dim>1</dim><dim>{channels}</dim><dim>46</dim><dim>46</dim></port>'


def layers_of(net: nn.Module) -> Layers:
    """A network's layers by the last part of their names, each with weights and biases."""
    layers: Layers = {}
    for name, value in net.state_dict().items():
        layers.setdefault(name.split(".")[-2], []).append(value.numpy())
    return layers


def randomised(net: nn.Module, seed: int = 0) -> nn.Module:
    """The network with random biases as well, and norms and slopes as far from nothing as those of a trained one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif value.ndim == 1:
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
    return net


def worst(outputs: Sequence[Mapping[str, torch.Tensor]]) -> float:
    """The greatest difference of any two outputs."""
    first, *others = outputs
    return max(float((first[name] - other[name]).abs().max()) for other in others for name in first)
