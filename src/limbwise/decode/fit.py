"""A person's keypoints chosen together: each where its peak and the limbs to all others agree best, left and right apart.

Links are followed one by one, and the first that joins two peaks is never looked at again. Here a person is a graph of limbs
(pictorial structures, Felzenszwalb and Huttenlocher 2005) that is climbed keypoint by keypoint from what there is, until none gains
(iterated conditional modes, Besag 1986).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.skeleton import Skeleton

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Graph = tuple[Ints, Ints, Floats, Ints]  # where the links of each peak begin, links, their scores, limbs

SIDES = 0.1  # what it costs that left and right are at one place,
APART = 8.0  # and how many pixels of the network's input further on it costs three fifths of that
REACH = 0.3  # keypoints are sought so far around a person's box, as a share of its longer side, and APART further
MOST = 6  # of the peaks of a keypoint there, the highest
ROUNDS = 10  # nearly always more than it takes


def fit_people(
    parts: Ints, peaks: Floats, start: Ints, links: Ints, scores: Floats, limbs: Ints, skeleton: Skeleton, limb_weight: float
) -> Ints:  # fmt: skip
    """`parts` (P, K), rows of `peaks` or -1, chosen again for one person after the other, best first, among peaks that nobody else has.

    `peaks` (M, 3) x, y in pixels of the network's input and height; those of keypoint k in rows start[k]:start[k + 1], the highest
    first; `links` (E, 3) limb, peak, peak and their `scores` (E,), sorted by limb and first peak, as score_limbs gives them;
    `limb_weight`: what a link of score 1 counts against a peak of height 1. What is missing is added; nothing is taken away. No
    peak is taken to which no link leads from the person.
    """
    return _fit(parts, peaks, start, links, scores, limbs, skeleton.flip.astype(np.int64), limb_weight)


@compiled
def _fit(
    parts: Ints, peaks: Floats, start: Ints, links: Ints, scores: Floats, limbs: Ints, flip: Ints, weight: float
) -> Ints:  # fmt: skip
    """fit_people; `flip` (K,) the other side of each keypoint, itself where it has none."""
    graph = (_first_links(links, len(limbs), len(peaks)), links, scores, limbs)
    found, free = parts.copy(), np.ones(len(peaks), np.bool_)
    for row in found:
        _mark(row, free, False)
    for row in found:
        _mark(row, free, True)
        _climb(row, free & _near(row, peaks), peaks, start, graph, flip, weight)
        _mark(row, free, False)
    return found


@compiled
def _climb(row: Ints, allowed: Flags, peaks: Floats, start: Ints, graph: Graph, flip: Ints, weight: float) -> None:
    """Give one keypoint of a person after the other its best peak of those `allowed`, until none changes."""
    for _ in range(ROUNDS):
        changed = False
        for k in range(len(row)):
            best = _best(k, row, allowed, peaks, start, graph, flip, weight)
            changed |= best != row[k]
            row[k] = best
        if not changed:
            break


@compiled
def _first_links(links: Ints, limbs: int, peaks: int) -> Ints:
    """Where the links of limb l from peak a begin: at l * peaks + a; they end where the next begin."""
    first = np.zeros(limbs * peaks + 1, np.int64)
    for i in range(len(links)):
        first[links[i, 0] * peaks + links[i, 1] + 1] += 1
    return np.cumsum(first)


@compiled
def _mark(row: Ints, free: Flags, value: bool) -> None:
    """A person's peaks as free or not."""
    for peak in row:
        if peak >= 0:
            free[peak] = value


@compiled
def _near(row: Ints, peaks: Floats) -> Flags:
    """(M,) which peaks are in the reach of a person."""
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for peak in row:
        if peak >= 0:
            x, y = peaks[peak, 0], peaks[peak, 1]
            left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
    reach = REACH * max(right - left, bottom - top) + APART
    x, y = peaks[:, 0], peaks[:, 1]
    return (x >= left - reach) & (x <= right + reach) & (y >= top - reach) & (y <= bottom + reach)


@compiled
def _best(
    k: int, row: Ints, allowed: Flags, peaks: Floats, start: Ints, graph: Graph, flip: Ints, weight: float
) -> int:  # fmt: skip
    """The peak of keypoint k that goes best with the person's others; what it has where none with a link is better."""
    best, most, seen = row[k], -np.inf, 0
    for peak in range(start[k], start[k + 1]):
        if not allowed[peak] or (seen == MOST and peak != row[k]):
            continue
        seen += 1
        links_to = _links_to(k, peak, row, len(peaks), graph)
        value = peaks[peak, 2] + weight * links_to - _same_place(peak, row[flip[k]] if flip[k] != k else -1, peaks)
        if value > most and (peak == row[k] or links_to > 0):
            best, most = peak, value
    return int(best)


@compiled
def _links_to(k: int, peak: int, row: Ints, peaks: int, graph: Graph) -> float:
    """The sum of the scores of the links between a peak, as keypoint k, and a person's other keypoints."""
    (first, links, scores, limbs), total = graph, 0.0
    for limb in range(len(limbs)):
        if limbs[limb, 0] == k:
            a, b = peak, row[limbs[limb, 1]]
        elif limbs[limb, 1] == k:
            a, b = row[limbs[limb, 0]], peak
        else:
            continue
        if a >= 0 and b >= 0:
            for i in range(first[limb * peaks + a], first[limb * peaks + a + 1]):
                if links[i, 2] == b:
                    total += scores[i]
    return total


@compiled
def _same_place(peak: int, other: int, peaks: Floats) -> float:
    """What it costs that a peak is where the keypoint of the other side is; -1 for none."""
    if other < 0:
        return 0.0
    x, y = peaks[peak, 0] - peaks[other, 0], peaks[peak, 1] - peaks[other, 1]
    return SIDES * math.exp(-(x * x + y * y) / (2 * APART * APART))
