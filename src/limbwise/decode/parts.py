"""Parts: detections of keypoints in DeeperCut's maps, by non-maximum suppression among cells or among the joints that they point to.

The published code suppresses cells within 5 cells of a better one, and two people's joints that lie nearer become one. The cells of
a disc all point to its joint, though: suppressed by where they point, joints a few pixels apart stay two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Parts:
    """M detections of one image, those of keypoint k in rows start[k]:start[k + 1], the most probable first.

    `xy` (M, 2): where the joint is; `scores` (M,) probabilities; `origin` (M, 2): from where its vectors are seen; `toward`
    (M, K, 2): where it takes the person's other joints to be. All float32, network-input pixels; `start` (K + 1,) int64.
    """

    xy: Floats
    scores: Floats
    origin: Floats
    toward: Floats
    start: Ints

    @property
    def kinds(self) -> Ints:
        """(M,) the keypoint of each."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def candidates(self) -> list[Floats]:
        """Of each keypoint (M, 3) x, y and probability."""
        rows = np.column_stack([self.xy, self.scores])
        return np.split(rows, self.start[1:-1])


def find_parts(
    maps: dict[str, Floats], spec: ModelSpec, least: float, radius: float, by_joint: bool, average: bool, most: int
) -> Parts:
    """Parts of at least probability `least`, at most `most` of a keypoint, from the maps of a spec's heads in our units.

    The best cell first, and with it go those within `radius` input pixels: of its centre, or (`by_joint`) whose joints are that
    near to its own. `average`: the joint and its vectors are means over those cells, weighted by probability. Without pairwise
    maps `toward` is NaN. What is not a number is a probability of 0. Raises ValueError for wrong shapes.
    """
    logits, offsets, vectors = (_checked(maps, name, spec) for name in ("part_logits", "offsets", "pairwise"))
    frame = spec.heads["part_logits"].frame(logits.shape)
    return Parts(*_find(logits, offsets, vectors, frame, float(least), float(radius), by_joint, average, most))


def _checked(maps: dict[str, Floats], name: str, spec: ModelSpec) -> Floats:
    """One head's maps, contiguous and of the right shape; none where there is no pairwise head."""
    count, grid = len(spec.skeleton), np.shape(maps["part_logits"])[1:]
    if name not in maps:
        return np.zeros((0, *grid), np.float32)
    channels = {"part_logits": count, "offsets": 2 * count, "pairwise": 2 * count * (count - 1)}[name]
    if len(grid) != 2 or np.shape(maps[name]) != (channels, *grid):
        raise ValueError(
            f"{name}: expected shape ({channels}, h, w) for {spec.skeleton.name}, got {np.shape(maps[name])}"
        )
    return np.ascontiguousarray(maps[name], np.float32)


@compiled
def _candidates(logits: Floats, offsets: Floats, frame: Doubles, least: float) -> Floats:
    """(C, 7) of one keypoint, the most probable first: row, column, probability, centre x, y and joint x, y of its probable cells."""
    height, width = logits.shape
    edge = -np.inf if least <= 0 else (np.inf if least >= 1 else np.log(least / (1 - least)))
    count = 0
    for i in range(height):
        for j in range(width):
            count += logits[i, j] >= edge
    rows = np.empty((count, 7), np.float32)
    count = 0
    for i in range(height):
        for j in range(width):
            if logits[i, j] >= edge:
                x, y = frame[0, 0] * j + frame[0, 2], frame[1, 1] * i + frame[1, 2]
                jx, jy = x + offsets[0, i, j], y + offsets[1, i, j]
                if not (np.isfinite(jx) and np.isfinite(jy)):
                    jx, jy = x, y
                rows[count] = np.array([i, j, 1 / (1 + np.exp(-np.float64(logits[i, j]))), x, y, jx, jy])
                count += 1
    return rows[np.argsort(-rows[:, 2], kind="mergesort")]


@compiled
def _find(
    logits: Floats, offsets: Floats, vectors: Floats, frame: Doubles, least: float, radius: float, by_joint: bool,
    average: bool, most: int,
) -> tuple[Floats, Floats, Floats, Floats, Ints]:  # fmt: skip
    """The arrays of Parts."""
    kinds = len(logits)
    start = np.zeros(kinds + 1, np.int64)
    xy, origin = np.empty((kinds * most, 2), np.float32), np.empty((kinds * most, 2), np.float32)
    scores = np.empty(kinds * most, np.float32)
    toward = np.full((kinds * most if len(vectors) else 0, kinds, 2), np.nan, np.float32)
    for k in range(kinds):
        rows = _candidates(logits[k], offsets[2 * k : 2 * k + 2], frame, least)
        free = np.ones(len(rows), np.bool_)
        place = 5 if by_joint else 3
        end = start[k]
        for first in range(len(rows)):
            if not free[first]:
                continue
            if end - start[k] == most:
                break
            weight = np.float32(0)
            xy[end], origin[end], scores[end] = 0, 0, rows[first, 2]
            if len(vectors):
                toward[end] = 0
            for other in range(first, len(rows)):
                dx, dy = rows[other, place] - rows[first, place], rows[other, place + 1] - rows[first, place + 1]
                if not free[other] or dx * dx + dy * dy > radius * radius * (1 + 1e-6):
                    continue
                free[other] = False
                if average or other == first:
                    p = rows[other, 2]
                    weight += p
                    xy[end] += p * rows[other, 5:7]
                    origin[end] += p * rows[other, 3:5]
                    if len(vectors):
                        _see(toward[end], vectors, k, rows[other])
            xy[end] /= weight
            origin[end] /= weight
            if len(vectors):
                toward[end] /= weight
            end += 1
        start[k + 1] = end
    count = start[kinds]
    if not len(vectors):
        toward = np.full((count, kinds, 2), np.nan, np.float32)
    return xy[:count].copy(), scores[:count].copy(), origin[:count].copy(), toward[:count].copy(), start


@compiled
def _see(toward: Floats, vectors: Floats, k: int, row: Floats) -> None:
    """Add where one cell of joint k takes the other joints to be, times its probability."""
    i, j, others = int(row[0]), int(row[1]), len(toward) - 1
    for b in range(len(toward)):
        if b != k:
            pair = others * k + b - (k < b)
            toward[b, 0] += row[2] * (row[3] + vectors[2 * pair, i, j])
            toward[b, 1] += row[2] * (row[4] + vectors[2 * pair + 1, i, j])
