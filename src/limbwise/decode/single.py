"""One person in a known box: of each heatmap the highest cell (the way PCK is measured on single-person sets)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limbwise.geometry import apply, cell_frame
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]


def decode_single(heatmaps: Floats, spec: ModelSpec, box: npt.ArrayLike | None = None) -> People:
    """The one person in `box` (xyxy, network-input pixels; None: the whole map) of heatmaps (K + 1, h, w), in those pixels.

    Each keypoint is the highest cell of its map, a quarter of a cell nearer to its higher neighbour (Newell et al. 2016); every
    keypoint is there, its score is the height.
    """
    head = spec.heads["heatmaps"]
    maps = np.asarray(heatmaps, np.float32)[: len(spec.skeleton)]
    frame = cell_frame(head.stride, head.offset)
    left, top, right, bottom = _cells_of(box, maps.shape[1:], head.stride)
    window = maps[:, top:bottom, left:right]
    y, x = np.unravel_index(window.reshape(len(maps), -1).argmax(1), window.shape[1:])
    k, i, j = np.arange(len(maps)), y + top + 1, x + left + 1
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    towards = np.stack([padded[k, i, j + 1] - padded[k, i, j - 1], padded[k, i + 1, j] - padded[k, i - 1, j]], axis=1)
    cells = np.stack([x + left, y + top], axis=1) + 0.25 * np.sign(towards)
    return People(spec.skeleton, apply(frame, cells)[None].astype(np.float32), maps[k, y + top, x + left][None])


def _cells_of(box: npt.ArrayLike | None, size: tuple[int, ...], stride: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the cells in a box, at least one."""
    height, width = size
    if box is None:
        return 0, 0, width, height
    edges = np.asarray(box, np.float64) / stride
    left, top = np.clip(np.floor(edges[:2]), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(edges[2:]), (left + 1, top + 1), (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)
