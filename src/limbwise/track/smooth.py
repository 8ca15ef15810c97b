"""Jitter taken out of keypoints: the One-Euro filter (Casiez, Roussel and Vogel, CHI 2012), which knows missing and weak keypoints.

Slow movement is smoothed much, fast movement little. Keypoints are filtered as seen from the person's centre, so that walking
costs no lag; speeds are in sizes of the person, so that near and far people move alike; times are numbers, in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.track.state import Records

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

FORGOTTEN = 0.5  # seconds after which a keypoint that comes back begins anew


@dataclass(frozen=True)
class OneEuro:
    """Cut-off frequencies in Hz: `cutoff` at rest, `beta` more for each size of the person a second, `speed_cutoff` for the speed."""

    cutoff: float = 2.0
    beta: float = 4.0
    speed_cutoff: float = 2.0


def smooth(
    persons: Records, joints: Records, owner: Index, xy: Floats, scores: Floats, time: float, filter: OneEuro
) -> None:
    """People `xy` (N, K, 2), NaN where missing, seen at `time` (seconds), smoothed in place; missing stays missing.

    `persons` (T,) and `joints` (T, K) are tracks, which take note in place; `owner` (N,) says whose each is, -1: stays as it is.
    Keypoints with low `scores` (N, K) move the result less.
    """
    _smooth(persons, joints, owner, xy, scores, time, filter.cutoff, filter.beta, filter.speed_cutoff)


@compiled
def _smooth(
    persons: Records, joints: Records, owner: Index, xy: Floats, scores: Floats, time: float,
    cutoff: float, beta: float, speed_cutoff: float,
) -> None:  # fmt: skip
    for n in range(len(owner)):
        t = owner[n]
        if t < 0:
            continue
        person = persons[t]
        for k in range(xy.shape[1]):
            if math.isnan(xy[n, k, 0]):
                continue
            joint, x, y = joints[t, k], xy[n, k, 0] - person.x, xy[n, k, 1] - person.y
            since = time - joint.last
            if 0 < since <= FORGOTTEN:
                share = _share(speed_cutoff, since)
                joint.svx += share * ((x - joint.sx) / since - joint.svx)
                joint.svy += share * ((y - joint.sy) / since - joint.svy)
                speed = math.sqrt(joint.svx**2 + joint.svy**2) / person.size
                trust = min(max(2 * scores[n, k], 0.2), 1.0)
                share = _share(trust * (cutoff + beta * speed), since)
                joint.sx += share * (x - joint.sx)
                joint.sy += share * (y - joint.sy)
            else:
                joint.sx, joint.sy, joint.svx, joint.svy = x, y, 0.0, 0.0
            joint.last = time
            xy[n, k, 0], xy[n, k, 1] = person.x + joint.sx, person.y + joint.sy


@compiled
def _share(cutoff: float, seconds: float) -> float:
    """How much of a new value a low pass of that cut-off takes after a time."""
    turn = 2 * math.pi * cutoff * seconds
    return turn / (turn + 1)
