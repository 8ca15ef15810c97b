"""Fitting pairwise terms: parts found in maps are matched to labelled people, and a regression learns which pairs are one person's.

Insafutdinov et al., ECCV 2016: pairs of one person are the positives, all others the negatives. Logistic regression with a little
L2, by Newton's method; features are brought to 0 to 1 by their range in the training set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from limbwise.compiled import compiled
from limbwise.decode.pairwise import FEATURES, PairwiseTerms, features
from limbwise.decode.parts import Parts
from limbwise.errors import InputError
from limbwise.people import People

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS = 50  # of Newton's method, which needs about ten


@dataclass(frozen=True)
class FitOptions:
    """`within`: a part is a person's if it is this near to the joint, in input pixels. `penalty`: L2 on the weights, against the sum
    of the losses. `fewest`: pairs of keypoints with fewer positives or negatives get no term. `most`: so many examples of a pair
    of keypoints at most, the first ones."""

    within: float = 16.0
    penalty: float = 0.1
    fewest: int = 5
    most: int = 10_000

    def __post_init__(self) -> None:
        if not (self.within > 0 and self.penalty > 0 and self.fewest >= 1 and self.most >= 1):
            raise ValueError("within, penalty: above 0; fewest, most: from 1")


def owners(parts: Parts, truth: People, within: float) -> Ints:
    """(M,) whose each part is, -1 for nobody's: the nearest pairs of a part and a labelled joint first, each joint once."""
    found = np.full(len(parts.scores), -1, np.int64)
    for k in range(len(truth.skeleton)):
        rows = slice(parts.start[k], parts.start[k + 1])
        distance = np.linalg.norm(parts.xy[rows, None] - truth.xy[None, :, k], axis=2)
        distance = np.where(distance <= within, distance, np.inf)
        while distance.size and np.isfinite(distance.min()):
            part, person = np.unravel_index(distance.argmin(), distance.shape)
            found[parts.start[k] + part] = person
            distance[part], distance[:, person] = np.inf, np.inf
    return found


def fit_terms(
    examples: Iterable[tuple[Parts, People]], keypoints: tuple[str, ...], options: FitOptions = FitOptions()
) -> PairwiseTerms:
    """Terms for all pairs of keypoints of which the examples, parts of an image and its labelled people, show enough.

    Raises InputError where they show none.
    """
    count = len(keypoints)
    pairs = np.array([(a, b) for a in range(count) for b in range(a + 1, count)], np.int64).reshape(-1, 2)
    rows: list[list[Doubles]] = [[] for _ in pairs]
    seen = np.zeros(len(pairs), np.int64)
    for parts, truth in examples:
        whose = owners(parts, truth, options.within)
        for q, found in enumerate(_examples(parts.xy, parts.origin, parts.toward, parts.start, whose, pairs)):
            if len(found) and seen[q] < options.most:
                rows[q].append(found)
                seen[q] += len(found)
    fitted = {(int(a), int(b)): _fit(np.concatenate(rows[q]), options)
              for q, (a, b) in enumerate(pairs) if rows[q] and _enough(np.concatenate(rows[q]), options)}  # fmt: skip
    if not fitted:
        raise InputError("no pair of keypoints was seen often enough, of one person and of two, to fit its term")
    tables = [tuple(tuple(np.round(row, 6).tolist()) for row in rows) for rows in zip(*fitted.values(), strict=True)]
    return PairwiseTerms(keypoints, tuple(fitted), *tables)


@compiled
def _examples(xy: Floats, origin: Floats, toward: Floats, start: Ints, whose: Ints, pairs: Ints) -> list[Doubles]:
    """For each pair of keypoints (N, 9): features of all pairs of parts, and 1 where they are one person's."""
    tables = []
    for q in range(len(pairs)):
        a, b = pairs[q]
        table = np.empty(((start[a + 1] - start[a]) * (start[b + 1] - start[b]), 9))
        row = 0
        for u in range(start[a], start[a + 1]):
            for v in range(start[b], start[b + 1]):
                features(u, v, a, b, xy, origin, toward, table[row])
                table[row, 8] = whose[u] >= 0 and whose[u] == whose[v]
                row += 1
        tables.append(table)
    return tables


def _enough(table: Doubles, options: FitOptions) -> bool:
    positive = int(table[:, FEATURES].sum())
    return min(positive, len(table) - positive) >= options.fewest


def _fit(table: Doubles, options: FitOptions) -> tuple[Doubles, Doubles, Doubles]:
    """Low and high of the features, and the nine weights."""
    table = table[: options.most]
    low, high = table[:, :FEATURES].min(0), table[:, :FEATURES].max(0)
    x = np.column_stack([(table[:, :FEATURES] - low) / np.where(high > low, high - low, 1), np.ones(len(table))])
    y = table[:, FEATURES]

    return low, high, _regress(x, y, options.penalty)


def _regress(x: Doubles, y: Doubles, penalty: float) -> Doubles:
    """Weights of a logistic regression of `y` (N,) 0 or 1 on `x` (N, D), whose last column is 1, by Newton's method."""
    costs = np.append(np.full(x.shape[1] - 1, penalty), 1e-9)
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = expit(x @ weights)
        slope = x.T @ (p - y) + costs * weights
        bend = (x * (p * (1 - p))[:, None]).T @ x + np.diag(costs)
        step = np.linalg.solve(bend + 1e-9 * np.eye(len(bend)), slope)
        share = 1.0
        while share > 1e-3 and _loss(x, y, weights - share * step, costs) > _loss(x, y, weights, costs):
            share /= 2
        weights = weights - share * step
        if np.abs(step).max() < 1e-4 * max(1.0, float(np.abs(weights).max())):
            break
    return weights


def _loss(x: Doubles, y: Doubles, weights: Doubles, costs: Doubles) -> float:
    z = x @ weights
    return float(np.logaddexp(0, z).sum() - y @ z + 0.5 * (costs * weights * weights).sum())
