"""Regions of an image as annotation files write them (polygons, run lengths, boxes) to masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def region(segment: Any, box: npt.NDArray[np.float32], size: tuple[int, int]) -> Mask:
    """(H, W) mask of a COCO `segmentation` in an image of (width, height) `size`: polygons or run lengths; else the box xyxy."""
    if isinstance(segment, list) and segment:
        return polygons(segment, size)
    if isinstance(segment, dict) and segment.get("size") == [size[1], size[0]]:
        counts = segment["counts"]
        mask = run_lengths(counts, size) if isinstance(counts, list) else _packed(segment)
        if mask is not None:
            return mask
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


def _packed(segment: dict[str, Any]) -> Mask | None:
    """Run lengths packed in a string, through pycocotools where it is installed; else None."""
    try:
        from pycocotools.mask import decode
    except ImportError:
        return None
    return np.asarray(decode(segment), bool)
