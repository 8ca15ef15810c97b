"""TrackState: all that is known of the people in a stream between two of its frames, and both ways to JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError
from limbwise.fields import read_table
from limbwise.files import whole_file
from limbwise.skeleton import Skeleton
from limbwise.track.groups import groups

VERSION = 1

# A track: its number as begun, its id (-1 on probation), frames in which it was seen and frames since, time in seconds when it was
# last seen, size in pixels, centre and velocity in pixels (a second), and the variances of place and velocity and of both.
PERSON = np.dtype(
    [(name, np.int64) for name in ("number", "id", "hits", "missed")]
    + [(name, np.float64) for name in ("seen", "size", "x", "y", "vx", "vy", "place", "both", "pace")],
    align=True,
)
# A keypoint of a track: whether it was ever seen, its place from the centre and its own velocity with their variances, and what
# the smoothing remembers: place from the centre, speed, and when it was last seen.
JOINT = np.dtype(
    [("known", np.int64)]
    + [
        (name, np.float64) for name in ("x", "y", "vx", "vy", "place", "both", "pace", "sx", "sy", "svx", "svy", "last")
    ],
    align=True,
)
Records = npt.NDArray[np.void]
# All fields are eight bytes wide, so that rows can be copied as plain numbers: numpy is slow with records.
Row = Any  # one record as compiled code sees it: its fields are attributes


@dataclass(frozen=True, eq=False)
class TrackState:
    """All that is known between two frames.

    `time` of the last frame in seconds (minus infinity before the first), `frames` so far, the numbers that the next id and the next
    track get. Of the T tracks: `persons` (T,) PERSON, `joints` (T, K) JOINT, `streaks` (T, G) int64 frames in a row in which each
    group of sides was mended.
    """

    skeleton: Skeleton
    time: float
    frames: int
    next_id: int
    next_number: int
    persons: Records
    joints: Records
    streaks: npt.NDArray[np.int64]

    @classmethod
    def start(cls, skeleton: Skeleton) -> TrackState:
        """Before the first frame."""
        nobody = (
            np.zeros(0, PERSON),
            np.zeros((0, len(skeleton)), JOINT),
            np.zeros((0, len(groups(skeleton))), np.int64),
        )
        return cls(skeleton, -math.inf, 0, 0, 0, *nobody)

    @property
    def given(self) -> dict[int, int]:
        """The ids of tracks that have one, by what people have while they are on probation (see tracker.step)."""
        numbers, ids = self.persons["number"].tolist(), self.persons["id"].tolist()
        return {-2 - number: i for number, i in zip(numbers, ids, strict=True) if i >= 0}


def rows_of(records: Records, which: npt.NDArray[Any]) -> Records:
    """Those rows of PERSON or JOINT records at indices, or where a mask is true; a copy."""
    return _as_records(_as_numbers(records)[which], records)


def joined(records: Records, more: Records) -> Records:
    """The rows of both, one after the other."""
    return _as_records(np.concatenate([_as_numbers(records), _as_numbers(more)]), records)


def _as_numbers(records: Records) -> npt.NDArray[np.int64]:
    """(..., fields) the same memory as plain numbers."""
    return records.view(np.int64).reshape(*records.shape, len(records.dtype.names or ()))


def _as_records(numbers: npt.NDArray[np.int64], like: Records) -> Records:
    records: Records = np.ascontiguousarray(numbers).view(like.dtype)[..., 0]
    return records


def to_plain(state: TrackState) -> dict[str, Any]:
    """The state as JSON holds it, numbers to the last bit."""
    return {
        "limbwise_tracks": VERSION, "keypoints": list(state.skeleton.keypoints),
        "time": state.time if math.isfinite(state.time) else None, "frames": state.frames,
        "next_id": state.next_id, "next_number": state.next_number,
        "persons": [list(person) for person in state.persons.tolist()],
        "joints": [[list(joint) for joint in person] for person in state.joints.tolist()],
        "streaks": state.streaks.tolist(),
    }  # fmt: skip


def from_plain(plain: dict[str, Any], skeleton: Skeleton) -> TrackState:
    """The state that `to_plain` made of a stream of that skeleton; raises ValueError that says what is wrong with it."""
    if plain.get("limbwise_tracks") != VERSION:
        raise ValueError("not tracks of this version of limbwise")
    if plain.get("keypoints") != list(skeleton.keypoints):
        raise ValueError(f"its keypoints are not those of {skeleton.name}")
    try:
        count = len(plain["persons"])
        persons = np.array([tuple(person) for person in plain["persons"]], PERSON).reshape(count)
        joints = np.array([[tuple(joint) for joint in person] for person in plain["joints"]], JOINT)
        joints = joints.reshape(count, len(skeleton))
        streaks = np.array(plain["streaks"], np.int64).reshape(count, len(groups(skeleton)))
        time = -math.inf if plain["time"] is None else float(plain["time"])
        numbers = [int(plain[name]) for name in ("frames", "next_id", "next_number")]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"damaged ({type(error).__name__}: {error})") from error
    floats = [
        table[name] for table in (persons, joints) for name in table.dtype.names or () if table.dtype[name].kind == "f"
    ]
    if math.isnan(time) or not all(np.isfinite(values).all() for values in floats):
        raise ValueError("damaged (numbers that are not finite)")
    if count and (persons["id"].max() >= numbers[1] or persons["number"].max() >= numbers[2]):
        raise ValueError("damaged (ids that were not given yet)")
    return TrackState(skeleton, time, numbers[0], numbers[1], numbers[2], persons, joints, streaks)


def write_state(state: TrackState, path: str | Path) -> None:
    """Keep a state in a JSON file; raises LimbwiseError where the disk says no."""
    with whole_file(path) as part:
        part.write_text(json.dumps(to_plain(state), separators=(",", ":"), allow_nan=False) + "\n", encoding="ascii")


def read_state(path: str | Path, skeleton: Skeleton) -> TrackState:
    """The state that `write_state` kept of a stream of that skeleton; raises InputError that names the file."""
    try:
        return from_plain(read_table(path), skeleton)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
