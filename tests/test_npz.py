"""Archives of arrays: whatever is wrong with one is one kind of error that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.npz import open_npz


def read(path: Path) -> dict[str, object]:
    with open_npz(path, "no such thing") as arrays:
        return dict(arrays)


def test_flipped_bits_of_packed_arrays_are_told(tmp_path: Path) -> None:
    """Some of them damage the packed stream itself, of which zlib complains, not zipfile."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.random.default_rng(0).normal(size=(64, 64)).round(1))
    good, refused = path.read_bytes(), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        data = bytearray(good)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        try:
            read(path)
        except InputError as error:
            assert str(error).startswith(f"{path}: ")
            refused += 1
    assert refused > 150


OTHER: list[Callable[[Path], object]] = [
    lambda path: None,
    lambda path: path.mkdir(),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"PK\x03\x04 and no more"),
    lambda path: path.write_bytes(np.zeros(3).tobytes()),
    lambda path: np.savez(path, a=np.array([{}], object)),
]


@pytest.mark.parametrize("write", OTHER)
def test_other_files_are_told(tmp_path: Path, write: Callable[[Path], object]) -> None:
    path = tmp_path / "a.npz"
    write(path)
    with pytest.raises(InputError, match=r"a\.npz: (cannot be read|no such thing)"):
        read(path)
