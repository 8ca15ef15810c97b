"""A contact sheet: many pictures as one, in rows, each with a caption."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from limbwise.draw.palette import WHITE, Colour
from limbwise.draw.text import Image, check_image, put_text, text_width

GROUND: Colour = (24, 24, 28)


def sheet(
    pictures: Sequence[Image],
    columns: int,
    captions: Sequence[str] = (),
    height: int = 240,
    gap: int = 8,
) -> Image:
    """One picture (H, W, 3) uint8 RGB of many (h, w, 3), row by row, each brought to `height` pixels with its aspect kept.

    A cell is as wide as the widest picture of its column; `captions`, one for each picture or none at all, stand below in a strip of
    24 pixels and are cut to the cell. Raises ValueError where there is no picture, no column or another number of captions.
    """
    if not pictures or columns < 1 or height < 1:
        raise ValueError("pictures, columns, height: at least 1 of each is needed")
    if captions and len(captions) != len(pictures):
        raise ValueError(f"captions: {len(pictures)} are needed, one for each picture, got {len(captions)}")
    scaled = [_at_height(check_image(picture), height) for picture in pictures]
    columns, strip = min(columns, len(scaled)), 24 if captions else 0
    widths = [max(picture.shape[1] for picture in scaled[c::columns]) for c in range(columns)]
    lefts = np.cumsum([gap, *(width + gap for width in widths)])
    rows = -(-len(scaled) // columns)
    total = np.full((rows * (height + strip + gap) + gap, int(lefts[-1]), 3), GROUND, np.uint8)
    for i, picture in enumerate(scaled):
        row, column = divmod(i, columns)
        top, left, width = gap + row * (height + strip + gap), int(lefts[column]), widths[column]
        inset = left + (width - picture.shape[1]) // 2
        total[top : top + height, inset : inset + picture.shape[1]] = picture
        if captions:
            put_text(total, _cut(captions[i], width, 10), left, top + height + 17, 10, WHITE)
    return total


def _at_height(picture: Image, height: int) -> Image:
    high, wide = picture.shape[:2]
    if high == height:
        return picture
    method = cv2.INTER_AREA if height < high else cv2.INTER_CUBIC
    return np.asarray(
        cv2.resize(picture, (max(1, round(wide * height / high)), height), interpolation=method), np.uint8
    )


def _cut(text: str, width: int, height: int) -> str:
    """The text, or as much of it as fits."""
    if text_width(text, height) <= width:
        return text
    while text and text_width(text + "..", height) > width:
        text = text[:-1]
    return text + ".." if text else ""
