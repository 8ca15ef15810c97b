"""Stage times on a picture, for the live window and for video."""

from __future__ import annotations

from collections.abc import Sequence

from limbwise.draw.palette import WHITE
from limbwise.draw.text import Image, check_image, put_text, shade, text_height, text_width


def draw_timings(image: Image, lines: Sequence[tuple[str, float]], frames_per_second: float) -> Image:
    """A new picture (H, W, 3) uint8 RGB: `image` with a dark panel in its top-left corner.

    `lines`: name and milliseconds of each stage; frames per second stand above them. Text is sized with the picture, smaller where
    the panel would not fit otherwise, and cut at the border at last.
    """
    drawn = check_image(image).copy()
    rows = [("frames/s", f"{frames_per_second:.1f}"), *((name, f"{ms:.1f} ms") for name, ms in lines)]
    high, wide = drawn.shape[:2]
    height = max(6.0, min(1.15 * text_height(wide, high), high / (2 * len(rows) + 2)))
    step, pad = round(1.9 * height), round(height)
    names, values = (max(text_width(row[side], height) for row in rows) for side in (0, 1))
    right = pad + names + pad + values
    shade(drawn, 0, 0, right + pad, step * len(rows) + pad)
    for i, (name, value) in enumerate(rows):
        baseline = round((i + 1) * step)
        put_text(drawn, name, pad, baseline, height, WHITE)
        put_text(drawn, value, right - text_width(value, height), baseline, height, WHITE)
    return drawn
