"""Step: a frame on its way through a batch, what is wanted of it, and what finds its people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from limbwise.draw.trails import Trails
from limbwise.errors import InputError
from limbwise.estimate.follow import Note
from limbwise.estimate.frames import Cut
from limbwise.estimate.maps import Maps
from limbwise.media.frame import Frame
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.write.openpose import Candidates


@dataclass(frozen=True)
class Step:
    """A frame on its way through the batch; without a frame: the end of its source, with the error that ended it or its drawing."""

    source: Source
    frame: Frame | None = None
    error: InputError | None = None
    inputs: Any = None
    maps: Maps | None = None
    people: People | None = None
    candidates: Candidates | None = None
    times: tuple[tuple[str, float], ...] = ()  # milliseconds of each stage so far
    trails: Trails | None = None  # where followed people came from, until the next step
    note: Note | None = None  # with the end of an image: how people are followed from there


@dataclass(frozen=True)
class Wanted:
    """What a batch needs of each frame beside its people: the picture itself, the network's maps, all peaks."""

    pixels: bool = True
    maps: bool = True
    candidates: bool = False


# Where people are found: of the sources in their order, every frame with its people, then the end of each source. Pictures and maps
# that are not wanted may be missing (see Step).
Look = Callable[[Sequence[Source], Cut, Wanted], Iterator[Step]]
