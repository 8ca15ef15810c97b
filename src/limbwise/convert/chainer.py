"""Chainer's .npz: the weights of its links, which are NumPy arrays by the names of the layers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from limbwise.convert.weights import MOST_BYTES, Weights, check_size
from limbwise.errors import InputError

PARTS = {"W": "weight", "b": "bias"}
SNAPSHOT = "updater/model:main/"  # what a trainer's snapshot puts before the names of the model


def read_npz(path: str | Path) -> Weights:
    """The arrays of an .npz by "LAYER.weight" and "LAYER.bias"; of a trainer's snapshot those of its model.

    Raises InputError that names the file where it is missing, damaged or something else, or holds objects instead of numbers.
    """
    path = Path(path)
    check_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            stated = sum(member.file_size for member in archive.infolist())
        if stated > MOST_BYTES:
            raise InputError(f"{path}: its arrays would take {stated} bytes, too many for weights")
        with np.load(path, allow_pickle=False) as arrays:
            names = [name for name in arrays.files if name.startswith(SNAPSHOT)] or arrays.files
            return {_named(name.removeprefix(SNAPSHOT)): arrays[name] for name in names}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError, MemoryError, OverflowError, RuntimeError,
            NotImplementedError, zipfile.BadZipFile, zipfile.error) as error:  # fmt: skip
        raise InputError(f"{path}: not an npz of Chainer, or damaged ({error})") from error


def is_npz(path: Path) -> bool:
    """Whether the file is called like one: PyTorch's files are zip archives as well."""
    return path.suffix.lower() == ".npz" and path.is_file()


def _named(name: str) -> str:
    layer, _, part = name.rpartition("/")
    return f"{layer}.{PARTS.get(part, part)}"
