"""Pixels to planes: pictures made smaller and normalised in one pass, from RGB bytes to the floats of a network's input; in numba."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]


@lru_cache(maxsize=64)
def area_weights(source: int, target: int) -> tuple[Ints, Floats]:
    """For each of `target` pixels the first of the `source` pixels that it covers, and the share that it takes of each.

    (target,) and (T, target) float32, which sum to 1 over T; `target` is not above `source`. Shares below a thousandth of a pixel are
    dropped, as OpenCV's INTER_AREA does, with which this agrees.
    """
    scale = source / target
    edges = np.minimum(np.arange(target + 1) * scale, source)
    first = np.floor(edges[:-1] + 1e-3).astype(np.intp)
    taps = math.ceil(scale) + 1
    first = np.minimum(first, source - 1)
    pixel = first[:, None] + np.arange(taps)
    share = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    share[(share < 1e-3) | (pixel >= source)] = 0
    start = np.minimum(first, max(source - taps, 0))  # so that no tap lies beyond the end
    weights = np.zeros((target, min(taps, source)), np.float32)
    for row, shift, shares in zip(weights, first - start, share / share.sum(1, keepdims=True), strict=True):
        row[shift:] = shares[: len(row) - shift]
    return start, np.ascontiguousarray(weights.T)


@compiled
def _mix_rows(image: Image, top: int, weights: Floats, mixed: Floats) -> None:
    """The weighted sum of some rows of a picture (h, 3 w), from row `top` on."""
    mixed[:] = 0
    for t in range(len(weights)):
        weight, row = weights[t], image[top + t]
        if weight > 0:
            for x in range(len(mixed)):
                mixed[x] += weight * np.float32(row[x])


@compiled
def _mix_columns(
    line: Floats, columns: Ints, weights: Floats, gain: np.float32, less: np.float32, plane: Floats
) -> None:
    """A line of one colour made shorter, rounded to whole levels and normalised, `weights` (T, W)."""
    if len(weights) == 3:  # less than halved: the usual case, written out since it is twice as fast
        a, b, c = weights[0], weights[1], weights[2]
        for x in range(len(plane)):
            i = columns[x]
            plane[x] = np.rint(a[x] * line[i] + b[x] * line[i + 1] + c[x] * line[i + 2]) * gain - less
        return
    for x in range(len(plane)):
        total = np.float32(0)
        for t in range(len(weights)):
            total += weights[t, x] * line[columns[x] + t]
        plane[x] = np.rint(total) * gain - less


@compiled
def shrink_to_planes(
    image: Image, rows: Ints, row_weights: Floats, columns: Ints, column_weights: Floats, order: Ints,
    scale: Floats, shift: Floats, planes: Floats,
) -> None:  # fmt: skip
    """A picture (h, 3 w) of RGB bytes made smaller by averaging, rounded to whole levels, into `planes` (3, H, W) as level x scale - shift.

    Rows and columns as area_weights gives them; plane c takes channel order[c].
    """
    mixed, lines = np.empty(image.shape[1], np.float32), np.empty((3, image.shape[1] // 3), np.float32)
    for y in range(len(rows)):
        _mix_rows(image, rows[y], row_weights[:, y], mixed)
        for x in range(lines.shape[1]):
            lines[0, x], lines[1, x], lines[2, x] = mixed[3 * x], mixed[3 * x + 1], mixed[3 * x + 2]
        for c in range(3):
            _mix_columns(lines[order[c]], columns, column_weights, scale[c], shift[c], planes[c, y])


@compiled
def to_planes(image: Image, order: Ints, scale: Floats, shift: Floats, planes: Floats) -> None:
    """A picture (h, 3 w) of RGB bytes into `planes` (3, h, w) as level x scale - shift; plane c takes channel order[c]."""
    for y in range(image.shape[0]):
        for c in range(3):
            levels, plane, gain, less = image[y, order[c] :: 3], planes[c, y], scale[c], shift[c]
            for x in range(len(plane)):
                plane[x] = np.float32(levels[x]) * gain - less
