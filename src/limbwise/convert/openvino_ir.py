"""OpenVINO's first IR, .xml and .bin, whose layers hold their weights; OpenVINO itself has long stopped reading it.

The .xml names the layers, the shapes of their inputs and outputs, and where in the .bin their weights and biases lie.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from limbwise.convert.weights import Weights, check_size
from limbwise.errors import InputError

VERSIONS = range(2, 8)  # later ones keep weights in layers of their own, and OpenVINO reads them
MOST_XML = 2**24
PARTS = {"weights": "weight", "biases": "bias"}
TYPES = {"FP32": "<f4", "FP16": "<f2"}


def read_ir(path: str | Path) -> Weights:
    """The weights of an IR of version 2 to 7 by "LAYER.weight" (out, in, height, width) and "LAYER.bias".

    `path`: the .xml, beside which the .bin lies, or the .bin. Raises InputError that names the file where one is missing, truncated,
    damaged or of another version.
    """
    path = Path(path).with_suffix(".xml")
    root, data = _parsed(path), path.with_suffix(".bin")
    version = root.get("version", "none")
    if root.tag != "net" or version not in {str(n) for n in VERSIONS}:
        newer = " (of version 10 and later: predict takes it as it is)" if root.tag == "net" else ""
        raise InputError(f"{path}: not an OpenVINO IR of version 2 to 7, its version is {version}{newer}")
    check_size(data)
    try:
        numbers = memoryview(data.read_bytes())
        return {f"{layer.get('name')}.{part}": array for layer in root.iter("layer") for part, array in _blobs(layer, numbers)}  # fmt: skip
    except OSError as error:
        raise InputError(f"{data}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def is_ir(path: Path) -> bool:
    """Whether the file is called like one, or lies beside one."""
    return path.suffix.lower() in {".xml", ".bin"} and path.with_suffix(".xml").is_file()


def _parsed(path: Path) -> ElementTree.Element:
    check_size(path)
    try:
        text = path.read_bytes()
        if len(text) > MOST_XML or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise InputError(f"{path}: not an OpenVINO IR (too large, or with definitions of its own)")
        return ElementTree.fromstring(text)  # definitions, by which XML explodes, are refused above
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not an XML file, or damaged ({error})") from error


def _blobs(layer: ElementTree.Element, data: memoryview) -> list[tuple[str, npt.NDArray[Any]]]:
    """A layer's weights and biases; raises ValueError that names the layer."""
    found = []
    name, precision = layer.get("name", ""), layer.get("precision", "FP32")
    for tag, part in PARTS.items():
        for place in layer.iter(tag):
            if precision not in TYPES or not name:
                raise ValueError(f"layer {name!r}: weights of precision {precision}; there are {', '.join(TYPES)}")
            start, size = _number(place, "offset", name), _number(place, "size", name)
            if start + size > len(data) or size % np.dtype(TYPES[precision]).itemsize:
                raise ValueError(f"layer {name!r}: its {tag} lie beyond the end of the .bin (truncated, or of another .xml)")  # fmt: skip
            array = np.frombuffer(data[start : start + size], TYPES[precision])
            shape = (
                _weight_shape(layer, name) if part == "weight" and layer.get("type") == "Convolution" else array.shape
            )
            if prod(shape) != array.size:
                raise ValueError(f"layer {name!r}: {array.size} {tag}, its shape {shape} needs {prod(shape)}")
            found.append((part, array.reshape(shape)))
    return found


def _weight_shape(layer: ElementTree.Element, name: str) -> tuple[int, int, int, int]:
    """(out, in, height, width) of a convolution's weights, from its ports and its kernel."""
    channels_in, channels = (_channels(layer, side, name) for side in ("input", "output"))
    kernel = layer.find("convolution_data") if layer.find("convolution_data") is not None else layer.find("data")
    if kernel is None:
        raise ValueError(f"layer {name!r}: its kernel is not stated")
    if "kernel" in kernel.attrib:  # from version 5 on
        height, width = (int(n) if n.strip().isdigit() else 0 for n in (kernel.attrib["kernel"] + ",0").split(",")[:2])
    else:
        height, width = _number(kernel, "kernel-y", name), _number(kernel, "kernel-x", name)
    groups = int(kernel.get("group", "1")) if kernel.get("group", "1").isdigit() else 0
    if groups != 1:
        raise ValueError(f"layer {name!r}: grouped convolutions are in none of the networks")
    return channels, channels_in, height, width


def _channels(layer: ElementTree.Element, side: str, name: str) -> int:
    """The second axis of a layer's first port of a side."""
    axes = [dim.text or "" for dim in layer.findall(f"{side}/port[1]/dim")]
    if len(axes) != 4 or not axes[1].strip().isdigit():
        raise ValueError(f"layer {name!r}: its {side} has no channels")
    return int(axes[1])


def _number(element: ElementTree.Element, attribute: str, name: str) -> int:
    text = element.get(attribute, "")
    if not text.isdigit() or len(text) > 12:
        raise ValueError(f"layer {name!r}: {attribute} is {text!r}, no number")
    return int(text)
