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
Line = tuple[float, float, float, float, float]  # from x, y; to there dx, dy; its length


@compiled
def _greatest(maps: Floats) -> tuple[Floats, bool]:
    """(C,) the greatest absolute value in each of maps (C, h, w), and whether all are sound; found as whole numbers, which have the same
    order and go several at a time."""
    found = np.zeros(len(maps), np.int32)
    for c in range(len(maps)):
        bits, most = maps[c].reshape(-1).view(np.int32), np.int32(0)
        for i in range(len(bits)):
            most = max(most, bits[i] & np.int32(0x7FFFFFFF))
        found[c] = most
    greatest = found.view(np.float32)
    return greatest, bool((greatest < HUGE).all())  # of NaN as well it is not


@compiled
def _sample(along: Floats, across: Floats, line: Line, places: Doubles, near: float, dots: Doubles) -> None:
    """How far a field, x `along` and y `across` (h, w), goes along a line, at each of the `places` (0 to 1), into `dots`.

    Bilinear; beyond the edge the edge goes on. Below the length `near` (cells) a direction means little, and the strength of the field
    takes its place by degrees.
    """
    x, y, dx, dy, length = line
    ux, uy = (dx / length, dy / length) if length > 0 else (0.0, 0.0)
    blur = 1 - length / near if length < near else 0.0
    for s in range(len(places)):
        vx, vy = _at(along, across, x + places[s] * dx, y + places[s] * dy)
        dot = vx * ux + vy * uy
        dots[s] = dot + blur * (math.hypot(vx, vy) - dot) if blur > 0 else dot


@compiled
def _at(along: Floats, across: Floats, x: float, y: float) -> tuple[float, float]:
    """A field at a point between cells. No branches, and indices without a sign, which numba need not look at: twice as fast."""
    height, width = along.shape
    right, below = np.uint32(width > 1), np.uint32(height > 1)
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    j, i = np.uint32(min(int(x), max(width - 2, 0))), np.uint32(min(int(y), max(height - 2, 0)))
    p, q = x - j, y - i
    vx = (1 - q) * ((1 - p) * along[i, j] + p * along[i, j + right])
    vx += q * ((1 - p) * along[i + below, j] + p * along[i + below, j + right])
    vy = (1 - q) * ((1 - p) * across[i, j] + p * across[i, j + right])
    vy += q * ((1 - p) * across[i + below, j] + p * across[i + below, j + right])
    return vx, vy


@compiled
def _mean(dots: Doubles, least: float, passing: bool, spare: int) -> float:
    """Mean of samples, or of those above `least` alone (`passing`); minus infinity where more than `spare` are not above it."""
    total, count = 0.0, 0
    for dot in dots:
        count += dot > least
    if len(dots) - count > spare:
        return -np.inf
    for dot in dots:
        total += dot if dot > least or not passing else 0.0
    return total / max(count if passing else len(dots), 1)


def score_limbs(
    pafs: Floats, peaks: Floats, start: Ints, limbs: Ints, samples: int, least: float, validity: float, near: float,
    passing: bool, longest: float, penalty: float, floor: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """Every pair of peaks that a limb could join, on `pafs` (2 L, h, w) float32, with `limbs` (L, 2) from and to.

    Returns links (E, 3) int64 as limb, peak, peak (rows of `peaks`), and scores (E,) float32: the mean of the field along the
    line (`passing`: of the samples above `least` only), minus `penalty` times the share by which it is longer than `longest`
    cells. A pair needs a share of `validity` samples above `least`, and a score above `floor`. NaN, infinity and absurd sizes count as 0.
    """
    spare = samples - math.ceil(samples * (validity - 1e-9))
    greatest, sound = _greatest(pafs)
    if not sound:
        pafs = np.where(np.abs(pafs) < HUGE, pafs, np.float32(0))
        greatest, _ = _greatest(pafs)
    return _score(pafs, greatest, peaks, start, limbs, samples, least, spare, near, passing, longest, penalty, floor)


@compiled
def _score(
    pafs: Floats, greatest: Floats, peaks: Floats, start: Ints, limbs: Ints, samples: int, least: float, spare: int,
    near: float, passing: bool, longest: float, penalty: float, floor: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """score_limbs on maps without NaN; `greatest` (2 L,): as _greatest gives it; `spare`: so many samples may be not above `least`."""
    most, count = 0, 0
    for limb in range(len(limbs)):
        source, target = limbs[limb, 0], limbs[limb, 1]
        most += (start[source + 1] - start[source]) * (start[target + 1] - start[target])
    links, scores = np.empty((most, 3), np.int64), np.empty(most, np.float32)
    places, dots = np.arange(samples) / (samples - 1), np.empty(samples, np.float64)
    for limb in range(len(limbs)):
        source, target, along, across = limbs[limb, 0], limbs[limb, 1], pafs[2 * limb], pafs[2 * limb + 1]
        strongest = 1.0001 * math.hypot(greatest[2 * limb], greatest[2 * limb + 1])
        for a in range(start[source], start[source + 1]):
            for b in range(start[target], start[target + 1]):
                dx, dy = peaks[b, 0] - peaks[a, 0], peaks[b, 1] - peaks[a, 1]
                length = math.hypot(dx, dy)
                loss = penalty * (longest / length - 1) if length > longest else 0.0
                if not strongest + loss > floor:  # no mean is above what it is of: most pairs need no samples
                    continue
                _sample(along, across, (peaks[a, 0], peaks[a, 1], dx, dy, length), places, near, dots)
                score = _mean(dots, least, passing, spare) + loss
                if score > floor:
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
