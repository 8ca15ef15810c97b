"""Record: where some people were found, as every file format needs to know it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Record:
    """One image, or one frame of a video.

    `name`: the unique stem of what is written of the source, folders by "/" ("sub/a", or the video's stem). `file_name`: the
    source itself. `image_id`: unique over all images and frames. `frame`: zero-based number in the video, None for an image.
    `time`: seconds from its beginning (None where there is none). `width`, `height`: pixels, 0 where not known. `folder`: the same
    of images in which people were followed from one to the next, empty where they were not.
    Raises ValueError for a name that would lead out of the folder that is written to.
    """

    name: str
    file_name: str
    image_id: int
    frame: int | None
    time: float | None
    width: int
    height: int
    folder: str = ""

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.name).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise ValueError(f"name: {self.name!r} is not a name inside a folder")
        if self.time is not None and not math.isfinite(self.time):
            object.__setattr__(self, "time", None)
