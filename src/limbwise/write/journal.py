"""Journal: what a batch has found so far, so that it can be stopped at any time and go on.

A file of JSON lines. The first holds a fingerprint of the model and the options; then come skeletons, frames (record and people, full
float32 precision, null where missing) and, when a source is finished, its name. The files that gather everything (COCO, CSV,
PoseTrack) are made from `replay` at the end: a batch that was stopped and resumed gives the same bytes as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.files import whole_file
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.write.arrays import finite, shortest
from limbwise.write.record import Record
from limbwise.write.writer import compact

VERSION = 1


class Journal:
    """The journal of one batch, open for writing; every line reaches the system before `add` and `finish` return.

    `fingerprint`: what decides about the results (model, options), as JSON values. With `resume` an existing journal is read:
    `finished` are the sources it has to the end, `errors` what was wrong with those that could not be read; what it has of
    others is dropped, and whatever a crash left damaged. Without it the journal begins anew. Raises UsageError where the
    fingerprint is another one, InputError where the file is no journal, LimbwiseError where the disk says no.
    """

    def __init__(self, path: str | Path, fingerprint: Mapping[str, Any], resume: bool = False) -> None:
        self.path = Path(path)
        self.finished: set[str] = set()
        self.errors: dict[str, str] = {}
        self._skeleton: Skeleton | None = None
        head = {"limbwise": VERSION, "fingerprint": json.loads(compact(dict(fingerprint)))}
        try:
            size = self._check(head) if resume and self.path.exists() else 0
            with whole_file(self.path) as part, part.open("w", encoding="ascii", newline="") as out:
                out.write(compact(head) + "\n")
                out.writelines(self._kept(size))
            self._out = self.path.open("a", encoding="ascii", newline="")
        except OSError as error:
            raise LimbwiseError(f"{self.path}: cannot be opened ({error.strerror or error})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def add(self, record: Record, people: People) -> None:
        """Note the people of one image or frame."""
        if people.skeleton != self._skeleton:
            self._skeleton = people.skeleton
            self._line({"skeleton": asdict(people.skeleton)})
        self._line({"record": astuple(record), "people": _noted(people)})

    def finish(self, name: str, error: str | None = None) -> None:
        """Note that the source of this name is finished; `error`: why it could not be read (to the end)."""
        entry = {"done": name, "error": error}
        self._line(entry)
        self._end(entry)

    def replay(self) -> Iterator[tuple[Record, People]]:
        """Every image and frame noted so far, in order, one in memory at a time.

        Raises InputError where the journal is damaged in its middle.
        """
        skeleton: Skeleton | None = None
        for _, entry in _entries(self.path, self.path.stat().st_size):
            with _damage(self.path):
                if "skeleton" in entry:
                    skeleton = _skeleton(entry["skeleton"])
                found = (Record(*entry["record"]), _people(entry["people"], skeleton)) if "record" in entry else None
            if found:
                yield found

    def _check(self, head: dict[str, Any]) -> int:
        """Bytes of the existing journal that are sound; notes what is finished in them."""
        size = 0
        for i, (line, entry) in enumerate(_entries(self.path, self.path.stat().st_size)):
            if i == 0:
                self._compare(entry, head)
            self._end(entry)
            size += len(line)
        with self.path.open("rb") as file:
            stranger = size == 0 and file.readline(1 << 16).endswith(
                b"\n"
            )  # a crash leaves a first line without its end
        if stranger:
            raise InputError(f"{self.path}: not a journal of limbwise; move it away or begin anew")
        return size

    def _compare(self, entry: dict[str, Any], head: dict[str, Any]) -> None:
        """Raise where a journal's first line is not `head`."""
        if entry.get("limbwise") != VERSION or not isinstance(entry.get("fingerprint"), dict):
            raise InputError(f"{self.path}: not a journal of this version of limbwise; move it away or begin anew")
        old, new = entry["fingerprint"], head["fingerprint"]
        differ = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        if differ:
            said = ", ".join(f"{key} was {compact(old.get(key))} and is {compact(new.get(key))}" for key in differ)
            raise UsageError(
                f"{self.path}: cannot go on with other settings: {said}; begin anew or write to another folder"
            )

    def _end(self, entry: dict[str, Any]) -> None:
        if "done" in entry:
            self.finished.add(entry["done"])
            if entry["error"] is not None:
                self.errors[entry["done"]] = entry["error"]

    def _kept(self, size: int) -> Iterator[str]:
        """The lines of the existing journal that stay: all of finished sources."""
        for i, (line, entry) in enumerate(_entries(self.path, size) if size else ()):
            if i and ("record" not in entry or entry["record"][0] in self.finished):
                if "skeleton" in entry:
                    with _damage(self.path):
                        self._skeleton = _skeleton(entry["skeleton"])
                yield line

    def _line(self, entry: dict[str, Any]) -> None:
        try:
            self._out.write(compact(entry) + "\n")
            self._out.flush()
        except OSError as error:
            raise LimbwiseError(f"{self.path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What goes wrong in here is the journal's fault."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error}); begin anew") from error


def _entries(path: Path, size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(line, what it says) of the first `size` bytes, up to the first line that is incomplete or damaged."""
    with path.open("rb") as file:
        for line in file:
            size -= len(line)
            if size < 0 or not line.endswith(b"\n"):
                return
            try:
                text = line.decode("ascii")
                entry = json.loads(text)
            except (ValueError, RecursionError):
                return
            if not _sound(entry):
                return
            yield text, entry


def _sound(entry: object) -> bool:
    """Whether a line is one of ours, as far as its form tells."""
    match entry:
        case {"done": str(), "error": str() | None} | {"limbwise": int(), "fingerprint": dict()} | {"skeleton": dict()}:
            return True
        case {"record": [str(), *_], "people": dict()}:
            return True
    return False


def _noted(people: People) -> dict[str, Any]:
    people = finite(people)
    ids = None if people.ids is None else people.ids.tolist()
    arrays = {name: shortest(getattr(people, name)) for name in ("xy", "scores", "person_scores")}
    return {**arrays, "ids": ids}


def _people(noted: dict[str, Any], skeleton: Skeleton | None) -> People:
    if skeleton is None:
        raise ValueError("people without a skeleton")
    xy = np.array(noted["xy"], np.float32).reshape(-1, len(skeleton), 2)
    scores = np.array(noted["scores"], np.float32).reshape(-1, len(skeleton))
    ids = None if noted["ids"] is None else np.array(noted["ids"], np.int64)
    return People(skeleton, xy, scores, np.array(noted["person_scores"], np.float32), ids)


def _skeleton(entry: dict[str, Any]) -> Skeleton:
    limbs = tuple((a, b) for a, b in entry["limbs"])
    parts = {part: (start, stop) for part, (start, stop) in entry["parts"].items()}
    return Skeleton(entry["name"], tuple(entry["keypoints"]), limbs, tuple(entry["sigmas"]), parts)
