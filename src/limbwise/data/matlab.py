"""Matlab files (version 5, which Matlab writes up to -v7) as data sets use them: structs in structs, one, many or none.

Read by a parser of our own: scipy's ends the process on damaged files. What a variable becomes: numbers an array, text a str, a cell a
list, a struct array a list of dicts; elements in Matlab's order, columns first.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError

HEADER = 128
MOST_BYTES = 2**31  # of a variable once unpacked
DEEPEST = 30
# Kinds of elements, and of matrices.
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, STRUCT, CHAR, FIRST_NUMBER, LAST_NUMBER = 1, 2, 4, 6, 15


def read_mat(path: str | Path, *names: str) -> list[Any]:
    """Variables of a Matlab file; raises InputError that names the file where it cannot be read, or lacks one of them."""
    try:
        data = Path(path).read_bytes()
        table = _variables(data, names)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, struct.error, zlib.error) as error:  # bad text is a ValueError
        raise InputError(f"{path}: not a Matlab file of version 5 to 7, or damaged: {error}") from error
    for name in names:
        if name not in table:
            raise InputError(f"{path}: no variable {name!r} is in it")
    return [table[name] for name in names]


def rows(value: Any) -> list[Any]:
    """The elements of a struct array, a cell or an array: none where it is missing or empty."""
    if value is None:
        return []
    if isinstance(value, np.ndarray):
        return list(value.ravel(order="F"))
    return value if isinstance(value, list) else [value]


def field(value: Any, name: str) -> Any:
    """A field of a struct, or of the only one of a struct array; None where there is no such field or it is empty."""
    owner = value[0] if isinstance(value, list) and len(value) == 1 else value
    found = owner.get(name) if isinstance(owner, dict) else None
    empty = found is None or (found.size == 0 if isinstance(found, np.ndarray) else len(found) == 0)
    return None if empty else found


def number(value: Any, name: str, otherwise: float = float("nan")) -> float:
    """A field that is one number, also one written as text; `otherwise` where it is missing, empty or something else."""
    found = field(value, name)
    if isinstance(found, np.ndarray) and found.size == 1:
        return float(found.ravel()[0])
    try:
        return float(found) if isinstance(found, str) else otherwise
    except ValueError:
        return otherwise


def floats(value: Any) -> npt.NDArray[np.float32]:
    """Numbers as float32, axes of length 1 kept; none where it holds something else."""
    if not isinstance(value, np.ndarray):
        return np.zeros(0, np.float32)
    with np.errstate(over="ignore"):
        return value.astype(np.float32)


@dataclass
class _Bytes:
    """Elements one after the other: `data`, where to go on `at`, `order` of bytes as struct has it, and how `deep` in others."""

    data: memoryview
    order: str
    at: int = 0
    deep: int = 0

    def take(self) -> tuple[int, memoryview]:
        """Kind and content of the next element."""
        kind, size = struct.unpack_from(self.order + "II", self.data, self.at)
        if kind >> 16:  # a small one: size and kind in one word, content in the next
            kind, size, start, self.at = kind & 0xFFFF, kind >> 16, self.at + 4, self.at + 8
            if size > 4:
                raise ValueError("a small element is too large")
        else:
            start = self.at + 8
            self.at = start + (size if kind == COMPRESSED else size + -size % 8)
        if start + size > len(self.data):
            raise ValueError("an element goes on beyond the end")
        return kind, self.data[start : start + size]


def _variables(data: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    if data[:10] == b"MATLAB 7.3":
        raise ValueError("it is of version 7.3; save it with -v7 in Matlab")
    orders = {b"IM": "<", b"MI": ">"}
    if len(data) < HEADER or data[126:128] not in orders:
        raise ValueError("its header is none of Matlab's")
    parts = _Bytes(memoryview(data), orders[data[126:128]], HEADER)
    table: dict[str, Any] = {}
    while parts.at < len(data):
        kind, content = parts.take()
        if kind == COMPRESSED:
            kind, content = _Bytes(_unpacked(content), parts.order).take()
        if kind == MATRIX:
            inner = _Bytes(content, parts.order)
            name, value = _matrix(inner, names)
            table[name] = value
    return table


def _unpacked(content: memoryview) -> memoryview:
    machine = zlib.decompressobj()
    out = machine.decompress(content, MOST_BYTES)
    if not machine.eof:
        raise ValueError("a packed variable does not end")
    return memoryview(out)


def _matrix(parts: _Bytes, names: tuple[str, ...] = ()) -> tuple[str, Any]:
    """Name and value of a matrix; of a named one that is not among `names` no value."""
    if not len(parts.data):
        return "", np.zeros((0, 0))
    if parts.deep > DEEPEST:
        raise ValueError("too many structs in structs")
    kind = int(_numbers(parts)[0]) & 0xFF
    dims = tuple(int(n) for n in _numbers(parts))
    if not dims or min(dims) < 0 or prod(dims) > MOST_BYTES:
        raise ValueError("an array has no size")
    name = bytes(parts.take()[1]).decode("latin-1")
    if names and name not in names:
        return name, None
    if kind == CELL:
        return name, [value for row in _elements(parts, prod(dims), 1) for value in row]
    if kind == STRUCT:
        return name, _structs(parts, prod(dims))
    if kind == CHAR:
        return name, _text(*parts.take(), parts.order)
    if FIRST_NUMBER <= kind <= LAST_NUMBER:
        values = _numbers(parts)
        if len(values) != prod(dims):
            raise ValueError(f"{len(values)} numbers in an array of {dims}")
        return name, values.reshape(dims, order="F")
    return name, None  # sparse arrays, functions and objects, which no data set holds


def _numbers(parts: _Bytes) -> npt.NDArray[Any]:
    """The numbers of the next element, stored in the smallest type that holds them."""
    kind, content = parts.take()
    if kind not in NUMBERS:
        raise ValueError("numbers are expected")
    values = np.frombuffer(content, parts.order + NUMBERS[kind])
    if not len(values) and parts.at <= 16:
        raise ValueError("an array without a kind")
    return values


def _elements(parts: _Bytes, count: int, fields: int) -> list[list[Any]]:
    """`count` lists of `fields` values, each a matrix."""
    if count * fields * 8 > len(parts.data) - parts.at:
        raise ValueError("fewer elements than there should be")
    return [[_inner(parts) for _ in range(fields)] for _ in range(count)]


def _inner(parts: _Bytes) -> Any:
    kind, content = parts.take()
    if kind != MATRIX:
        raise ValueError("an array is expected")
    return _matrix(_Bytes(content, parts.order, deep=parts.deep + 1))[1]


def _structs(parts: _Bytes, count: int) -> list[dict[str, Any]]:
    length = _numbers(parts)
    text = bytes(parts.take()[1])
    if len(length) != 1 or not 0 < length[0] <= 64 or len(text) % int(length[0]):
        raise ValueError("a struct has no names")
    step = int(length[0])
    names = [text[i : i + step].split(b"\0")[0].decode("latin-1") for i in range(0, len(text), step)]
    if not names:
        return []
    return [dict(zip(names, row, strict=True)) for row in _elements(parts, count, len(names))]


def _text(kind: int, content: memoryview, order: str) -> str:
    if kind not in TEXTS:
        raise ValueError("a text is expected")
    wide = {"utf-16", "utf-32"} & {TEXTS[kind]}
    return bytes(content).decode(TEXTS[kind] + (("-le" if order == "<" else "-be") if wide else ""))
