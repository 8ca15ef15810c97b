"""Frame: one picture of a stream; orientation: how a camera was held, and turning its pixels upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]  # (H, W, 3), RGB
Orientation = int  # 1 to 8, as EXIF numbers them; 1 is upright


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a stream: `image` (H, W, 3) uint8 RGB, `index` counted from 0, `time` in seconds from the stream's start."""

    image: Image
    index: int
    time: float


def upright(image: Image, orientation: Orientation) -> Image:
    """The stored pixels (H, W, C) as they are to be shown: mirrored and turned as EXIF 2.3 defines its orientations 1 to 8.

    From 5 on, rows and columns change places.
    """
    turned = cv2.transpose(image) if orientation > 4 else image
    axis = (None, 1, -1, 0)[(orientation - 1) % 4]  # columns, both, rows
    return np.asarray(turned if axis is None else cv2.flip(turned, axis), np.uint8)


# Signs of (a, b, c, d) in the display matrix: the shown x is a x + c y, the shown y is b x + d y (ISO 14496-12, 6.2.2).
_BY_SIGNS = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


def display_orientation(matrix: bytes) -> Orientation:
    """The orientation that a video's display matrix (nine native int32, 16.16 fixed point) asks for, to the next quarter turn."""
    if len(matrix) < 36:
        return 1
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        b = c = 0
    else:
        a = d = 0
    return _BY_SIGNS.get((_sign(a), _sign(b), _sign(c), _sign(d)), 1)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
