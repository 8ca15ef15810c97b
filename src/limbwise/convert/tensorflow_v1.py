"""TensorFlow checkpoints of the old form (V1: one file), as TF-slim's ImageNet networks were published, read without TensorFlow.

The file is a table (sstable.py) of SavedTensorSlices messages (tensorflow/core/util/saved_tensor_slice.proto): under the empty key
names, shapes and types, under the others the numbers, a slice each. Only whole variables are read, one slice each.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.convert.sstable import read_table
from limbwise.engine.protobuf import BYTES, fields, read_varint
from limbwise.errors import InputError

# TensorFlow's number of a type: the field of TensorProto that its numbers are in, and their type. Texts are no weights.
FLOAT, DOUBLE, INT32, STRING, INT64, BOOL = 1, 2, 3, 7, 9, 10
PACKED: dict[int, tuple[int, str]] = {FLOAT: (5, "<f4"), DOUBLE: (6, "<f8")}
VARINTS: dict[int, tuple[int, str]] = {INT32: (7, "<i4"), INT64: (10, "<i8"), BOOL: (11, "?")}


def read_v1(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The variables of a V1 checkpoint by name, texts left out; raises InputError where it is damaged or something else."""
    try:
        table = read_table(path.read_bytes())
        metas = {name: (kind, shape) for name, kind, shape in _metas(table.pop(b"", b""))}
        arrays: dict[str, npt.NDArray[Any]] = {}
        for message in table.values():
            name, tensor = _slice(message)
            if name not in metas or name in arrays:
                raise ValueError(f"{name or 'a slice'}: not described, or stored in slices, which are not read")
            kind, shape = metas[name]
            if kind != STRING:
                arrays[name] = _numbers(name, tensor, kind, shape)
        lost = [name for name, (kind, _) in metas.items() if kind != STRING and name not in arrays]
        if lost:
            raise ValueError(f"{lost[0]} has no numbers")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # bad UTF-8 is one too
        raise InputError(f"{path}: not a TensorFlow checkpoint (V1), or damaged: {error}") from error
    return arrays


def parts(message: bytes | memoryview, wanted: int) -> Iterator[memoryview]:
    """The fields of that number that are bytes."""
    for number, kind, value in fields(message):
        if number == wanted and kind == BYTES and isinstance(value, memoryview):
            yield value


def numbers(message: bytes | memoryview) -> dict[int, int]:
    """The fields of a message that are numbers, by their own numbers."""
    return {number: value for number, _, value in fields(message) if isinstance(value, int)}


def shape_of(message: bytes | memoryview) -> tuple[int, ...]:
    """The sizes in a TensorShapeProto."""
    return tuple(numbers(dim).get(1, 0) for dim in parts(message, 2))


def _metas(message: bytes) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Name, type and shape of each variable."""
    for meta in parts(message, 1):
        for tensor in parts(meta, 1):
            shape = shape_of(next(parts(tensor, 2), memoryview(b"")))
            yield bytes(next(parts(tensor, 1), memoryview(b""))).decode(), numbers(tensor).get(3, 0), shape


def _slice(message: bytes) -> tuple[str, memoryview]:
    """Name and TensorProto of a SavedSlice."""
    for data in parts(message, 2):
        for tensor in parts(data, 3):
            return bytes(next(parts(data, 1), memoryview(b""))).decode(), tensor
    raise ValueError("a slice without numbers")


def _numbers(name: str, tensor: memoryview, kind: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if kind in PACKED:
        field, dtype = PACKED[kind]
        array: npt.NDArray[Any] = np.frombuffer(b"".join(parts(tensor, field)), dtype)
    elif kind in VARINTS:
        field, dtype = VARINTS[kind]
        array = np.array([value for part in parts(tensor, field) for value in _varints(part)], np.uint64).astype(dtype)
    else:
        raise ValueError(f"{name}: numbers of an unknown type ({kind})")
    if array.size != prod(shape):
        raise ValueError(f"{name}: {array.size} numbers for the shape {shape}")
    return array.reshape(shape)


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = read_varint(data, at)
        yield value
