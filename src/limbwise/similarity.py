"""How alike two people are: OKS, box overlap, head-normalised distance. All pairs at once, in numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limbwise.people import People

Floats = npt.NDArray[np.float64]


def oks(found: People, truth: People, areas: npt.NDArray[np.floating] | None = None) -> Floats:
    """(F, T) object keypoint similarity, 0 to 1, as COCO defines it, over the keypoints that `truth` has.

    `areas` (T,) square pixels (default: the areas of the boxes). A keypoint of `truth` that `found` lacks counts as not
    alike at all; 0 where `truth` has no keypoint.
    """
    alike = keypoint_similarity(found, truth, areas)
    return np.asarray(alike.sum(-1) / np.maximum(truth.visible.sum(1), 1))


def keypoint_similarity(found: People, truth: People, areas: npt.NDArray[np.floating] | None = None) -> Floats:
    """(F, T, K) the terms of `oks`: how like each keypoint is to that of each of `truth`, 0 to 1; 0 where either lacks it."""
    spread = 2 * (2 * np.asarray(truth.skeleton.sigmas)) ** 2
    area = np.asarray(truth.areas if areas is None else areas, np.float64)
    squared = ((found.xy[:, None].astype(np.float64) - truth.xy[None]) ** 2).sum(-1)
    alike = np.exp(-squared / (spread * np.maximum(area, 1e-9)[None, :, None]))
    alike[np.isnan(alike)] = 0
    return np.asarray(alike)


def iou(boxes: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> Floats:
    """(A, B) intersection over union of boxes (A, 4) and (B, 4), left, top, right, bottom; 0 where either is empty or NaN."""
    a, b = np.asarray(boxes, np.float64)[:, None], np.asarray(others, np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.nan_to_num(np.clip(sides, 0, None).prod(-1))
    both = np.prod(a[..., 2:] - a[..., :2], -1) + np.prod(b[..., 2:] - b[..., :2], -1) - shared
    ratio: Floats = np.divide(shared, both, out=np.zeros_like(shared), where=both > 0)
    return ratio


def head_distance(found: People, truth: People, head_sizes: npt.NDArray[np.floating]) -> Floats:
    """(F, T, K) distances of keypoints in head sizes of `truth` (poseval: 0.6 x diagonal of the head box); NaN where either lacks one."""
    distance = np.linalg.norm(found.xy[:, None].astype(np.float64) - truth.xy[None], axis=-1)
    return np.asarray(distance / np.asarray(head_sizes, np.float64)[None, :, None])
