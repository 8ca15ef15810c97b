"""Who is who: how well each person that was found fits each track, and the pairs that fit best together under a gate.

The fit is made of three: OKS against where the keypoints should be, how likely the person's move is (Mahalanobis distance of the
common shift), and the overlap of the boxes, each over the keypoints that both have. The OKS is wider where a track is less sure,
and is taken after the part of the shift that the track would believe, so that it says how alike the poses are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from limbwise.compiled import compiled
from limbwise.track.motion import CENTRE_NOISE, common_shift
from limbwise.track.state import Records, Row

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

FEWEST = 3  # a similarity over fewer keypoints than these is lowered in proportion
MARGIN = 0.1  # of a person's size, around the boxes


@dataclass(frozen=True)
class Weights:
    """How much each part of the fit says, in sum 1; `reach`: standard deviations that a person may be off its way."""

    oks: float = 0.5
    motion: float = 0.25
    box: float = 0.25
    reach: float = 4.0


def costs(persons: Records, joints: Records, xy: Floats, scores: Floats, sigmas: Floats, weights: Weights) -> Floats:
    """(T, N) from 0, fits perfectly, to 1; infinite beyond the gate and where no keypoint is shared.

    `persons` (T,), `joints` (T, K): tracks, carried on to the time of the N people `xy` (N, K, 2), NaN where a keypoint is missing,
    `scores` (N, K); `sigmas` (K,) are OKS's.
    """
    return np.asarray(
        _costs(persons, joints, xy, scores, sigmas, weights.oks, weights.motion, weights.box, weights.reach)
    )


@compiled
def _costs(
    persons: Records, joints: Records, xy: Floats, scores: Floats, sigmas: Floats,
    for_oks: float, for_motion: float, for_box: float, reach: float,
) -> Floats:  # fmt: skip
    cost = np.full((len(persons), len(xy)), np.inf)
    for t in range(len(persons)):
        person = persons[t]
        for n in range(len(xy)):
            weight, x, y = common_shift(person, joints[t], xy[n], scores[n], sigmas)
            if weight == 0:
                continue
            surprise = person.place + (CENTRE_NOISE * person.size) ** 2 + 1 / weight
            off = (x * x + y * y) / surprise
            if off <= reach * reach:
                share = person.place / surprise
                alike = _oks(person, joints[t], xy[n], scores[n], sigmas, share * x, share * y)
                fit = for_oks * alike + for_motion * math.exp(-off / 4) + for_box * _overlap(person, joints[t], xy[n])
                cost[t, n] = 1 - fit
    return cost


@compiled
def _oks(person: Row, joints: Records, xy: Floats, scores: Floats, sigmas: Floats, x: float, y: float) -> float:
    """Mean similarity of the keypoints that both have, the track moved by x, y; as COCO's, whose deviation is twice the sigma, but
    wider by the track's own uncertainty."""
    alike, shared = 0.0, 0
    for k in range(len(xy)):
        joint = joints[k]
        if joint.known and not math.isnan(xy[k, 0]):
            dx, dy = xy[k, 0] - person.x - joint.x - x, xy[k, 1] - person.y - joint.y - y
            alike += math.exp(-(dx * dx + dy * dy) / (2 * ((2 * sigmas[k] * person.size) ** 2 + joint.place)))
            shared += 1
    return alike / max(shared, FEWEST)


@compiled
def _overlap(person: Row, joints: Records, xy: Floats) -> float:
    """Intersection over union of the boxes around the keypoints that both have, with a margin."""
    low, high = np.full(4, np.inf), np.full(4, -np.inf)  # x and y of the track, x and y of who was found
    for k in range(len(xy)):
        joint = joints[k]
        if joint.known and not math.isnan(xy[k, 0]):
            for i, value in enumerate((person.x + joint.x, person.y + joint.y, xy[k, 0], xy[k, 1])):
                low[i], high[i] = min(low[i], value), max(high[i], value)
    margin = MARGIN * person.size
    sides = high - low + margin
    inner = 1.0
    for a in range(2):
        inner *= max(min(high[a], high[a + 2]) - max(low[a], low[a + 2]) + margin, 0.0)
    return float(inner / (sides[0] * sides[1] + sides[2] * sides[3] - inner))


def match(cost: Floats, limit: float) -> tuple[Index, Index]:
    """Rows and columns of pairs, each once, that cost least together; a pair that costs `limit` or more is none.

    Hungarian method; two that stay alone cost `limit`, so that nobody is given away to make room for a bad pair.
    """
    if cost.size == 0:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    tracks, people = linear_sum_assignment(np.minimum(cost, limit))
    good = cost[tracks, people] < limit
    return tracks[good], people[good]
