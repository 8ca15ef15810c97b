"""Labelled and found frames of a PoseTrack sequence side by side, cleaned as poseval does it: what is to be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.data.posetrack import read_frames
from limbwise.data.posetrack_frame import JOINTS, Floats, LabelledFrame, LabelledPerson, stacked
from limbwise.errors import InputError
from limbwise.metric.posetrack import JudgedFrame

Pair = tuple[LabelledFrame, LabelledFrame]


def judged_frames(truth: Path, found: Path, strict: bool) -> list[JudgedFrame]:
    """The frames of one sequence that count, in order, from its two files.

    Not strict, as poseval: frames belong together by their position, of several videos in a file the first counts, and frames where
    nobody is labelled are left out. Strict: frames belong together by name, in the order of their numbers; a frame without labels is
    left out, unless the file says that it is labelled. Raises InputError that names the file, and the frame or person.
    """
    pair_up = _by_name if strict else _by_position
    pairs = pair_up(_one_video(truth, strict), _one_video(found, strict), found)
    untracked = count(-1, -1)  # found people without ids are each a track of their own
    return [_judged(pair, (truth, found), untracked) for pair in pairs if _counts(pair[0], strict)]


def _one_video(path: Path, strict: bool) -> list[LabelledFrame]:
    _, frames = read_frames(path)
    if strict and len({frame.video for frame in frames}) > 1:
        raise InputError(f"{path}: holds frames of several videos; one video a file is expected")
    return [frame for frame in frames if frame.video == frames[0].video]


def _by_position(truth: list[LabelledFrame], found: list[LabelledFrame], path: Path) -> list[Pair]:
    if len(truth) != len(found):
        raise InputError(f"{path}: {len(found)} frames, but {len(truth)} are labelled")
    names = [[frame.name for frame in frames] for frames in (truth, found)]
    if names[0] != names[1] and len(set(names[0])) == len(names[0]) and set(names[0]) == set(names[1]):
        raise InputError(f"{path}: its frames are in another order than the labels', and poseval would mix them up; "
                         "sort them, or use --mode strict")  # fmt: skip
    return list(zip(truth, found, strict=True))


def _by_name(truth: list[LabelledFrame], found: list[LabelledFrame], path: Path) -> list[Pair]:
    """Pairs by name; by position where the two files have no name in common, as where all frames are called by their video."""
    by_name = {frame.name: frame for frame in found}
    if (
        len(by_name) < len(found)
        or len({frame.name for frame in truth}) < len(truth)
        or not (by_name.keys() & {frame.name for frame in truth} or not found)
    ):
        return _in_order(_by_position(truth, found, path))
    return _in_order([(frame, by_name.get(frame.name, LabelledFrame(frame.name))) for frame in truth])


def _in_order(pairs: list[Pair]) -> list[Pair]:
    """By the numbers of the labelled frames, where every one has its own."""
    numbers = [truth.number for truth, _ in pairs]
    if None in numbers or len(set(numbers)) < len(numbers):
        return pairs
    return sorted(pairs, key=lambda pair: pair[0].number or 0)


def _counts(truth: LabelledFrame, strict: bool) -> bool:
    return bool(truth.people) or (strict and truth.labelled is True)


def _judged(pair: Pair, paths: tuple[Path, Path], untracked: Iterator[int]) -> JudgedFrame:
    sides = [[person for person in frame.people if person.listed] for frame in pair]
    if pair[0].regions:
        sides = [_outside(people, pair[0].regions) for people in sides]
    truth, found = sides
    where = f"{paths[0]}: {pair[0].name}"
    for person in truth:
        if person.id is None or np.isnan(person.head).any():
            raise InputError(f"{where}: a labelled person has no {'track id' if person.id is None else 'head box'}")
    heads = stacked([person.head for person in truth], (4,))
    labelled, points = _points(truth), _points(found)
    return JudgedFrame(
        labelled[..., :2],
        _ids(truth, where, untracked),
        0.6 * np.linalg.norm(heads[:, 2:] - heads[:, :2], axis=1),
        points[..., :2],
        _ids(found, f"{paths[1]}: {pair[1].name}", untracked),
        points[..., 2],
    )


def _points(people: Sequence[LabelledPerson]) -> Floats:
    return stacked([person.points for person in people], (JOINTS, 4))


def _ids(people: Sequence[LabelledPerson], where: str, untracked: Iterator[int]) -> npt.NDArray[np.int64]:
    ids = [next(untracked) if person.id is None or person.id < 0 else person.id for person in people]
    name, times = Counter(ids).most_common(1)[0] if ids else (0, 0)
    if times > 1:
        raise InputError(f"{where}: track id {name} comes {times} times in one frame")
    return np.array(ids, np.int64)


def _outside(people: Sequence[LabelledPerson], regions: Sequence[Floats]) -> list[LabelledPerson]:
    """The people without their keypoints inside a region; those of whom nothing is left are left out."""
    points = _points(people)
    inside = np.zeros(points.shape[:2], np.bool_)
    for region in regions:
        inside |= within(points[..., :2].reshape(-1, 2), region).reshape(inside.shape)
    for person, ignored in zip(people, inside, strict=True):
        person.points[ignored] = np.nan
    return [person for person in people if not np.isnan(person.points[:, 0]).all()]


def within(points: Floats, polygon: Floats) -> npt.NDArray[np.bool_]:
    """(N,) whether points (N, 2) lie in a polygon (M, 2), its border left out; by the even-odd rule. NaN lies nowhere."""
    x, y = points.astype(np.longdouble).T[:, :, None]
    corners = polygon.astype(np.longdouble)
    (ax, ay), (bx, by) = corners.T, np.roll(corners, -1, 0).T
    side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    between = [(np.minimum(a, b) <= z) & (z <= np.maximum(a, b)) for a, b, z in ((ax, bx, x), (ay, by, y))]
    on_edge = (side == 0) & between[0] & between[1]
    crossed = ((ay > y) != (by > y)) & ((side > 0) == (by > ay))
    return np.asarray((crossed.sum(1) % 2 == 1) & ~on_edge.any(1))
