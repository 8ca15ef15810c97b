"""Small text on pictures: one height in pixels whatever the face, panels and chips that it stands on."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.draw.palette import BLACK, WHITE, Colour

Image = npt.NDArray[np.uint8]

_FACE = cv2.FONT_HERSHEY_SIMPLEX


def check_image(image: Image) -> Image:
    """The image in one piece; raises ValueError with the actual shape where it is not (H, W, 3) uint8 with at least one pixel."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"image: expected (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}")
    return np.ascontiguousarray(image)


def text_height(width: int, height: int) -> float:
    """The height of capitals that is readable on an image of that size, in pixels."""
    return float(np.clip(0.016 * np.sqrt(width * height), 8, 48))


def text_width(text: str, height: float) -> int:
    """Width in pixels of a line of text with capitals of that height."""
    thickness = _thickness(height)
    return int(cv2.getTextSize(text, _FACE, _scale(height, thickness), thickness)[0][0])


def put_text(image: Image, text: str, left: float, baseline: float, height: float, colour: Colour) -> None:
    """Write a line into `image`, in place, its baseline at that row."""
    thickness = _thickness(height)
    origin = (round(left), round(baseline))
    cv2.putText(image, text, origin, _FACE, _scale(height, thickness), colour, thickness, cv2.LINE_AA)


def put_chip(image: Image, text: str, centre: float, bottom: float, height: float, colour: Colour) -> None:
    """Text on a small plate of `colour`, centred above a point and moved into the picture; left out where it cannot fit."""
    pad = round(0.4 * height)
    width, tall = text_width(text, height) + 2 * pad, round(height) + 2 * pad
    if width > image.shape[1] or tall > image.shape[0]:
        return
    left = round(min(max(centre - width / 2, 0), image.shape[1] - width))
    top = round(min(max(bottom - tall, 0), image.shape[0] - tall))
    _plate(image, left, top, width, tall, colour)
    put_text(image, text, left + pad, top + tall - pad, height, contrast(colour))


def contrast(colour: Colour) -> Colour:
    """Black or white, whichever reads better on `colour`."""
    return BLACK if np.dot(colour, (0.299, 0.587, 0.114)) > 120 else WHITE


def shade(image: Image, left: int, top: int, width: int, height: int, alpha: float = 0.65) -> None:
    """Darken a rectangle of `image`, in place, so that white text can be read on it."""
    part = image[max(top, 0) : top + height, max(left, 0) : left + width]
    part[:] = cv2.convertScaleAbs(part, alpha=1 - alpha)


def _plate(image: Image, left: int, top: int, width: int, height: int, colour: Colour) -> None:
    """A filled rectangle with round corners."""
    r = max(1, height // 4)
    right, bottom = left + width - 1, top + height - 1
    cv2.rectangle(image, (left + r, top), (right - r, bottom), colour, -1)
    cv2.rectangle(image, (left, top + r), (right, bottom - r), colour, -1)
    for x in (left + r, right - r):
        for y in (top + r, bottom - r):
            cv2.circle(image, (x, y), r, colour, -1, cv2.LINE_AA)


def _thickness(height: float) -> int:
    return max(1, round(height / 9))


def _scale(height: float, thickness: int) -> float:
    return float(cv2.getFontScaleFromHeight(_FACE, round(height), thickness))
