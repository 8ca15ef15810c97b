"""Chainer's .npz: the weights of its links, which are NumPy arrays by the names of the layers."""

from __future__ import annotations

from pathlib import Path

from limbwise.convert.weights import MOST_BYTES, Weights, check_size
from limbwise.errors import InputError
from limbwise.npz import open_npz

PARTS = {"W": "weight", "b": "bias"}
SNAPSHOT = "updater/model:main/"  # what a trainer's snapshot puts before the names of the model


def read_npz(path: str | Path) -> Weights:
    """The arrays of an .npz by "LAYER.weight" and "LAYER.bias"; of a trainer's snapshot those of its model.

    Raises InputError that names the file where it is missing, damaged or something else, or holds objects instead of numbers.
    """
    path = Path(path)
    check_size(path)
    with open_npz(path, "not an npz of Chainer, or damaged") as arrays:
        assert arrays.zip is not None
        stated = sum(member.file_size for member in arrays.zip.infolist())
        if stated > MOST_BYTES:
            raise InputError(f"{path}: its arrays would take {stated} bytes, too many for weights")
        names = [name for name in arrays.files if name.startswith(SNAPSHOT)] or arrays.files
        return {_named(name.removeprefix(SNAPSHOT)): arrays[name] for name in names}


def is_npz(path: Path) -> bool:
    """Whether the file is called like one: PyTorch's files are zip archives as well."""
    return path.suffix.lower() == ".npz" and path.is_file()


def _named(name: str) -> str:
    layer, _, part = name.rpartition("/")
    return f"{layer}.{PARTS.get(part, part)}"
