"""Grouping: from links between peaks to people, of whom none has two parts of a kind; in numba."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

REDUNDANT = {"equal": 0, "join": 1, "fill": 2, "off": 3}


@lru_cache
def redundant_limbs(limbs: tuple[tuple[int, int], ...], keypoints: int) -> npt.NDArray[np.bool_]:
    """(L,) which limbs join keypoints that the limbs before them join already (shoulder to ear, for one)."""
    group = list(range(keypoints))
    redundant = []
    for a, b in limbs:
        redundant.append(group[a] == group[b])
        group = [group[a] if g == group[b] else g for g in group]
    return np.array(redundant, bool)


@njit(cache=True)
def _root(parent: Ints, member: int) -> int:
    """The representative of a member's group."""
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = parent[member]
    return member


@njit(cache=True)
def _may_join(parts: Ints, a: int, b: int, sizes: Ints, redundant: int) -> bool:
    """Whether two groups may become one person: no part of a kind twice, and the rule for links that are redundant."""
    if (redundant == 1 and sizes[a] == sizes[b] == 1) or (redundant == 2 and (sizes[a] == 1) == (sizes[b] == 1)):
        return False
    return not np.any((parts[a] >= 0) & (parts[b] >= 0))


@njit(cache=True)
def group_links(start: Ints, links: Ints, scores: Floats, order: Ints, rule: Ints) -> tuple[Ints, Floats, Floats]:
    """Join peaks to people along links, in that `order`, each peak to one other at most by each limb.

    `start` (K + 1,) as find_peaks gives it, `links` (E, 3), `scores` (E,), `rule` (L,) numbers of REDUNDANT, 0 for limbs that
    are not. A link between two groups that have a part of a kind in common is left out, and both stay people of their own; so
    nothing is lost where three meet. Returns parts (P, K) int64, rows of the peaks or -1; the sum of the scores of the links of
    each person; and of those of them that joined two groups of several parts.
    """
    keypoints, count = len(start) - 1, start[-1]
    parent, sizes = np.arange(count), np.ones(count, np.int64)
    parts = np.full((count, keypoints), -1, np.int64)
    sums, merges = np.zeros(count, np.float32), np.zeros(count, np.float32)
    taken = np.zeros((len(rule), 2, count), np.bool_)
    for k in range(keypoints):
        for peak in range(start[k], start[k + 1]):
            parts[peak, k] = peak
    for i in order:
        limb, a, b = links[i]
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
            parts[one] = np.maximum(parts[one], parts[two])
    people = parent == np.arange(count)
    return parts[people], sums[people], merges[people]
