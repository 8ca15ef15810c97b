"""Affine frames between an image, a network's input and its maps; the half-pixel rule is written here and nowhere else.

Coordinates: x right, y down, in pixels, (0, 0) is the CENTRE of the top-left pixel; so a pixel covers -0.5 to 0.5, and resizing
by s maps x to (x + 0.5) s - 0.5. A frame is a (2, 3) float64 matrix that maps points (x, y) of one frame to another; each
function beside its inverse, or `invert` for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def identity() -> Matrix:
    """The frame that changes nothing."""
    return np.eye(2, 3)


def resize(scale_x: float, scale_y: float) -> Matrix:
    """Enlarge by a factor per axis: x -> (x + 0.5) s - 0.5."""
    return np.array([[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2]], np.float64)


def pad(left: float, top: float) -> Matrix:
    """Add a border at the left and the top; a crop is a negative pad."""
    return np.array([[1, 0, left], [0, 1, top]], np.float64)


def rotate(degrees: float, centre: tuple[float, float]) -> Matrix:
    """Turn about `centre`, clockwise as seen (y points down)."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x, y = centre
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y]], np.float64)


def flip(width: int) -> Matrix:
    """Mirror left and right in an image of that width: x -> width - 1 - x. Its own inverse."""
    return np.array([[-1, 0, width - 1], [0, 1, 0]], np.float64)


def compose(*frames: Matrix) -> Matrix:
    """First the first frame, then the next, and so on."""
    total = np.eye(3)
    for frame in frames:
        total = np.vstack([frame, (0, 0, 1)]) @ total
    return total[:2]


def invert(frame: Matrix) -> Matrix:
    """The way back. Raises ZeroDivisionError where there is none."""
    (a, b, c), (d, e, f) = frame.tolist()
    area = a * e - b * d
    return np.array([[e / area, -b / area, (b * f - c * e) / area], [-d / area, a / area, (c * d - a * f) / area]])


def apply(frame: Matrix, xy: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Points (..., 2) of one frame in the other; NaN stays NaN."""
    return xy @ frame[:, :2].T + frame[:, 2]


def cell_frame(stride: int, offset: float | None = None) -> Matrix:
    """From map cells to network-input pixels: cell i is centred on `stride` i + `offset` (default: the half-pixel rule)."""
    shift = (stride - 1) / 2 if offset is None else offset
    return np.array([[stride, 0, shift], [0, stride, shift]], np.float64)


def corner_frame(stride: int, size: tuple[int, int]) -> Matrix:
    """From cells of a map of (height, width) `size` to network-input pixels where the corner cells are centred on the corner pixels
    (align-corners): Chainer's and PyTorch's OpenPose were trained and read that way. Cells are a little more than `stride` apart."""
    height, width = ((stride * n - 1) / max(n - 1, 1) for n in size)
    return np.array([[width, 0, 0], [0, height, 0]], np.float64)


@dataclass(frozen=True)
class SizeRule:
    """How an image becomes a network's input.

    `fit`: "shorter" brings the shorter side to `side` and keeps the aspect; "longer" does so with the longer side; "stretch" gives
    `side` x `side` and loses the aspect (OpenPose in OpenVINO). `multiple`: sides are padded (right, bottom) up to it.
    `longest`: a bound on the longer side, so that a 20000 x 1 image does not become a monster.
    """

    side: int = 368
    fit: Literal["shorter", "longer", "stretch"] = "shorter"
    multiple: int = 8
    longest: int = 2944

    def __post_init__(self) -> None:
        if self.side < 1 or self.multiple < 1:
            raise ValueError("side, multiple: must be at least 1")
        if self.longest < self.side:
            raise ValueError(f"longest: must be at least the side, {self.side}")


@dataclass(frozen=True)
class Fitted:
    """An image size fitted to a network: `resized` (width, height) of the picture within the input, `padded` (width, height)
    of the whole input, `matrix` from image pixels to input pixels."""

    resized: tuple[int, int]
    padded: tuple[int, int]
    matrix: Matrix


@lru_cache
def fit(width: int, height: int, rule: SizeRule, scale: float = 1.0) -> Fitted:
    """The network input for an image of that size; `scale` multiplies the rule's side (multi-scale testing). Its matrix is read-only."""
    side, longest = rule.side * scale, rule.longest * scale
    if rule.fit == "stretch":
        factors = (side / width, side / height)
    else:
        ends = (min(width, height), max(width, height))
        factor = min(side / ends[rule.fit == "longer"], longest / ends[1])
        factors = (factor, factor)
    new_w, new_h = (max(1, round(length * f)) for length, f in zip((width, height), factors, strict=True))
    padded = tuple(-(-length // rule.multiple) * rule.multiple for length in (new_w, new_h))
    matrix = resize(new_w / width, new_h / height)
    matrix.setflags(write=False)  # the same for every picture of that size
    return Fitted((new_w, new_h), (padded[0], padded[1]), matrix)
