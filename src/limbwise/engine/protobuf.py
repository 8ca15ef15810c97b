"""A glance at a protobuf file (.onnx, .pb) before an engine reads it: engines are noisy about damaged ones, or take them for empty."""

from __future__ import annotations

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
