"""Rank: what people score, which of them are kept, and who comes first; in numba."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.grouping import lay_out

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SCORES = {"sum": 0, "mean": 1, "by_parts": 2, "peaks": 3}


@compiled
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
    scores, kept = np.empty(len(parts), np.float32), np.empty(len(parts), np.bool_)
    for i in range(len(parts)):
        number, height = 0, 0.0
        for k in range(parts.shape[1]):
            number += parts[i, k] >= 0
            height += heights[i, k]
        total = height + sums[i]
        mean = total / max(number + merges[i] if merges_count else number, 1e-9)
        score = (total, mean, total * number, height)[kind]
        scores[i] = score + size_weight * math.log(sizes[i] / side)
        kept[i] = number >= fewest and mean >= least
    order = np.argsort(-scores, kind="mergesort")  # the one of numba's that is stable
    best = order[kept[order]]
    return parts[best], scores[best]
