"""TensorFlow checkpoints (V2: NAME.index and NAME.data-00000-of-00001) as arrays, read without TensorFlow.

The index is a table (sstable.py) from a variable's name to a small protobuf message that says its type, its shape, where in which
data file it lies and its CRC-32C; the data files are the raw numbers (tensorflow/core/protobuf/tensor_bundle.proto).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from limbwise.convert.crc32c import masked_crc32c
from limbwise.convert.sstable import FOOTER, is_table, read_table
from limbwise.convert.tensorflow_v1 import numbers, parts, read_v1, shape_of
from limbwise.engine.protobuf import fields
from limbwise.errors import InputError

Arrays = dict[str, npt.NDArray[Any]]

# TensorFlow's numbers for types (types.proto). Texts are no weights; bfloat16 is the upper half of a float32.
TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 8: "<c8", 9: "<i8", 10: "?", 14: "<u2", 17: "<u2", 18: "<c16",
         19: "<f2", 22: "<u4", 23: "<u8"}  # fmt: skip
STRING, BFLOAT16 = 7, 14


@dataclass(frozen=True)
class Entry:
    """Where a variable lies: its `type` (a number of TYPES), `shape`, data file `shard`, `offset` and `size` there in bytes, and the
    masked `crc` of these; `sliced`: it is stored in pieces under other names."""

    type: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    sliced: bool


def read_checkpoint(path: str | Path) -> Arrays:
    """The variables of a checkpoint by name, each checked against its checksum; texts are left out.

    `path`: the checkpoint's prefix as TensorFlow says it (`snapshot-1030000`), its .index, or one of its data files; or the file of
    an old one (V1). Axes are as TensorFlow has them (convolutions: height, width, in, out). Raises InputError that names the file
    where one is missing, truncated, damaged or something else.
    """
    prefix = prefix_of(path)
    index = Path(f"{prefix}.index")
    if not index.is_file() and prefix.is_file():
        return read_v1(prefix)
    count, entries = read_index(index)
    files: dict[int, BinaryIO] = {}
    arrays: Arrays = {}
    try:
        for name, entry in entries.items():
            if entry.type == STRING:
                continue
            if entry.shard not in files:
                files[entry.shard] = _open(Path(f"{prefix}.data-{entry.shard:05d}-of-{count:05d}"))
            arrays[name] = _read(files[entry.shard], name, entry, index)
    finally:
        for file in files.values():
            file.close()
    return arrays


def prefix_of(path: str | Path) -> Path:
    """The part of a checkpoint's path that its files share."""
    return Path(re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", str(path)))


def is_checkpoint(path: str | Path) -> bool:
    """Whether a path is the prefix or a file of a checkpoint, as far as the end of its table says."""
    index = Path(f"{prefix_of(path)}.index")
    try:
        with (index if index.is_file() else Path(path)).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - FOOTER))
            return is_table(file.read())
    except OSError:
        return False


def read_index(path: Path) -> tuple[int, dict[str, Entry]]:
    """How many data files there are, and the entries by name; raises InputError that names the file."""
    try:
        table = read_table(path.read_bytes())
        header = numbers(table.pop(b"", b""))
        entries = {key.decode(): _entry(value) for key, value in table.items()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # bad UTF-8 is one too
        raise InputError(f"{path}: not the index of a TensorFlow checkpoint (V2), or damaged: {error}") from error
    count = header.get(1, 0)
    if header.get(2, 0) != 0:
        raise InputError(f"{path}: the checkpoint is big-endian, which is not read")
    for name, entry in entries.items():
        _check(path, name, entry, count)
    return count, entries


def _check(path: Path, name: str, entry: Entry, count: int) -> None:
    if entry.sliced:
        raise InputError(f"{path}: {name}: stored in slices, which are not read; save it unpartitioned")
    if entry.type == STRING:
        return
    if entry.type not in TYPES:
        raise InputError(f"{path}: {name}: numbers of an unknown type ({entry.type})")
    if not 0 <= entry.shard < count or entry.size != prod(entry.shape) * np.dtype(TYPES[entry.type]).itemsize:
        raise InputError(f"{path}: {name}: shape, size and file do not fit each other (damaged?)")


def _entry(message: bytes) -> Entry:
    """A BundleEntryProto; raises ValueError where it is none."""
    table = numbers(message)
    shape = shape_of(next(parts(message, 2), memoryview(b"")))
    sliced = any(number == 7 for number, _, _ in fields(message))
    return Entry(table.get(1, 0), shape, table.get(3, 0), table.get(4, 0), table.get(5, 0), table.get(6, 0), sliced)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _read(file: BinaryIO, name: str, entry: Entry, index: Path) -> npt.NDArray[Any]:
    """A variable from its data file; the file is measured first, so that nonsense is not allocated."""
    if entry.offset + entry.size > file.seek(0, 2):
        raise InputError(
            f"{file.name}: {name} lies beyond its end (truncated, or of another checkpoint than {index.name})"
        )
    file.seek(entry.offset)
    data = file.read(entry.size)
    if masked_crc32c(data) != entry.crc:
        raise InputError(f"{file.name}: {name}: the checksum is wrong (damaged, or of another checkpoint than {index.name})")  # fmt: skip
    array: npt.NDArray[Any] = np.frombuffer(data, TYPES[entry.type]).reshape(entry.shape)
    if entry.type == BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array
