"""What labels leave open: cells where unlabelled people may be, and where an unmarked keypoint of a labelled person may be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from limbwise.sample import Sample

Floats = npt.NDArray[np.float32]

HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top")


def free_cells(ignore: npt.NDArray[np.bool_], size: tuple[int, int], stride: int, shift: float) -> Floats:
    """(h, w) float32: 0 for a cell whose square of stride x stride pixels about its centre holds any pixel to ignore."""
    free = np.ones(size, np.float32)
    if ignore.any():
        _clear_cells(free, np.ascontiguousarray(ignore), stride, round(shift - (stride - 1) / 2))
    return free


def unknown_regions(sample: Sample, margin: float, head_reach: float) -> Floats:
    """(N, K, 4) float32 xyxy, input pixels: where each keypoint of each person may be if nobody marked it.

    `margin`: how far that is beyond the person's box, as a share of the box's longer side. `head_reach`: a point of the head is no
    further, in x and in y, from a labelled neck or middle of the shoulders than this share of the box's longer side (on the
    rendered people 0.25 holds 99 %).
    """
    boxes = sample.boxes
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)[:, None]
    outward = np.array([-1, -1, 1, 1], np.float32)
    names = sample.people.skeleton.keypoints
    regions = np.repeat((boxes + margin * longer * outward)[:, None], len(names), axis=1)
    centre, reach = _head_centres(sample), head_reach * longer
    about = np.concatenate([centre, centre], axis=1) + reach * outward
    known = ~np.isnan(centre[:, 0])
    for k in (names.index(name) for name in HEAD if name in names):
        regions[known, k] = about[known]
    return regions.astype(np.float32)


def _head_centres(sample: Sample) -> Floats:
    """(N, 2) where the head sits: the neck, else the middle of the shoulders, NaN where neither is labelled."""
    names, xy = sample.people.skeleton.keypoints, sample.people.xy
    centres: Floats = np.full((len(xy), 2), np.nan, np.float32)
    if {"left_shoulder", "right_shoulder"} <= set(names):
        centres[:] = (xy[:, names.index("left_shoulder")] + xy[:, names.index("right_shoulder")]) / 2
    if "neck" in names:
        neck = xy[:, names.index("neck")]
        centres = np.where(np.isnan(neck), centres, neck).astype(np.float32)
    return centres


@njit(cache=True)
def _clear_cells(free: Floats, ignore: npt.NDArray[np.bool_], stride: int, start: int) -> None:
    rows, columns = ignore.shape
    for i in range(free.shape[0]):
        top, bottom = max(0, i * stride + start), min(rows, (i + 1) * stride + start)
        for j in range(free.shape[1]):
            left, right = max(0, j * stride + start), min(columns, (j + 1) * stride + start)
            for y in range(top, bottom):
                if free[i, j] == 0:
                    break
                for x in range(left, right):
                    if ignore[y, x]:
                        free[i, j] = 0
                        break


@njit(cache=True)
def clear(channel: Floats, region: Floats, height: int, width: int) -> None:
    """Zero the cells of a channel (h, w) whose centre is in a region xyxy, in cells."""
    for i in range(max(0, int(np.ceil(region[1]))), min(height, int(np.floor(region[3])) + 1)):
        for j in range(max(0, int(np.ceil(region[0]))), min(width, int(np.floor(region[2])) + 1)):
            channel[i, j] = 0
