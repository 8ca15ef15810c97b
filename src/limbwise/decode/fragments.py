"""Fragments: pieces of people that no limb joins, since a joint between them is hidden or out of the picture.

Two pieces become one person where a typical body, moved, scaled and mirrored, fits both of them together about as well as each
of them alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.grouping import share_a_kind, take_over
from limbwise.skeleton import Skeleton, place

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Moments = npt.NDArray[np.float64]

# x to the person's left (as seen from the front), y down, and variance, in a unit of about half a torso: medians of 40,000 people
# of COCO train2017 with ten keypoints or more, moved and scaled onto each other; parts that COCO lacks are placed beside those.
TYPICAL_BODY = {
    "nose": (0.0, -2.17, 0.14), "eye": (0.08, -2.26, 0.13), "ear": (0.21, -2.23, 0.12), "head_top": (0.0, -2.6, 0.15),
    "neck": (0.0, -1.77, 0.11), "thorax": (0.0, -1.7, 0.11), "shoulder": (0.36, -1.77, 0.13), "elbow": (0.55, -1.17, 0.2),
    "wrist": (0.46, -0.97, 0.4), "chest": (0.0, -1.2, 0.12), "mid_hip": (0.0, -0.57, 0.19), "hip": (0.24, -0.57, 0.19),
    "knee": (0.26, 0.29, 0.35), "ankle": (0.25, 1.16, 0.48), "heel": (0.25, 1.2, 0.5), "big_toe": (0.28, 1.3, 0.5),
    "small_toe": (0.33, 1.28, 0.5),
}  # fmt: skip
MOST = 256  # fragments of an image that are looked at, the largest; bounds the time on noise


@lru_cache
def typical_body(skeleton: Skeleton) -> Floats:
    """(K, 3) float32 typical x, y and weight (1 / variance) of each keypoint, by its name; weight 0 where none is known."""
    body = np.zeros((len(skeleton), 3), np.float32)
    for row, name in zip(body, skeleton.keypoints, strict=True):
        part = place(name)
        side = 1 if part.startswith("left_") else -1
        if (part := part.removeprefix("left_").removeprefix("right_")) in TYPICAL_BODY:
            x, y, variance = TYPICAL_BODY[part]
            row[:] = side * x, y, 1 / variance
    return body


@compiled
def _misfit(s: npt.NDArray[np.float64]) -> float:
    """The least sum of squared distances, in standard deviations, between parts and the typical body seen from either side."""
    spread = s[7] - (s[1] * s[1] + s[2] * s[2]) / s[0]
    size = s[8] - (s[3] * s[3] + s[4] * s[4]) / s[0]
    across, down = s[5] - s[1] * s[3] / s[0], s[6] - s[2] * s[4] / s[0]
    both = abs(across) + down  # mirrored, the part across changes its sign; the better side is taken
    return float(spread - both * both / size) if both > 0 and size > 1e-6 else float(spread)


@compiled
def _nearest(i: int, parts: Ints, moments: Moments, alive: npt.NDArray[np.bool_]) -> tuple[int, float]:
    """The fragment that goes best with fragment i, and how much worse both fit together than each alone; -1 for none."""
    best, least, both = -1, np.inf, np.empty(9)
    for j in range(len(parts)):
        if j == i or not alive[j] or share_a_kind(parts, i, j):
            continue
        for m in range(9):
            both[m] = moments[i, m] + moments[j, m]
        # Rounded: any two points fit a body exactly, and of equals the first shall win, not chance in the last bit.
        cost = round(1e6 * (_misfit(both) - _misfit(moments[i]) - _misfit(moments[j])))
        if cost < least:
            best, least = j, cost
    return best, 1e-6 * least


@compiled
def _join(parts: Ints, moments: Moments, alive: npt.NDArray[np.bool_], limit: float) -> Ints:
    """join_fragments, on what it has prepared; all arrays but `limit` are used up."""
    count = len(parts)
    into, partner, cost = np.arange(count), np.zeros(count, np.int64), np.full(count, np.inf)
    for i in range(count):
        if alive[i]:
            partner[i], cost[i] = _nearest(i, parts, moments, alive)
    while count > 0:
        i = int(np.argmin(cost))
        j = partner[i]
        if not cost[i] < limit:
            break
        take_over(parts, i, j)
        for m in range(9):
            moments[i, m] += moments[j, m]
        alive[j], cost[j] = False, np.inf
        for k in range(count):
            if into[k] == j:
                into[k] = i
            if alive[k] and (k == i or partner[k] == i or partner[k] == j):
                partner[k], cost[k] = _nearest(k, parts, moments, alive)
    return into


@compiled
def _moments(parts: Ints, peaks: Floats, body: Floats) -> Moments:
    """(P, 9) weighted sums over each fragment's parts from which its fit follows; those of two add up to those of both."""
    moments = np.zeros((len(parts), 9))
    for i in range(len(parts)):
        sums = moments[i]
        for k in range(parts.shape[1]):
            if parts[i, k] < 0:
                continue
            x, y, weight = np.float64(body[k, 0]), np.float64(body[k, 1]), np.float64(body[k, 2])
            p, q = np.float64(peaks[parts[i, k], 0]), np.float64(peaks[parts[i, k], 1])
            sums[0] += weight
            sums[1] += weight * x
            sums[2] += weight * y
            sums[3] += weight * p
            sums[4] += weight * q
            sums[5] += weight * x * p
            sums[6] += weight * y * q
            sums[7] += weight * (x * x + y * y)
            sums[8] += weight * (p * p + q * q)
    return moments


def join_fragments(parts: Ints, peaks: Floats, body: Floats, limit: float) -> Ints:
    """(P,) for each fragment the index of the fragment it becomes part of, itself for most.

    `parts` (P, K) rows of `peaks` or -1, `peaks` (M, 3) x, y, score in any unit of length, `body` (K, 3) as typical_body gives it.
    The best pair is joined first, and so on while the fit loses less than `limit` (squared standard deviations); never two
    fragments with a part of a kind in common.
    """
    if len(parts) < 2:
        return np.arange(len(parts))
    moments = _moments(parts, peaks, body)
    alive = moments[:, 0] > 0
    if len(parts) > MOST:
        alive[np.argsort(-(parts >= 0).sum(1) * alive, kind="stable")[MOST:]] = False
    into: Ints = _join(parts.copy(), moments, alive, limit)
    return into


@compiled
def gather(into: Ints, parts: Ints, sums: Floats, merges: Floats) -> tuple[Ints, Floats, Floats]:
    """Fragments brought together, `into` (P,) as join_fragments gives it: their parts (Q, K), and what they have of two sums (P,)."""
    whole = np.ones(len(into), np.bool_)
    for i in range(len(into)):
        if into[i] != i:
            take_over(parts, into[i], i)
            sums[into[i]] += sums[i]
            merges[into[i]] += merges[i]
            whole[i] = False
    return parts[whole], sums[whole], merges[whole]
