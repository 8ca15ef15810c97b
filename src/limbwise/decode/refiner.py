"""A refiner's maps to the pose that it means: of each keypoint the most probable cell and its offset; inverse of target/refiner."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from limbwise.geometry import apply
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.floating]


def decode_refiner(
    maps: Mapping[str, Floats],
    spec: ModelSpec,
    sizes: npt.ArrayLike,
    given: Floats | None = None,
    stay: float = 1.0,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Poses (N, K, 2) float32 in input pixels and probabilities (N, K) float32 of part_logits or, already averaged, "probabilities"
    (N, K, h, w) and offsets (N, 2 K, h, w) in our units.

    `sizes` (N, 2): width and height of what each input shows; cells beyond are padding. Every keypoint is found. With `given`
    (N, K, 2), the poses that went in, a keypoint stays within its disc where the probability there is at least `stay` times the
    highest one (1: as published, none stays for being given).
    """
    head = spec.heads["part_logits"]
    chances = maps["probabilities"] if "probabilities" in maps else probabilities(maps["part_logits"])
    count, keypoints, height, width = chances.shape
    cells = apply(head.frame(chances.shape), np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1))
    shown: npt.NDArray[np.bool_] = np.all(
        cells[None] <= np.asarray(sizes)[:, None, None] - 1 + head.stride / 2, axis=-1
    )
    chances = np.where(shown[:, None], chances, -1)
    best = _highest(chances)
    if given is not None and stay < 1:
        assert spec.input.pose is not None
        apart = np.linalg.norm(cells - given[:, :, None, None], axis=-1)
        near = _highest(np.where(apart <= spec.input.pose.radius + head.stride / 2, chances, -1))
        keeps = near[1] >= np.maximum(stay * best[1], 0)
        best = np.where(keeps, near[0], best[0]), np.where(keeps, near[1], best[1])
    place, scores = best
    i, j = np.divmod(place, width)
    n, k = np.arange(count)[:, None], np.arange(keypoints)
    offsets = np.stack([maps["offsets"][n, 2 * k + axis, i, j] for axis in (0, 1)], axis=-1)
    return (cells[i, j] + offsets).astype(np.float32), scores.astype(np.float32)


def _highest(chances: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """(N, K) flat index of the highest cell of each map, and its height."""
    flat = chances.reshape(*chances.shape[:2], -1)
    place = flat.argmax(-1)
    return place, np.take_along_axis(flat, place[..., None], -1)[..., 0]


def probabilities(logits: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def mirrored_back(maps: Mapping[str, Floats], spec: ModelSpec) -> dict[str, Floats]:
    """Maps of the mirror image of an input (N, 3 + K, H, W), as they would be of the input itself: turned, left and right swapped.

    Cells that are not centred on their stride move by a pixel when turned; offsets, in our units, take that in.
    """
    head, flip = spec.heads["part_logits"], spec.skeleton.flip
    logits = maps["part_logits"][:, flip, :, ::-1]
    offsets = maps["offsets"].reshape(len(logits), len(flip), 2, *logits.shape[2:])[:, flip, ..., ::-1].copy()
    moved = 0.0 if head.offset is None else head.stride - 1 - 2 * head.offset
    offsets[:, :, 0] = moved - offsets[:, :, 0]
    return {"part_logits": logits, "offsets": offsets.reshape(maps["offsets"].shape)}
