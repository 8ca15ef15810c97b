"""Regions of an image as annotation files write them (polygons, run lengths, boxes) to masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def region(segment: Any, box: npt.NDArray[np.float32], size: tuple[int, int]) -> Mask:
    """(H, W) mask of a COCO `segmentation` in an image of (width, height) `size`: polygons or run lengths; else the box xyxy."""
    if isinstance(segment, list) and segment:
        is_flat = isinstance(segment[0], (int, float))  # some write one polygon without a list about it
        return polygons([segment] if is_flat else segment, size)
    if isinstance(segment, dict) and segment.get("size") == [size[1], size[0]]:
        counts = segment["counts"]
        return run_lengths(counts if isinstance(counts, list) else unpacked(counts), size)
    return box_mask(box, size)


def polygons(segment: list[list[float]], size: tuple[int, int]) -> Mask:
    """Polygons as flat lists x, y, x, y, ..., filled; a point (x, y) is the top left edge of its pixel, as COCO has it."""
    import cv2

    mask = np.zeros((size[1], size[0]), np.uint8)
    for polygon in segment:
        points = np.array(polygon, np.float64)[: len(polygon) // 2 * 2].reshape(-1, 2) - 0.5
        if len(points):
            cv2.fillPoly(mask, [np.clip(points, -9999, 9999).round().astype(np.int32)], 1)
    return mask.astype(bool)


def run_lengths(counts: list[int], size: tuple[int, int]) -> Mask:
    """COCO's plain run lengths: of 0, then 1, and so on, down the columns."""
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return np.resize(flat, size[0] * size[1]).reshape(size).T


def box_mask(box: npt.NDArray[np.float32], size: tuple[int, int]) -> Mask:
    """Pixels whose centre lies in the box xyxy."""
    mask = np.zeros((size[1], size[0]), bool)
    left, top, right, bottom = np.nan_to_num(box)
    mask[max(0, int(np.ceil(top))) : max(0, int(np.floor(bottom)) + 1),
         max(0, int(np.ceil(left))) : max(0, int(np.floor(right)) + 1)] = True  # fmt: skip
    return mask


def unpacked(text: str) -> list[int]:
    """Run lengths from COCO's string for them: digits of base 32 from the lowest, +48 as characters, 32 where more follow, the
    highest digit's 16 for a negative number; from the fourth on a number is the difference to the one two before."""
    counts: list[int] = []
    value = shift = 0
    for digit in text.encode():
        digit -= 48
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (1 << shift) if digit & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
