"""Rank: what people score, which of them are kept, and who comes first."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.grouping import lay_out

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SCORES = {"sum": 0, "mean": 1, "by_parts": 2, "peaks": 3}


def rank_people(
    parts: Ints, sums: Floats, merges: Floats, peaks: Floats, kind: int, merges_count: bool, size_weight: float,
    side: int, fewest: int, least: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """Those of people `parts` (P, K), rows of `peaks` (M, 3) x, y, height or -1, that are kept, and their scores, best first.

    `sums` (P,) of the scores of their links and `merges` (P,) of those that joined groups, as group_links gives both. Kept are people of
    `fewest` parts and a mean of `least` of peaks and links per part, where `merges_count` as parts too if so told. `kind`: a
    number of SCORES, how a score is made; `size_weight` times the logarithm of the root of a person's box, as a share of `side`, is added.
    """
    _, heights, sizes = lay_out(parts, peaks)
    return _ranked(parts, sums, merges, heights, sizes, kind, merges_count, size_weight, side, fewest, least)


@compiled
def _ranked(
    parts: Ints, sums: Floats, merges: Floats, heights: Floats, sizes: Floats, kind: int, merges_count: bool,
    size_weight: float, side: int, fewest: int, least: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """rank_people with `heights` (P, K) of parts and `sizes` (P,) of people. Sorted by insertion: people are few, and numba's own sorts
    take seconds to compile."""
    best, scores, count = np.empty(len(parts), np.int64), np.empty(len(parts), np.float32), 0
    for i in range(len(parts)):
        number, height = 0, 0.0
        for k in range(parts.shape[1]):
            number += parts[i, k] >= 0
            height += heights[i, k]
        total = height + sums[i]
        mean = total / max(number + merges[i] if merges_count else number, 1e-9)
        score = np.float32((total, mean, total * number, height)[kind] + size_weight * math.log(sizes[i] / side))
        if number >= fewest and mean >= least:
            place = count
            while place > 0 and scores[place - 1] < score:
                best[place], scores[place] = best[place - 1], scores[place - 1]
                place -= 1
            best[place], scores[place] = i, score
            count += 1
    return parts[best[:count]], scores[:count]
