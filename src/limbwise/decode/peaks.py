"""Peaks: where keypoints may be. Local maxima of heatmaps as they are (no enlarging), with sub-pixel positions, in numba."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

HUGE = np.float32(1e6)  # what is not a number below this is damage, and counts as 0
TIES_STRICT, TIES_LOOSE = 1, 2
TIES = {"first": 0, "strict": TIES_STRICT, "loose": TIES_LOOSE}
SUBPIXEL = {"none": 0, "parabola": 1, "gaussian": 2}
CLIP = np.float32(0.25)  # steps above this are signal, not noise
TINY = 1e-2  # share of a peak below which a neighbour says nothing about the peak's width


@lru_cache
def gaussian_kernel(sigma: float) -> Floats:
    """(2 r + 1,) a Gaussian that sums to 1, r = 4 sigma rounded up; one entry where sigma is 0. `sigma` in cells."""
    radius = math.ceil(4 * sigma)
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (steps / max(sigma, 1e-6)) ** 2)
    kernel: Floats = (weights / weights.sum()).astype(np.float32)
    return kernel


@compiled
def noise_level(plane: Floats) -> float:
    """Standard deviation of white noise in a map, from how much cells differ from the mean of their two neighbours."""
    height, width = plane.shape
    total, count = 0.0, 0
    for y in range(0, height, 3):
        left, middle, right = plane[y, : width - 2], plane[y, 1 : width - 1], plane[y, 2:]
        for x in range(width - 2):
            total += min(abs(middle[x] - np.float32(0.5) * (left[x] + right[x])), CLIP)
        count += max(width - 2, 0)
    return 1.0233 * total / max(count, 1)  # 1 / (sqrt(1.5) sqrt(2 / pi)): the mean size of such a difference


@compiled
def _clean(plane: Floats, padded: Floats, border: int) -> None:
    """A map into the middle of a zeroed frame; NaN, infinity and absurd values become 0."""
    height, width = plane.shape
    for y in range(height):
        source, target = plane[y], padded[y + border, border : border + width]
        for x in range(width):
            target[x] = source[x] if abs(source[x]) < HUGE else np.float32(0)


@compiled
def _lit(row: Floats, least: np.float32) -> bool:
    """Whether any cell is above `least`; counted, since that goes several cells at a time and takes no memory."""
    count = 0
    for x in range(len(row)):
        count += row[x] > least
    return count > 0


@compiled
def _lit_rows(padded: Floats, border: int, least: np.float32) -> tuple[int, int]:
    """The first row of a zero-bordered map that has a cell above `least`, and the one after the last; both the same where none has."""
    first, last = 0, padded.shape[0] - 2 * border
    while first < last and not _lit(padded[first + border], least):
        first += 1
    while first < last and not _lit(padded[last - 1 + border], least):
        last -= 1
    return first, last


@compiled
def _blur(padded: Floats, kernel: Floats, between: Floats, smooth: Floats, border: int, top: int, bottom: int) -> None:
    """Separable convolution of a zero-bordered map, of its rows from `top` to before `bottom`; zeros outside."""
    height, width = padded.shape[0] - 2 * border, padded.shape[1] - 2 * border
    radius = len(kernel) // 2
    for y in range(max(top - radius, 0), min(bottom + radius, height)):
        target = between[y + border, border : border + width]
        target[:] = 0
        for k in range(len(kernel)):
            source, weight = padded[y + border, border + k - radius : border + k - radius + width], kernel[k]
            for x in range(width):
                target[x] += weight * source[x]
    for y in range(max(top, 0), min(bottom, height)):
        target = smooth[y + border, border : border + width]
        target[:] = 0
        for k in range(len(kernel)):
            source, weight = between[y + border + k - radius, border : border + width], kernel[k]
            for x in range(width):
                target[x] += weight * source[x]


@compiled
def _is_peak(m: Floats, y: int, x: int, eight: bool, ties: int) -> bool:
    """Whether no neighbour is higher; of equal neighbours the first wins, or none (strict), or all (loose)."""
    v = m[y, x]
    before = max(m[y, x - 1], m[y - 1, x])
    after = max(m[y, x + 1], m[y + 1, x])
    if eight:
        before = max(before, m[y - 1, x - 1], m[y - 1, x + 1])
        after = max(after, m[y + 1, x - 1], m[y + 1, x + 1])
    above = v > before or (v == before and ties == TIES_LOOSE)
    return bool(above and (v > after or (v == after and ties != TIES_STRICT)))


@compiled
def _vertex(low: float, mid: float, high: float) -> tuple[float, float]:
    """The top of a parabola through three values at -1, 0 and 1: its place, -0.5 to 0.5, and how much higher than `mid` it is."""
    bend = low + high - 2 * mid
    if bend >= 0:
        return 0.0, 0.0
    place = min(max(0.5 * (low - high) / bend, -0.5), 0.5)
    return place, 0.5 * place * (high - low) + 0.5 * place * place * bend


@compiled
def _top(m: Floats, y: int, x: int, method: int, inside_x: bool, inside_y: bool) -> tuple[float, float, float]:
    """The top of a peak: sub-pixel offset (x, y), and its height as a multiple of the cell's.

    A Gaussian is fitted to rows and columns smoothed across (1 2 1), which halves the noise. On the edge of the map, where what lies
    beyond is unknown, the offset is 0.
    """
    if method == 0:
        return 0.0, 0.0, 1.0
    if method == 1:
        v = m[y, x]
        (dx, up_x), (dy, up_y) = _vertex(m[y, x - 1], v, m[y, x + 1]), _vertex(m[y - 1, x], v, m[y + 1, x])
        return dx * inside_x, dy * inside_y, 1 + (up_x * inside_x + up_y * inside_y) / v
    column, row = m[y - 1, x] + 2 * m[y, x] + m[y + 1, x], m[y, x - 1] + 2 * m[y, x] + m[y, x + 1]
    if column <= 0 or row <= 0:
        return 0.0, 0.0, 1.0
    left = (m[y - 1, x - 1] + 2 * m[y, x - 1] + m[y + 1, x - 1]) / column
    right = (m[y - 1, x + 1] + 2 * m[y, x + 1] + m[y + 1, x + 1]) / column
    above = (m[y - 1, x - 1] + 2 * m[y - 1, x] + m[y - 1, x + 1]) / row
    below = (m[y + 1, x - 1] + 2 * m[y + 1, x] + m[y + 1, x + 1]) / row
    dx, up_x = _vertex(math.log(max(left, TINY)), 0.0, math.log(max(right, TINY)))
    dy, up_y = _vertex(math.log(max(above, TINY)), 0.0, math.log(max(below, TINY)))
    return dx * inside_x, dy * inside_y, math.exp(up_x * inside_x + up_y * inside_y)


@compiled
def _maxima(
    m: Floats, raw: Floats, border: int, top: int, bottom: int, least: np.float32, eight: bool, ties: int, method: int, found: Floats
) -> int:  # fmt: skip
    """Write x, y (cells of the map without its border) and height of every peak above `least` into `found`, of the rows from `top` to
    before `bottom`; their number."""
    count, last_x, last_y = 0, m.shape[1] - border - 1, m.shape[0] - border - 1
    for y in range(max(top, 0) + border, min(bottom + border, last_y + 1)):
        row = m[y]
        for x in range(border, last_x + 1):
            if row[x] > least and _is_peak(m, y, x, eight, ties):
                dx, dy, rise = _top(m, y, x, method, border < x < last_x, border < y < last_y)
                found[count, 0], found[count, 1], found[count, 2] = x - border + dx, y - border + dy, rise * raw[y, x]
                count += 1
    return count


@compiled
def _take_highest(found: Floats, count: int, apart: float, peaks: Floats, first: int, limit: int) -> int:
    """Move the `limit` highest of found[:count] to peaks[first:], without those too near to a higher one; the end of them."""
    end = first
    while count > 0 and end - first < limit:
        best = 0
        for i in range(1, count):
            if found[i, 2] > found[best, 2]:
                best = i
        free = True
        for j in range(first, end):
            if math.hypot(found[best, 0] - peaks[j, 0], found[best, 1] - peaks[j, 1]) <= apart:
                free = False
        count -= 1
        for c in range(3):
            if free:
                peaks[end, c] = found[best, c]
            found[best, c] = found[count, c]
        end += free
    return end


@compiled
def move_points(points: Floats, frame: npt.NDArray[np.float64]) -> None:
    """Take points (M, 2) x, y, or peaks (M, 3), to another frame, in place; `frame` (2, 3).

    geometry.apply for the two places that every picture goes through: right after a network numpy's way takes 0.05 ms, this 0.01.
    """
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        points[i, 0] = x * frame[0, 0] + y * frame[0, 1] + frame[0, 2]
        points[i, 1] = x * frame[1, 0] + y * frame[1, 1] + frame[1, 2]


@compiled
def find_peaks(
    heatmaps: Floats, keypoints: int, threshold: float, noise_gain: float, kernel: Floats, raw_score: bool,
    eight: bool, ties: int, method: int, apart: float, limit: int,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Peaks of the first `keypoints` maps of `heatmaps` (C, h, w) float32.

    Returns peaks (M, 3) float32 as x, y in cells and score, those of keypoint k in rows start[k]:start[k + 1], the highest first;
    and start (K + 1,) int64. A peak is above `threshold` and above `noise_gain` times the noise of its map. `kernel` smooths
    the maps first; `raw_score` takes the height from the map before. `ties` and `method` are numbers of TIES and SUBPIXEL;
    `apart` (cells) is the least distance between two peaks; `limit` the most peaks of a keypoint.
    """
    height, width = heatmaps.shape[1:]
    border = max(len(kernel) // 2, 1)
    raw = np.zeros((height + 2 * border, width + 2 * border), np.float32)
    smooth, between = (raw, raw) if len(kernel) == 1 else (np.zeros_like(raw), np.zeros_like(raw))
    found = np.empty((height * width, 3), np.float32)
    limit = min(limit, height * width)
    peaks, start = np.empty((keypoints * limit, 3), np.float32), np.zeros(keypoints + 1, np.int64)
    for k in range(keypoints):
        _clean(heatmaps[k], raw, border)
        least = threshold
        if noise_gain > 0:
            least = max(least, noise_gain * noise_level(raw[border : border + height, border : border + width]))
        first, last = _lit_rows(raw, border, np.float32(least))  # a mean is nowhere higher than what it is of
        if first == last:
            start[k + 1] = start[k]
            continue
        top, bottom = first - border, last + border
        if len(kernel) > 1:
            _blur(raw, kernel, between, smooth, border, top - 1, bottom + 1)
        heights = raw if raw_score else smooth
        count = _maxima(smooth, heights, border, top, bottom, np.float32(least), eight, ties, method, found)
        start[k + 1] = _take_highest(found, count, apart, peaks, start[k], limit)
    return peaks[: start[keypoints]], start
