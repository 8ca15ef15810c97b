"""One person, face or hand in a known place: of each heatmap the highest cell (the way PCK is measured on single-person sets)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel
from limbwise.geometry import apply
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]


def decode_single(heatmaps: Floats, spec: ModelSpec, box: npt.ArrayLike | None = None) -> People:
    """The one person in `box` (xyxy, network-input pixels; None: the whole map) of heatmaps (K + 1, h, w), in those pixels.

    Each keypoint is the highest cell of its map, a quarter of a cell nearer to its higher neighbour (Newell et al. 2016); every
    keypoint is there, its score is the height, 1 at most.
    """
    head = spec.heads["heatmaps"]
    maps = np.asarray(heatmaps, np.float32)[: len(spec.skeleton)]
    frame = head.frame(maps.shape)
    left, top, right, bottom = cells_of(box, maps.shape[1:], head.stride)
    window = maps[:, top:bottom, left:right]
    y, x = np.unravel_index(window.reshape(len(maps), -1).argmax(1), window.shape[1:])
    k, i, j = np.arange(len(maps)), y + top + 1, x + left + 1
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    towards = np.stack([padded[k, i, j + 1] - padded[k, i, j - 1], padded[k, i + 1, j] - padded[k, i - 1, j]], axis=1)
    cells = np.stack([x + left, y + top], axis=1) + 0.25 * np.sign(towards)
    return People(
        spec.skeleton, apply(frame, cells)[None].astype(np.float32), np.minimum(maps[k, y + top, x + left], 1)[None]
    )


def decode_parts(maps: Mapping[str, Floats], spec: ModelSpec, box: npt.ArrayLike | None = None) -> People:
    """The one person in `box` (as in `decode_single`) of DeeperCut's part_logits (K, h, w) and offsets (2 K, h, w), in our units.

    Each keypoint is where the offset of its most probable cell points to; every keypoint is there, its score is that probability.
    """
    head, logits, offsets = spec.heads["part_logits"], maps["part_logits"], maps["offsets"]
    left, top, right, bottom = cells_of(box, logits.shape[1:], head.stride)
    window = logits[:, top:bottom, left:right]
    y, x = np.unravel_index(window.reshape(len(logits), -1).argmax(1), window.shape[1:])
    k, i, j = np.arange(len(logits)), y + top, x + left
    cells = apply(head.frame(logits.shape), np.stack([j, i], axis=1))
    xy = cells + np.stack([offsets[2 * k, i, j], offsets[2 * k + 1, i, j]], axis=1)
    scores = 1 / (1 + np.exp(-logits[k, i, j].astype(np.float64)))
    return People(spec.skeleton, xy[None].astype(np.float32), scores[None].astype(np.float32))


def decode_crop(heatmaps: Floats, spec: ModelSpec, threshold: float) -> People:
    """The one face, hand or person that fills a picture, in network-input pixels; nobody where no keypoint is found.

    `heatmaps` (K + 1, h, w), the last one background. Each keypoint is the top of its map's highest peak, placed between the cells
    by a Gaussian, its score the height, 1 at most; one that is not above `threshold` is missing. The rule of OpenPose's face and hand
    detectors, which enlarge and smooth the map instead. Raises ValueError for a wrong number of maps.
    """
    head, count = spec.heads["heatmaps"], len(spec.skeleton)
    if np.ndim(heatmaps) != 3 or len(heatmaps) != count + 1:
        raise ValueError(f"heatmaps: expected shape ({count + 1}, h, w), got {np.shape(heatmaps)}")
    maps = np.ascontiguousarray(heatmaps, np.float32)
    peaks, start = find_peaks(
        maps, count, threshold, 0.0, gaussian_kernel(0), True, True, TIES["first"], SUBPIXEL["gaussian"], 0.0, 1
    )
    seen = np.flatnonzero(np.diff(start))
    if not len(seen):
        return People.empty(spec.skeleton)
    xy, scores = np.full((1, count, 2), np.nan, np.float32), np.zeros((1, count), np.float32)
    xy[0, seen], scores[0, seen] = apply(head.frame(maps.shape), peaks[:, :2]), np.minimum(peaks[:, 2], 1)
    return People(spec.skeleton, xy, scores)


def cells_of(box: npt.ArrayLike | None, size: tuple[int, ...], stride: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the cells in a box, at least one."""
    height, width = size
    if box is None:
        return 0, 0, width, height
    edges = np.asarray(box, np.float64) / stride
    left, top = np.clip(np.floor(edges[:2]), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(edges[2:]), (left + 1, top + 1), (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)
