"""LabelledFrame: what a PoseTrack file says of one frame of its video, of either year, nothing lost that poseval looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from limbwise.skeletons import POSETRACK_15

Floats = npt.NDArray[np.float64]
JOINTS = len(POSETRACK_15)


@dataclass
class LabelledPerson:
    """One person of a frame: `points` (15, 4) float64 of x, y, score and visibility on POSETRACK_15, x and y NaN where the file does
    not list a keypoint, score and visibility NaN where it says nothing of them. `head` (4,) xyxy, NaN where there is none; `score` and
    `id` None where there is none. `listed`: whether there is a list of keypoints at all, even an empty one."""

    points: Floats = field(default_factory=lambda: np.full((JOINTS, 4), np.nan))
    head: Floats = field(default_factory=lambda: np.full(4, np.nan))
    score: float | None = None
    id: int | None = None
    listed: bool = True


@dataclass
class LabelledFrame:
    """One frame: `name` of its image, `number` in its video (imgnum of 2017, frame_id of 2018) or None, the name of the `video` that it
    belongs to, its `people`, polygons (M, 2) of `regions` to ignore, and whether it is `labelled` (None where the file does not say).
    Coordinates are float64, as they stand in the file."""

    name: str
    number: int | None = None
    video: str = ""
    people: list[LabelledPerson] = field(default_factory=list)
    regions: list[Floats] = field(default_factory=list)
    labelled: bool | None = None

    @property
    def points(self) -> Floats:
        """(N, 15, 4) float64 of all people."""
        return stacked([person.points for person in self.people], (JOINTS, 4))

    @property
    def heads(self) -> Floats:
        """(N, 4) float64 xyxy."""
        return stacked([person.head for person in self.people], (4,))

    @property
    def ids(self) -> list[int | None]:
        return [person.id for person in self.people]


def stacked(rows: Sequence[Floats], shape: tuple[int, ...]) -> Floats:
    """(N, *shape) also for no rows."""
    return np.array(rows, np.float64).reshape(len(rows), *shape)
