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
Indices = npt.NDArray[np.uint32]  # unsigned: numba need not ask whether one counts from the end


@lru_cache(maxsize=64)
def area_weights(source: int, target: int) -> tuple[Indices, Floats]:
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
    return start.astype(np.uint32), np.ascontiguousarray(weights.T)


@compiled
def _mix_rows(image: Image, top: np.uint32, weights: Floats, mixed: Floats) -> None:
    """The weighted sum of some rows of a picture (h, 3 w), from row `top` on."""
    if len(weights) == 3:  # less than halved: the usual case, written out since it is twice as fast
        above, middle, below = image[top], image[top + 1], image[top + 2]
        a, b, c = weights[0], weights[1], weights[2]
        for x in range(len(mixed)):
            mixed[x] = a * np.float32(above[x]) + b * np.float32(middle[x]) + c * np.float32(below[x])
        return
    mixed[:] = 0
    for t in range(len(weights)):
        weight, row = weights[t], image[top + t]
        if weight > 0:
            for x in range(len(mixed)):
                mixed[x] += weight * np.float32(row[x])


@compiled
def _mix_columns(pixels: Floats, columns: Indices, weights: Floats, colours: Floats) -> None:
    """The pixels (w, 3) of a row made fewer by `weights` (T, W), colour by colour (3, W)."""
    reds, greens, blues = colours[0], colours[1], colours[2]
    if len(weights) == 3:  # the usual case again: one look at a place and its weights serves three colours
        left, middle, right = pixels, pixels[1:], pixels[2:]
        for x in range(len(columns)):
            i, a, b, c = columns[x], weights[0, x], weights[1, x], weights[2, x]
            reds[x] = a * left[i, 0] + b * middle[i, 0] + c * right[i, 0]
            greens[x] = a * left[i, 1] + b * middle[i, 1] + c * right[i, 1]
            blues[x] = a * left[i, 2] + b * middle[i, 2] + c * right[i, 2]
        return
    colours[:] = 0
    for t in range(len(weights)):
        shifted = pixels[t:]
        for x in range(len(columns)):
            i, weight = columns[x], weights[t, x]
            reds[x] += weight * shifted[i, 0]
            greens[x] += weight * shifted[i, 1]
            blues[x] += weight * shifted[i, 2]


@compiled
def _write_row(colours: Floats, order: Ints, scale: Floats, shift: Floats, planes: Floats, y: int) -> None:
    """Colours (3, w), rounded to whole levels and normalised, into row y of `planes` (3, H, W)."""
    for c in range(3):
        levels, line, gain, less = colours[order[c]], planes[c, y], scale[c], shift[c]
        for x in range(len(levels)):
            line[x] = np.rint(levels[x]) * gain - less


@compiled
def shrink_to_planes(
    image: Image, rows: Indices, row_weights: Floats, columns: Indices, column_weights: Floats, order: Ints,
    scale: Floats, shift: Floats, planes: Floats,
) -> None:  # fmt: skip
    """A picture (h, 3 w) of RGB bytes made smaller by averaging, rounded to whole levels, into the upper left of `planes` (3, H, W)
    as level x scale - shift.

    Rows and columns as area_weights gives them; plane c takes channel order[c].
    """
    mixed, colours = np.empty(image.shape[1], np.float32), np.empty((3, len(columns)), np.float32)
    pixels = mixed.reshape(-1, 3)
    for y in range(len(rows)):
        _mix_rows(image, rows[y], row_weights[:, y], mixed)
        _mix_columns(pixels, columns, column_weights, colours)
        _write_row(colours, order, scale, shift, planes, y)


@compiled
def to_planes(image: Image, order: Ints, scale: Floats, shift: Floats, planes: Floats) -> None:
    """A picture (h, 3 w) of RGB bytes into the upper left of `planes` (3, H, W) as level x scale - shift; see shrink_to_planes."""
    colours = np.empty((3, image.shape[1] // 3), np.float32)
    for y in range(len(image)):
        row = image[y]
        for x in range(colours.shape[1]):
            colours[0, x], colours[1, x], colours[2, x] = row[3 * x], row[3 * x + 1], row[3 * x + 2]
        _write_row(colours, order, scale, shift, planes, y)
