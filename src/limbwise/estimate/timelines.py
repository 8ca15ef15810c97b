"""Timelines as files: who was there when in each sequence of a batch, or of people that were followed, as one picture each."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from limbwise.draw.timeline import Presence, draw_timeline
from limbwise.media.image import write_image
from limbwise.people import People
from limbwise.write.posetrack import free_name
from limbwise.write.record import Record

# Whether it is of loose images, the name, which a video may have, too, and the folder of the images.
_Key = tuple[bool, str, str]


class TimelineWriter:
    """A folder of pictures, `<folder>/<video>.png`, and an `images.png` for the images of each folder; written on clean leaving.

    Where a video is called "images", the images become `images_2.png`. `image_rate`: images a second where a record has no time.
    Raises LimbwiseError where the disk says no.
    """

    def __init__(self, folder: str | Path, image_rate: float) -> None:
        self.folder, self.image_rate = Path(folder), image_rate
        self._sequences: dict[_Key, Presence] = {}
        self._frames: dict[_Key, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            taken: set[str] = set()
            for key in sorted(self._sequences):  # videos first: they keep their names
                write_image(self.folder / f"{free_name(key[1], taken)}.png", draw_timeline(self._sequences[key]))

    def add(self, record: Record, people: People) -> None:
        """Note who is there."""
        key = False, record.name, ""
        if record.frame is None:
            key = True, (PurePosixPath(record.name).parent / "images").as_posix(), record.folder
        frame = self._frames.get(key, 0)
        self._frames[key] = frame + 1
        time = frame / self.image_rate if record.time is None else record.time
        self._sequences.setdefault(key, Presence()).add(people, time)
