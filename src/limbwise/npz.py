"""NumPy's archives of arrays (.npz), opened so that whatever is wrong with one is told in a line."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limbwise.errors import InputError

if TYPE_CHECKING:
    from numpy.lib.npyio import NpzFile

# What NumPy and zipfile raise for damaged archives, headers and streams, for encrypted ones, and for other files.
DAMAGE = (ValueError, KeyError, TypeError, EOFError, SyntaxError, MemoryError, OverflowError, RuntimeError,
          zipfile.BadZipFile, zlib.error)  # fmt: skip


@contextmanager
def open_npz(path: str | Path, otherwise: str) -> Iterator[NpzFile[Any]]:
    """The arrays of an .npz by name, each read when it is asked for, inside of this.

    Raises InputError that names the file where it is missing, or, in the words `otherwise`, is something else, damaged, or holds
    objects instead of numbers.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        raise InputError(f"{path}: {otherwise} ({error})") from error
