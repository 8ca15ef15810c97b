"""Grouping: from links between peaks to people, of whom none has two parts of a kind; in numba."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

REDUNDANT = {"equal": 0, "join": 1, "fill": 2, "off": 3}


@lru_cache
def redundant_limbs(limbs: tuple[tuple[int, int], ...], keypoints: int) -> Flags:
    """(L,) which limbs join keypoints that the limbs before them join already (shoulder to ear, for one)."""
    group = list(range(keypoints))
    redundant = []
    for a, b in limbs:
        redundant.append(group[a] == group[b])
        group = [group[a] if g == group[b] else g for g in group]
    return np.array(redundant, bool)


def order_links(links: Ints, scores: Floats, heights: Floats, strong: float, redundant: Flags, by_limb: bool) -> Ints:
    """(E,) in which order links are followed: best first, or limb by limb (`by_limb`); those with a peak not above `strong` last, and
    before them those of `redundant` (L,) limbs.

    `links` (E, 3) limb, peak, peak and their `scores` (E,); `heights` (M,) of peaks. A link is as good as its score times the square
    root of the mean height (the geometric one) of its peaks; limb by limb as its score alone.
    """
    return np.lexsort(_turns(links, scores, heights, strong, redundant, by_limb))


@compiled
def _turns(
    links: Ints, scores: Floats, heights: Floats, strong: float, redundant: Flags, by_limb: bool
) -> tuple[Floats, Ints]:
    """What order_links sorts by, both rising: how good links are, with the sign changed, and before that which are for later."""
    bad, later = np.empty(len(links), np.float32), np.empty(len(links), np.int64)
    for i in range(len(links)):
        limb, a, b = links[i, 0], links[i, 1], links[i, 2]
        mean = math.sqrt(max(heights[a], 0) * max(heights[b], 0))
        bad[i] = -scores[i] * (1 if by_limb else math.sqrt(mean))
        later[i] = limb if by_limb else redundant[limb]
        if min(heights[a], heights[b]) <= strong:
            later[i] += len(redundant) + 1
    return bad, later


@compiled
def _root(parent: Ints, member: int) -> int:
    """The representative of a member's group."""
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = parent[member]
    return member


@compiled
def share_a_kind(parts: Ints, a: int, b: int) -> bool:
    """Whether rows a and b of `parts` (P, K) both have some part."""
    for k in range(parts.shape[1]):  # noqa: SIM110  # numba does not know all()
        if parts[a, k] >= 0 and parts[b, k] >= 0:
            return True
    return False


@compiled
def take_over(parts: Ints, one: int, two: int) -> None:
    """Give row `one` of `parts` what row `two` has."""
    for k in range(parts.shape[1]):
        parts[one, k] = max(parts[one, k], parts[two, k])


@compiled
def _may_join(parts: Ints, a: int, b: int, sizes: Ints, redundant: int) -> bool:
    """Whether two groups may become one person: no part of a kind twice, and the rule for links that are redundant."""
    if (redundant == 1 and sizes[a] == sizes[b] == 1) or (redundant == 2 and (sizes[a] == 1) == (sizes[b] == 1)):
        return False
    return not share_a_kind(parts, a, b)


@compiled
def _follow(start: Ints, links: Ints, scores: Floats, order: Ints, rule: Ints) -> tuple[Ints, Floats, Floats, Ints]:
    """group_links without its last step: rows for all peaks, and for each the one that it has gone into."""
    keypoints, count = len(start) - 1, start[-1]
    parent, sizes = np.arange(count), np.ones(count, np.int64)
    parts = np.empty((count, keypoints), np.int64)
    sums, merges = np.zeros(count, np.float32), np.zeros(count, np.float32)
    taken = np.zeros((len(rule), 2, count), np.bool_)
    for k in range(keypoints):
        for peak in range(count):
            parts[peak, k] = peak if start[k] <= peak < start[k + 1] else -1
    for i in order:
        limb, a, b = links[i, 0], links[i, 1], links[i, 2]
        if rule[limb] == 3 or taken[limb, 0, a] or taken[limb, 1, b]:
            continue
        one, two = _root(parent, a), _root(parent, b)
        if one == two:
            taken[limb, 0, a] = taken[limb, 1, b] = True
            sums[one] += scores[i]
        elif _may_join(parts, one, two, sizes, rule[limb]):
            taken[limb, 0, a] = taken[limb, 1, b] = True
            if sizes[one] > 1 and sizes[two] > 1:
                merges[one] += scores[i]
            parent[two] = one
            sums[one] += sums[two] + scores[i]
            merges[one] += merges[two]
            sizes[one] += sizes[two]
            take_over(parts, one, two)
    return parts, sums, merges, parent


def group_links(
    start: Ints, links: Ints, scores: Floats, order: Ints, rule: Ints, heights: Floats, strong: float
) -> tuple[Ints, Floats, Floats]:
    """Join peaks to people along links, in that `order`, each peak to one other at most by each limb.

    `start` (K + 1,) as find_peaks gives it, `links` (E, 3), `scores` (E,), `rule` (L,) numbers of REDUNDANT, 0 for limbs that
    are not; people none of whose peaks, of `heights` (M,), is above `strong` are left out. A link between two groups that have a part
    of a kind in common is left out, and both stay people of their own; so nothing is lost where three meet. Returns parts (P, K)
    int64, rows of the peaks or -1; the sum of the scores of the links of each person; and of those of them that joined two groups of
    several parts.
    """
    return _whole(*_follow(start, links, scores, order, rule), heights, strong)


@compiled
def _whole(
    parts: Ints, sums: Floats, merges: Floats, parent: Ints, heights: Floats, strong: float
) -> tuple[Ints, Floats, Floats]:
    """Of what _follow gives the rows that have not gone into others and have a peak above `strong`."""
    people = np.zeros(len(parts), np.bool_)
    for i in range(len(parts)):
        for peak in parts[i]:
            people[i] |= parent[i] == i and peak >= 0 and heights[peak] > strong
    return parts[people], sums[people], merges[people]


@compiled
def lay_out(parts: Ints, peaks: Floats) -> tuple[Floats, Floats, Floats]:
    """People of rows of peaks: `parts` (P, K) rows of `peaks` (M, 3) x, y, score, or -1.

    Returns xy (P, K, 2) float32, NaN where missing; scores (P, K), 0 there; and sizes (P,), the square roots of the areas of their boxes,
    made a pixel larger so that none is 0.
    """
    count, keypoints = parts.shape
    xy, scores = np.full((count, keypoints, 2), np.float32(np.nan)), np.zeros((count, keypoints), np.float32)
    sizes = np.ones(count, np.float32)
    for i in range(count):
        left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
        for k in range(keypoints):
            row = parts[i, k]
            if row >= 0:
                x, y = peaks[row, 0], peaks[row, 1]
                xy[i, k, 0], xy[i, k, 1], scores[i, k] = x, y, peaks[row, 2]
                left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
        if right >= left:
            sizes[i] = np.sqrt((right - left) * (bottom - top) + 1)
    return xy, scores, sizes
