"""Files that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from limbwise.errors import LimbwiseError, UsageError


def temporary_name(path: Path) -> Path:
    """The hidden name in the same folder under which `path` is written; keeps the suffix, from which formats are told."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write to the path that this gives; on leaving it becomes `path`, after an exception it is gone.

    Folders above `path` are made. Raises LimbwiseError where the disk says no.
    """
    path = Path(path)
    part = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise LimbwiseError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with suppress(OSError):
            part.unlink()


def check_place(path: Path | None) -> None:
    """Raises UsageError where no file can come to be, before hours of work are lost with it; None is no file."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UsageError(f"{path}: cannot be written ({above} is {'not writable' if above.is_dir() else 'a file'})")


def write_rows(table: Mapping[str, Sequence[object]], path: str | Path) -> None:
    """A table of long lists as JSON, an element a line, for people to look at. Raises LimbwiseError where the disk says no."""
    fields = []
    for name, rows in table.items():
        lines = ",\n  ".join(json.dumps(row) for row in rows)
        fields.append(f" {json.dumps(name)}: [\n  {lines}\n ]")
    with whole_file(path) as part:
        part.write_text("{\n" + ",\n".join(fields) + "\n}\n", encoding="utf-8")
