"""Timelines as files: who was there when in each sequence of a batch, or of people that were followed, as one picture each."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from limbwise.draw.timeline import Presence, draw_timeline
from limbwise.media.image import write_image
from limbwise.people import People
from limbwise.write.record import Record


class TimelineWriter:
    """A folder of pictures, `<folder>/<video>.png`, and one for the images of each folder; written on clean leaving.

    `image_rate`: images a second where a record has no time. Raises LimbwiseError where the disk says no.
    """

    def __init__(self, folder: str | Path, image_rate: float) -> None:
        self.folder, self.image_rate = Path(folder), image_rate
        self._sequences: dict[str, Presence] = {}
        self._frames: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            for name, presence in self._sequences.items():
                write_image(self.folder / f"{name}.png", draw_timeline(presence))

    def add(self, record: Record, people: People) -> None:
        """Note who is there."""
        name = record.name
        if record.frame is None:
            name = (PurePosixPath(record.name).parent / "images").as_posix()
        frame = self._frames.get(name, 0)
        self._frames[name] = frame + 1
        time = frame / self.image_rate if record.time is None else record.time
        self._sequences.setdefault(name, Presence()).add(people, time)
