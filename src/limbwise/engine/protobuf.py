"""A glance at a protobuf file (.onnx, .pb) before an engine reads it: engines are noisy about damaged ones, or take them for empty.

And the fields of a protobuf message in memory, for readers of formats that are made of such messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from limbwise.errors import InputError

# Wire types of the protobuf encoding: what follows a field's tag.
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5


def check_protobuf(path: Path) -> None:
    """Walk over the outermost fields of a protobuf file; raises InputError where it is empty, truncated or something else."""
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: the model file is empty")
    with path.open("rb") as file:
        while file.tell() < size:
            if not _skip_field(file):
                raise InputError(f"{path}: not a model file of that kind (damaged?)")
            if file.tell() > size:
                raise InputError(f"{path}: the model file is truncated ({size} bytes)")


def _skip_field(file: BinaryIO) -> bool:
    """Go past one field; False where there is none."""
    tag = _varint(file)
    kind, number = (tag & 7, tag >> 3) if tag is not None else (None, 0)
    if number == 0:
        return False
    if kind == BYTES:
        length = _varint(file)
        if length is not None:
            file.seek(length, 1)
        return length is not None
    if kind == VARINT:
        return _varint(file) is not None
    if kind in (EIGHT_BYTES, FOUR_BYTES):
        file.seek(8 if kind == EIGHT_BYTES else 4, 1)
        return True
    return False


def _varint(file: BinaryIO) -> int | None:
    """A number of at most 63 bits, seven to a byte, low ones first; None where it does not end."""
    value = 0
    for shift in range(0, 63, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    return None


def fields(message: bytes | memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """(number, wire type, value) of each field of a protobuf message, in the order they stand there.

    The value is a number for VARINT (unsigned, at most 64 bits), EIGHT_BYTES and FOUR_BYTES (little-endian), a view for BYTES.
    Raises ValueError where the message is damaged.
    """
    data = memoryview(message)
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = read_varint(data, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            length, at = read_varint(data, at)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            length = 8 if kind == EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of wire type {kind}")
        if number == 0 or length > len(data) - at:
            raise ValueError("a field that does not end")
        part, at = data[at : at + length], at + length
        yield number, kind, part if kind == BYTES else int.from_bytes(part, "little")


def read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """The number of at most 64 bits, seven to a byte, at a position, and the position after it; raises ValueError where it does not end."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value & (1 << 64) - 1, at
    raise ValueError("a number that does not end")
