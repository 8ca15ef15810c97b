"""Limbs: which peaks may be joined. Line integrals along part affinity fields, and matchings of the two ends of a limb."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from limbwise.decode.compiled import compiled
from limbwise.decode.peaks import HUGE

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@compiled
def _sane(value: float) -> float:
    """The value, or 0 for NaN, infinity and absurd sizes."""
    return value if abs(value) < HUGE else 0.0


@compiled
def _sample(plane: Floats, x: float, y: float) -> float:
    """A map at a point between cells, bilinear; beyond the edge the edge goes on."""
    height, width = plane.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    j, i = int(x), int(y)
    p, q, right, below = x - j, y - i, min(j + 1, width - 1), min(i + 1, height - 1)
    top = (1 - p) * _sane(plane[i, j]) + p * _sane(plane[i, right])
    return (1 - q) * top + q * ((1 - p) * _sane(plane[below, j]) + p * _sane(plane[below, right]))


@compiled
def _integrate(
    paf_x: Floats, paf_y: Floats, a: Floats, b: Floats, samples: int, least: float, near: float, passing: bool
) -> tuple[float, float]:
    """Mean of the field along the line from peak a to peak b, and the share of the samples that are above `least`.

    Below the length `near` (cells) a direction means little, and the strength of the field takes its place by degrees.
    """
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    ux, uy = (dx / length, dy / length) if length > 0 else (0.0, 0.0)
    blur = max(1 - length / near, 0.0) if near > 0 else 0.0
    total, good, count = 0.0, 0.0, 0
    for i in range(samples):
        t = i / (samples - 1)
        vx, vy = _sample(paf_x, a[0] + t * dx, a[1] + t * dy), _sample(paf_y, a[0] + t * dx, a[1] + t * dy)
        dot = vx * ux + vy * uy
        if blur > 0:
            dot += blur * (math.hypot(vx, vy) - dot)
        total += dot
        if dot > least:
            good += dot
            count += 1
    mean = good / max(count, 1) if passing else total / samples
    return mean, count / samples


@compiled
def score_limbs(
    pafs: Floats, peaks: Floats, start: Ints, limbs: Ints, samples: int, least: float, validity: float, near: float,
    passing: bool, longest: float, penalty: float, floor: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """Every pair of peaks that a limb could join, on `pafs` (2 L, h, w) float32, with `limbs` (L, 2) from and to.

    Returns links (E, 3) int64 as limb, peak, peak (rows of `peaks`), and scores (E,) float32: the mean of the field along the
    line (`passing`: of the samples above `least` only), minus `penalty` times the share by which it is longer than `longest`
    cells. A pair needs a share of `validity` samples above `least`, and a score above `floor`.
    """
    most, count = 0, 0
    for limb in range(len(limbs)):
        source, target = limbs[limb, 0], limbs[limb, 1]
        most += (start[source + 1] - start[source]) * (start[target + 1] - start[target])
    links, scores = np.empty((most, 3), np.int64), np.empty(most, np.float32)
    for limb in range(len(limbs)):
        source, target = limbs[limb, 0], limbs[limb, 1]
        for a in range(start[source], start[source + 1]):
            for b in range(start[target], start[target + 1]):
                score, share = _integrate(
                    pafs[2 * limb], pafs[2 * limb + 1], peaks[a], peaks[b], samples, least, near, passing
                )
                length = math.hypot(peaks[b, 0] - peaks[a, 0], peaks[b, 1] - peaks[a, 1])
                if length > longest:
                    score += penalty * (longest / length - 1)
                if share < validity - 1e-9 or score <= floor:
                    continue
                links[count, 0], links[count, 1], links[count, 2] = limb, a, b
                scores[count] = score
                count += 1
    return links[:count], scores[:count]


def match_exactly(links: Ints, scores: Floats) -> npt.NDArray[np.bool_]:
    """(E,) which links stay if each limb's peaks are matched one to one so that the sum of the scores is greatest."""
    from scipy.optimize import linear_sum_assignment

    keep = np.zeros(len(links), bool)
    for limb in np.unique(links[:, 0]):
        rows = np.flatnonzero(links[:, 0] == limb)
        sources, i = np.unique(links[rows, 1], return_inverse=True)
        targets, j = np.unique(links[rows, 2], return_inverse=True)
        table = np.zeros((len(sources), len(targets)))
        table[i, j] = scores[rows]
        chosen = np.zeros(table.shape, bool)
        chosen[linear_sum_assignment(table, maximize=True)] = True
        keep[rows] = chosen[i, j]
    return keep
