"""What every writer is, and text files that grow line by line and are whole or not there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from limbwise.errors import LimbwiseError
from limbwise.files import whole_file
from limbwise.people import People
from limbwise.write.record import Record


class Writer(Protocol):
    """A context manager that takes the people of one image or frame after the other and leaves no half file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, record: Record, people: People) -> None:
        """Write the people of one image or frame; also when there is nobody."""
        ...


def write_all(writers: Iterable[Writer], found: Iterable[tuple[Record, People]]) -> None:
    """Write the same to several writers. One that fails takes no other with it: its LimbwiseError is raised when the others are whole."""
    failed: list[LimbwiseError] = []
    working: list[tuple[Writer, ExitStack]] = []
    with ExitStack() as all_of_them:
        for writer in writers:
            own = all_of_them.enter_context(ExitStack())
            working.append((own.enter_context(writer), own))
        for record, people in found:
            for pair in list(working):
                try:
                    pair[0].add(record, people)
                except LimbwiseError as error:
                    failed.append(error)
                    working.remove(pair)
                    pair[1].pop_all().__exit__(type(error), error, error.__traceback__)
        for _, own in working:
            try:
                own.close()
            except LimbwiseError as error:
                failed.append(error)
    if failed:
        raise failed[0]


class TextFile:
    """A UTF-8 file that is written piece by piece under a temporary name.

    On clean leaving it ends with `tail` and gets its name, after an exception nothing is left. Memory does not grow.
    Raises LimbwiseError where the disk says no.
    """

    def __init__(self, path: str | Path, head: str = "", tail: str = "") -> None:
        self.path, self.head, self.tail = Path(path), head, tail
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            part = opening.enter_context(whole_file(self.path))
            # Names of files need not be valid UTF-8; their bytes pass through as they are.
            self._out: TextIO = opening.enter_context(
                part.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            )
            self.write(self.head)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with self._open:
                self.write(self.tail)
        else:  # the error is not this file's: it must not be reported as such
            unfinished = LimbwiseError(f"{self.path}: left unfinished")
            self._open.__exit__(LimbwiseError, unfinished, None)

    def write(self, text: str) -> int:
        """Append `text`; gives its length."""
        try:
            return self._out.write(text)
        except OSError as error:
            raise LimbwiseError(f"{self.path}: cannot be written ({error.strerror or error})") from error


class JsonList(TextFile):
    """A JSON list that grows, one item a line, between `head` and `tail`."""

    def __init__(self, path: str | Path, head: str = "[", tail: str = "]") -> None:
        super().__init__(path, head, f"\n{tail}\n")
        self.count = 0

    def append(self, item: Any) -> None:
        """Add one item."""
        self.write((",\n" if self.count else "\n") + compact(item))
        self.count += 1


def compact(item: Any) -> str:
    """JSON on one line, without spaces, in ASCII (so that any file name can be in it); raises ValueError for NaN."""
    return json.dumps(item, separators=(",", ":"), allow_nan=False)
