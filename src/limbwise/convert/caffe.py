"""Caffe's .caffemodel: the blobs of its layers, read without Caffe.

The file is a protobuf message (caffe.proto: NetParameter) whose layers come in two forms, old (V1) and new; each blob is floats or
doubles with a shape, in old files of always four axes.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.convert.weights import Weights, check_size
from limbwise.engine.protobuf import BYTES, EIGHT_BYTES, FOUR_BYTES, VARINT, fields, read_varint
from limbwise.errors import InputError

# NetParameter: the fields with layers, and within these the numbers of name and blobs.
V1_LAYERS, LAYERS = 2, 100
FORMS = {V1_LAYERS: (4, 6), LAYERS: (1, 7)}
V0_LAYER = 1  # within a V1 layer: the form before it
PARTS = ("weight", "bias")

# BlobProto.
LEGACY_AXES = (1, 2, 3, 4)  # num, channels, height, width
DATA, SHAPE, DOUBLE_DATA = 5, 7, 8


def read_caffemodel(path: str | Path) -> Weights:
    """The blobs of a .caffemodel by "LAYER.weight", "LAYER.bias", "LAYER.2" and so on, float32 or float64, bit for bit.

    Raises InputError that names the file where it is missing, truncated, damaged or something else.
    """
    path = Path(path)
    check_size(path)
    try:
        weights = _layers(memoryview(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: not a caffemodel, or damaged ({error})") from error
    if not weights:
        raise InputError(f"{path}: not a caffemodel, or one without weights")
    return weights


def is_caffemodel(path: Path) -> bool:
    """Whether the file is called like one: protobuf has no mark of its own."""
    return path.suffix.lower() == ".caffemodel" and path.is_file()


def _layers(message: memoryview) -> Weights:
    weights: Weights = {}
    for number, kind, value in fields(message):
        if kind != BYTES or number not in FORMS or isinstance(value, int):
            continue
        name, blobs = _layer(value, *FORMS[number], old=number == V1_LAYERS)
        for i, blob in enumerate(blobs):
            key = f"{name}.{PARTS[i] if i < len(PARTS) else i}"
            if key in weights:
                raise ValueError(f"two layers are called {name!r}")
            weights[key] = blob
    return weights


def _layer(
    message: memoryview, name_field: int, blob_field: int, old: bool
) -> tuple[str, list[npt.NDArray[np.floating]]]:
    name, blobs = "", []
    for number, kind, value in fields(message):
        if kind != BYTES or isinstance(value, int):
            continue
        if number == name_field:
            name = bytes(value).decode()
        elif number == blob_field:
            blobs.append(_blob(value))
        elif old and number == V0_LAYER:
            raise ValueError("its layers are of the form before V1; Caffe's upgrade_net_proto_binary makes them new")
    if blobs and not name:
        raise ValueError("a layer with weights has no name")
    return name, blobs


def _blob(message: memoryview) -> npt.NDArray[np.floating]:
    """A blob's numbers in its shape; they may stand packed or one by one."""
    legacy: dict[int, int] = {}
    shape: tuple[int, ...] | None = None
    pieces: dict[int, list[npt.NDArray[np.floating]]] = {DATA: [], DOUBLE_DATA: []}
    for number, kind, value in fields(message):
        if number in LEGACY_AXES and kind == VARINT and isinstance(value, int):
            legacy[number] = value
        elif number == SHAPE and kind == BYTES and not isinstance(value, int):
            shape = _shape(value)
        elif number in pieces:
            pieces[number].append(_numbers(number, kind, value))
    axes = shape if shape is not None else tuple(legacy.get(number, 1) for number in LEGACY_AXES) if legacy else None
    found = [part for parts in pieces.values() for part in parts]
    if pieces[DATA] and pieces[DOUBLE_DATA]:
        raise ValueError("a blob of floats and doubles")
    values: npt.NDArray[np.floating] = (
        found[0] if len(found) == 1 else np.concatenate(found or [np.empty(0, np.float32)])
    )
    if axes is None or prod(axes) != values.size:
        raise ValueError(f"a blob of shape {axes} with {values.size} numbers")
    return values.reshape(axes)


def _numbers(number: int, kind: int, value: int | memoryview) -> npt.NDArray[np.floating]:
    """The numbers of one field of a blob."""
    size, dtype = (4, "<f4") if number == DATA else (8, "<f8")
    if isinstance(value, int):
        if kind != (FOUR_BYTES if number == DATA else EIGHT_BYTES):
            raise ValueError("a blob of numbers of another kind")
        value = memoryview(value.to_bytes(size, "little"))
    if len(value) % size:
        raise ValueError("a blob that ends within a number")
    return np.frombuffer(value, dtype)


def _shape(message: memoryview) -> tuple[int, ...]:
    """BlobShape: its lengths, packed or one by one."""
    axes: list[int] = []
    for number, kind, value in fields(message):
        if number == 1 and kind == VARINT and isinstance(value, int):
            axes.append(value)
        elif number == 1 and not isinstance(value, int):
            at = 0
            while at < len(value):
                axis, at = read_varint(value, at)
                axes.append(axis)
    if len(axes) > 32:
        raise ValueError(f"a blob of {len(axes)} axes")
    return tuple(axes)
