"""PoseTrack's annotation files, 2017 (what poseval takes) and 2018 (like COCO): one file a sequence, and reading both.

A video is a sequence, and so are images that come one after the other from one folder and in which people were followed; other images
form the sequence "images". People who were not followed get numbers 0, 1, ... anew
in every image, since poseval asks for ids even where they do not matter. Strangers, who have no id where others have one, get
numbers that no track has, anew in every image: -1, -2, ... in 2018, which poseval takes as it takes others and which are read as no
id; in 2017, which has no room below 0, the highest that are free, 999, 998, ...
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain, count
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from limbwise.checked import read_json, table
from limbwise.errors import InputError, UsageError
from limbwise.people import People
from limbwise.write.posetrack2017 import Sequence2017, read_2017
from limbwise.write.posetrack2018 import Sequence2018, read_2018
from limbwise.write.record import Record
from limbwise.write.writer import Writer

_Key = tuple[bool, str]  # whether it is of a video, and the video's name or the folder of the images
LOOSE: _Key = False, ""  # the sequence of images in which nobody is followed, in the file "images"


class PoseTrackWriter:
    """A folder of PoseTrack files, `<folder>/<video>.json`, `<folder>/<folder of images>.json` and `<folder>/images.json`; of two
    with one name the second is `images_2.json`.

    `year` 2017 or 2018. The frames of a video must come together. A sequence is whole when the next one begins; after an
    exception those that were open are gone. Raises UsageError for another year or a video that comes back.
    """

    def __init__(self, folder: str | Path, year: int = 2018) -> None:
        if year not in (2017, 2018):
            raise UsageError(f"PoseTrack {year}: only 2017 and 2018 are formats")
        self.folder, self.year = Path(folder), year
        self._open: dict[_Key, Writer] = {}
        self._done: set[_Key] = set()
        self._taken: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closing = ExitStack()
        for open_sequence in self._open.values():
            closing.push(open_sequence)
        self._open = {}
        closing.__exit__(kind, error, trace)

    def add(self, record: Record, people: People) -> None:
        """Append one image or frame to its sequence."""
        key, name = _sequence_of(record)
        if key not in self._open:
            self._begin(key, name)
        self._open[key].add(record, people)

    def _begin(self, key: _Key, name: str) -> None:
        """Open a sequence; it ends the one before."""
        if key in self._done:
            raise UsageError(f"{name}: the frames of a PoseTrack sequence must come together")
        for other in [open_key for open_key in self._open if LOOSE not in (open_key, key)]:
            self._open.pop(other).__exit__(None, None, None)
            if other[0]:  # images of a folder may come again: people are not followed across the break
                self._done.add(other)
        path = self.folder / f"{free_name(name, self._taken)}.json"
        self._open[key] = sequence(path, self.year).__enter__()


def _sequence_of(record: Record) -> tuple[_Key, str]:
    """What tells a record's sequence from others, and how its file is called."""
    if record.frame is not None:
        return (True, record.name), record.name
    if not record.folder:
        return LOOSE, "images"
    above = PurePosixPath(record.name).parent.as_posix()
    return (False, record.folder), "images" if above == "." else above


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken, also on disks that do not tell capitals; from now on it is in `taken`."""
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    free = next(one for one in names if one.casefold() not in taken)
    taken.add(free.casefold())
    return free


def sequence(path: Path, year: int) -> Writer:
    """The file of one sequence, in the form of 2017 or 2018."""
    return Sequence2017(path) if year == 2017 else Sequence2018(path)


def read_posetrack(path: str | Path) -> list[tuple[str, People]]:
    """(file name, people) of every image of a sequence, in the order of the file, of either year.

    People are POSETRACK_15 in 2017, and what the category names in 2018 (POSETRACK_17 when it names none). Labels without scores
    have 1. Ids are -1 where the file has none. Raises InputError that names the file and the field.
    """
    content = table(read_json(path), str(path))
    if "annolist" in content:
        return read_2017(content, str(path))
    if "images" in content:
        return read_2018(content, str(path))
    raise InputError(f"{path}: neither annolist (PoseTrack 2017) nor images (2018) is there")
