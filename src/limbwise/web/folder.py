"""A folder of the server's own: uploads and results for a while, none of them left over when it starts or stops."""

from __future__ import annotations

import shutil
from pathlib import Path

from limbwise.errors import LimbwiseError, UsageError

MARK = ".limbwise-serve"  # says that what lies here is ours to delete


def open_folder(path: Path) -> Path:
    """The folder, made if it is not there (for this user alone), and emptied. Raises UsageError where it holds what is not ours."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = list(path.iterdir())
        if there and not (path / MARK).is_file():
            raise UsageError(f"{path}: holds other files; give an empty folder (--folder)")
        empty(path)
        (path / MARK).touch()
    except OSError as error:
        raise LimbwiseError(
            f"{path}: cannot be used for uploads ({error.strerror or error}); give another (--folder)"
        ) from error
    return path


def empty(path: Path) -> None:
    """Remove all that is in the folder but its mark."""
    for item in path.iterdir():
        if item.name != MARK:
            shutil.rmtree(item, ignore_errors=True) if item.is_dir() and not item.is_symlink() else item.unlink()


def close_folder(path: Path) -> None:
    """Remove the folder and all that is in it."""
    shutil.rmtree(path, ignore_errors=True)
