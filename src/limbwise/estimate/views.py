"""Views: the same picture shown to the network several times (scales, mirrored), and the maps brought together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.engine.prepare import Prepared, View
from limbwise.geometry import Matrix, compose, invert
from limbwise.spec import ModelSpec, ordered_pairs

Floats = npt.NDArray[np.float32]
LENGTHS = {"offsets", "pairwise"}  # heads whose values are input pixels
PRECISE_SCALES = (0.5, 1.0, 1.5, 2.0)  # OpenPose's, times the rule's side


def choose_views(precise: bool, mirrored: bool) -> tuple[View, ...]:
    """One view, or four scales (precise), each also mirrored on request."""
    scales = PRECISE_SCALES if precise else (1.0,)
    return tuple(View(scale, side) for scale in scales for side in ((False, True) if mirrored else (False,)))


def as_viewed(spec: ModelSpec, precise: bool) -> ModelSpec:
    """The spec by which maps of the views are read: Chainer's precise mode places cells by the half-pixel rule, only its fast one
    puts them at the corners."""
    if not precise:
        return spec
    return replace(spec, heads={name: replace(head, grid="cells") for name, head in spec.heads.items()})


def merge(
    maps: Sequence[dict[str, Floats]], prepared: Sequence[Prepared], spec: ModelSpec
) -> tuple[dict[str, Floats], Matrix]:
    """The mean of the maps of several views on the grid of the view of scale 1, or the first; also that grid's frame.

    `maps`: per view, per head, (C, h, w) float32. Mirrored views are mirrored back: left and right channels swapped, x
    components of vectors negated. Every cell counts the views that saw it.
    """
    chosen = next((i for i, p in enumerate(prepared) if p.view == View()), 0)
    if len(maps) == 1:
        return maps[0], prepared[0].frame
    merged = {}
    for name, head in spec.heads.items():
        own = head.frame(maps[chosen][name].shape)
        total = np.zeros_like(maps[chosen][name])
        weight = np.zeros(total.shape[1:], np.float32)
        for view_maps, view in zip(maps, prepared, strict=True):
            channels = _mirror_channels(view_maps[name], name, spec) if view.view.mirrored else view_maps[name]
            if name in LENGTHS:
                channels = channels * _enlarged(view, prepared[chosen])
            path = compose(head.frame(channels.shape), invert(view.frame), prepared[chosen].frame, invert(own))
            total += _warp(channels, path, total.shape[1:])
            weight += _warp(np.ones((1, *channels.shape[1:]), np.float32), path, total.shape[1:])[0]
        merged[name] = np.divide(total, np.maximum(weight, np.float32(1e-6)), dtype=np.float32)
    return merged, prepared[chosen].frame


def _enlarged(view: Prepared, chosen: Prepared) -> np.float32:
    """How many input pixels of the chosen view a pixel of another is."""
    return np.float32(np.hypot(*chosen.frame[:, 0]) / np.hypot(*view.frame[:, 0]))


def _warp(maps: Floats, matrix: Matrix, size: tuple[int, int]) -> Floats:
    """(C, h, w) maps seen through a matrix from their cells to those of a (h, w) grid; 0 outside. Shrinking averages first."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    warped = np.empty((len(maps), *size), np.float32)
    for source, target in zip(maps, warped, strict=True):
        smooth = cv2.GaussianBlur(source, (0, 0), 0.4 / scale) if scale < 0.75 else source
        cv2.warpAffine(smooth, matrix, size[::-1], dst=target, flags=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR)
    return warped


def _mirror_channels(maps: Floats, head: str, spec: ModelSpec) -> Floats:
    """Channels of a mirrored picture's maps in the order and with the signs that they have in the picture itself."""
    swap = spec.skeleton.flip
    if head in {"heatmaps", "part_logits"}:
        order = [*swap, *range(len(swap), len(maps))]
        return maps[order]
    if head == "offsets":
        pairs, signs = [int(k) for k in swap], [1] * len(swap)
    elif head == "pairwise":
        ordered = ordered_pairs(len(swap))
        places = {(int(a), int(b)): row for row, (a, b) in enumerate(ordered)}
        pairs, signs = [places[int(a), int(b)] for a, b in swap[ordered]], [1] * len(ordered)
    else:
        pairs, signs = _mirror_limbs(spec)
    order = [channel for pair in pairs for channel in (2 * pair, 2 * pair + 1)]
    sign = np.array([value for s in signs for value in (-s, s)], np.float32)
    return maps[order] * sign[:, None, None]


def _mirror_limbs(spec: ModelSpec) -> tuple[list[int], list[int]]:
    """For each limb the index of its mirror image among the limbs and 1, or -1 where that one runs the other way."""
    swap, places = spec.skeleton.flip, {limb: i for i, limb in enumerate(spec.limbs)}
    pairs, signs = [], []
    for i, (a, b) in enumerate(spec.limbs):
        there = (int(swap[a]), int(swap[b]))
        pairs.append(places.get(there, places.get(there[::-1], i)))
        signs.append(-1 if there not in places and there[::-1] in places else 1)
    return pairs, signs
