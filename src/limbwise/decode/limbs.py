"""Limbs: which peaks may be joined. Line integrals along part affinity fields, and matchings of the two ends of a limb."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.peaks import HUGE

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@compiled
def _interleave(paf_x: Floats, paf_y: Floats, field: Floats) -> None:
    """x and y of a field side by side into `field` (h, w, 2); NaN, infinity and absurd sizes become 0."""
    for y in range(field.shape[0]):
        row_x, row_y, target = paf_x[y], paf_y[y], field[y]
        for x in range(field.shape[1]):
            target[x, 0] = row_x[x] if abs(row_x[x]) < HUGE else np.float32(0)
            target[x, 1] = row_y[x] if abs(row_y[x]) < HUGE else np.float32(0)


@compiled
def _dot(field: Floats, x: float, y: float, ux: float, uy: float, blur: float) -> float:
    """How far a field (h, w, 2) at a point between cells goes along the direction u; by degrees of `blur` just how strong it is.

    Bilinear; beyond the edge the edge goes on.
    """
    height, width = field.shape[:2]
    j, i = int(x), int(y)
    if x < 0 or y < 0 or j >= width - 1 or i >= height - 1:
        x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        j, i = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    p, q, right, below = x - j, y - i, j + (width > 1), i + (height > 1)
    above, under = field[i], field[below]
    vx = (1 - q) * ((1 - p) * above[j, 0] + p * above[right, 0]) + q * ((1 - p) * under[j, 0] + p * under[right, 0])
    vy = (1 - q) * ((1 - p) * above[j, 1] + p * above[right, 1]) + q * ((1 - p) * under[j, 1] + p * under[right, 1])
    dot = vx * ux + vy * uy
    return float(dot + blur * (math.hypot(vx, vy) - dot) if blur > 0 else dot)


@compiled
def _integrate(
    field: Floats, a: Floats, b: Floats, places: Doubles, order: Ints, least: float, near: float, passing: bool, spare: int, dots: Doubles
) -> float:  # fmt: skip
    """Mean of the field along the line from peak a to peak b; minus infinity where more than `spare` samples are not above `least`.

    Below the length `near` (cells) a direction means little, and the strength of the field takes its place by degrees. Samples
    at `places` (0 to 1) are taken in that `order`, and no more of them once the line has failed; `dots` is room for them.
    """
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    ux, uy = (dx / length, dy / length) if length > 0 else (0.0, 0.0)
    blur = max(1 - length / near, 0.0) if near > 0 else 0.0
    for i in order:
        dots[i] = _dot(field, a[0] + places[i] * dx, a[1] + places[i] * dy, ux, uy, blur)
        if not dots[i] > least:
            spare -= 1
            if spare < 0:
                return -np.inf
    total, count = 0.0, 0
    for i in range(len(dots)):
        if dots[i] > least or not passing:
            total += dots[i]
            count += 1
    return total / max(count, 1)


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
    field, dots = np.empty((*pafs.shape[1:], 2), np.float32), np.empty(samples, np.float64)
    places = np.arange(samples) / (samples - 1)
    order = np.empty(samples, np.int64)  # from the middle outwards: it is there that a wrong line leaves its field
    for i in range(samples):
        order[i] = (samples - 1 - i) // 2 if i % 2 == 0 else (samples + i) // 2
    spare = samples - math.ceil(samples * (validity - 1e-9))
    for limb in range(len(limbs)):
        source, target = limbs[limb, 0], limbs[limb, 1]
        if start[source] == start[source + 1] or start[target] == start[target + 1]:
            continue
        _interleave(pafs[2 * limb], pafs[2 * limb + 1], field)
        for a in range(start[source], start[source + 1]):
            for b in range(start[target], start[target + 1]):
                score = _integrate(field, peaks[a], peaks[b], places, order, least, near, passing, spare, dots)
                length = math.hypot(peaks[b, 0] - peaks[a, 0], peaks[b, 1] - peaks[a, 1])
                if length > longest:
                    score += penalty * (longest / length - 1)
                if not score > floor:
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
