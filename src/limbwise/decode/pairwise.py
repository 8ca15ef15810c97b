"""Pairwise terms: how probable it is that two detected parts are one person's, and what it costs to join them.

Insafutdinov et al., "DeeperCut", ECCV 2016, and the published code. Each part has vectors to where it takes the person's other joints
to be. Two parts are compared by how far, and at what angle, each misses the other: distance and angle there, distance and angle
back, and exp(-) of the four; a logistic regression for each pair of keypoints makes a probability of them. The published training
code of it was never released; pairwise_fit.py fits the terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.parts import Parts

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEATURES = 8
CLIP = 1e-7  # probabilities nearer to 0 and 1 than this count as that near
STRONGEST = math.log((1 - CLIP) / CLIP)


@dataclass(frozen=True)
class PairwiseTerms:
    """A logistic regression for each of Q pairs of keypoints.

    `keypoints`: names of the K keypoints. `pairs`: Q pairs a < b of their numbers. `low`, `high`: Q x 8 bounds that features are
    brought to 0 and 1 by; `weights`: Q x 9, the last one the bias. Raises ValueError that names the field.
    """

    keypoints: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    low: tuple[tuple[float, ...], ...]
    high: tuple[tuple[float, ...], ...]
    weights: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if not all(0 <= a < b < len(self.keypoints) for a, b in self.pairs) or len(set(self.pairs)) < len(self.pairs):
            raise ValueError(f"pairs: each must be two ascending numbers below {len(self.keypoints)}, and none twice")
        for name, width in (("low", FEATURES), ("high", FEATURES), ("weights", FEATURES + 1)):
            rows = getattr(self, name)
            if len(rows) != len(self.pairs) or any(len(row) != width for row in rows):
                raise ValueError(f"{name}: {len(self.pairs)} rows of {width} numbers are needed")
            if not all(math.isfinite(value) and abs(value) < 1e12 for row in rows for value in row):
                raise ValueError(f"{name}: finite numbers are needed")

    def linear(self, pairs: tuple[tuple[int, int], ...] | None = None) -> tuple[Ints, Doubles]:
        """Pairs (Q, 2) and weights (Q, 9) of features that are not brought to 0 and 1; of the given pairs only."""
        rows = [row for row, pair in enumerate(self.pairs) if pairs is None or pair in pairs]
        low, high, weights = (np.array([table[row] for row in rows], np.float64).reshape(len(rows), -1)
                              for table in (self.low, self.high, self.weights))  # fmt: skip
        if not rows:
            return np.zeros((0, 2), np.int64), np.zeros((0, FEATURES + 1))
        span = np.where(high > low, high - low, 1)
        slopes = weights[:, :-1] / span
        bias = weights[:, -1] - (slopes * low).sum(1)
        return np.array([self.pairs[row] for row in rows], np.int64), np.column_stack([slopes, bias])


# The pairs of COCO's keypoints that the published demo compares.
PUBLISHED_PAIRS = tuple(
    sorted(
        (min(pair), max(pair))
        for pair in (
            (0, 1), (0, 2), (1, 2), (2, 4), (1, 3), (0, 4), (0, 3), (0, 6), (1, 6), (2, 6), (3, 6), (4, 6), (0, 5), (1, 5),
            (2, 5), (3, 5), (4, 5), (5, 6), (6, 8), (5, 7), (4, 8), (3, 7), (8, 10), (7, 9), (6, 10), (5, 9), (6, 12),
            (6, 11), (5, 12), (5, 11), (11, 12), (12, 14), (11, 13), (12, 13), (11, 14), (13, 14), (14, 16), (13, 15),
            (12, 16), (11, 15),
        )
    )
)  # fmt: skip


@compiled
def _wrap(angle: float) -> float:
    """An angle brought to 0 to pi, as the size of a turn."""
    angle = abs(angle) % (2 * math.pi)
    return min(angle, 2 * math.pi - angle)


@compiled
def _miss(u: int, v: int, b: int, xy: Floats, origin: Floats, toward: Floats) -> tuple[float, float]:
    """How far part u's vector to keypoint b misses part v, in pixels, and by what angle."""
    real_x, real_y = xy[v, 0] - origin[u, 0], xy[v, 1] - origin[u, 1]
    said_x, said_y = toward[u, b, 0] - origin[u, 0], toward[u, b, 1] - origin[u, 1]
    distance = math.hypot(real_x - said_x, real_y - said_y)
    return distance, _wrap(math.atan2(real_y, real_x) - math.atan2(said_y, said_x))


@compiled
def features(u: int, v: int, a: int, b: int, xy: Floats, origin: Floats, toward: Floats, row: Doubles) -> None:
    """The 8 features of part u of keypoint a and part v of keypoint b, into `row`."""
    row[0], row[1] = _miss(u, v, b, xy, origin, toward)
    row[2], row[3] = _miss(v, u, a, xy, origin, toward)
    for i in range(4):
        row[4 + i] = math.exp(-row[i])


@compiled
def _join(
    xy: Floats, origin: Floats, toward: Floats, start: Ints, pairs: Ints, weights: Doubles, slope: float, middle: float,
    strongest: float,
) -> tuple[Ints, Doubles]:  # fmt: skip
    """Edges between parts of the listed pairs of keypoints and between those of one keypoint, and their costs."""
    total = 0
    for a, b in pairs:
        total += (start[a + 1] - start[a]) * (start[b + 1] - start[b])
    for k in range(len(start) - 1):
        total += (start[k + 1] - start[k]) * (start[k + 1] - start[k] - 1) // 2
    edges, costs, row, e = np.empty((total, 2), np.int64), np.empty(total), np.empty(8), 0
    for q in range(len(pairs)):
        a, b = pairs[q]
        for u in range(start[a], start[a + 1]):
            for v in range(start[b], start[b + 1]):
                features(u, v, a, b, xy, origin, toward, row)
                z = weights[q, 8]
                for i in range(8):
                    z += weights[q, i] * row[i]
                if math.isnan(z):  # damaged vectors say nothing
                    z = 0.0
                edges[e, 0], edges[e, 1], costs[e] = u, v, -min(max(z, -strongest), strongest)
                e += 1
    for k in range(len(start) - 1):
        for u in range(start[k], start[k + 1]):
            for v in range(u + 1, start[k + 1]):
                cost = np.inf
                if slope > 0:
                    z = slope * (math.hypot(xy[u, 0] - xy[v, 0], xy[u, 1] - xy[v, 1]) - middle)
                    cost = min(max(z, -strongest), strongest)
                edges[e, 0], edges[e, 1], costs[e] = u, v, cost
                e += 1
    return edges, costs


def join_costs(parts: Parts, pairs: Ints, weights: Doubles, slope: float, middle: float) -> tuple[Ints, Doubles]:
    """Edges (E, 2) between parts and the cost (E,) of joining each: log((1 - p) / p) of the probability that it is right.

    `pairs`, `weights` as PairwiseTerms.linear gives them. Two parts of one keypoint belong together with probability
    1 / (1 + exp(slope (distance - middle))), in input pixels; slope 0: never (cost inf).
    """
    found: tuple[Ints, Doubles] = _join(
        parts.xy, parts.origin, parts.toward, parts.start, pairs, weights, slope, middle, STRONGEST
    )
    return found


def keep_costs(scores: Floats) -> Doubles:
    """(M,) log((1 - p) / p): what it costs to keep a part of that probability."""
    p = np.clip(scores.astype(np.float64), CLIP, 1 - CLIP)
    return np.asarray(np.log((1 - p) / p))
