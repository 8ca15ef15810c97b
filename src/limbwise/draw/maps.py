"""A network's maps on the picture that they were made from: heatmaps as a glow, part affinity fields (PAFs) with hue = direction.

A map is brought to the picture by a frame from map cells to image pixels (limbwise.geometry), so that the centre of a cell lies
where the half-pixel rule puts it: for a map of stride s and an input made by `fitted`,
`compose(cell_frame(s), invert(fitted.matrix))`.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.draw.text import Image, check_image
from limbwise.geometry import Matrix
from limbwise.skeleton import Skeleton

Floats = npt.NDArray[np.float32]


def draw_heatmaps(
    image: Image,
    heatmaps: Floats,
    skeleton: Skeleton,
    frame: Matrix,
    keypoint: str | int | None = None,
    alpha: float = 0.85,
) -> Image:
    """A new picture (H, W, 3) uint8 RGB: `image` with the strongest of the keypoints' heatmaps, or with that of one keypoint.

    `heatmaps` (K, h, w) or (K + 1, h, w) with the background last, which is left out; values 0 to 1, `frame` (2, 3) from their cells
    to image pixels. `keypoint`: a name or an index. Colours are Inferno's (equal steps look equal): from none through violet and
    orange to yellow. Raises ValueError for other shapes, KeyError that lists the names for an unknown keypoint, IndexError.
    """
    image, count = check_image(image), len(skeleton)
    if heatmaps.ndim != 3 or len(heatmaps) not in (count, count + 1):
        raise ValueError(f"heatmaps: expected ({count}, h, w) or ({count + 1}, h, w), got {heatmaps.shape}")
    index = skeleton.index(keypoint) if isinstance(keypoint, str) else keypoint
    strongest = heatmaps[:count].max(0) if index is None else heatmaps[:count][index]
    strength = np.clip(_warp(strongest, frame, image), 0, 1)
    colours = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return _glow(image, cv2.cvtColor(colours, cv2.COLOR_BGR2RGB), strength * (2 - strength) * alpha)


def draw_pafs(image: Image, pafs: Floats, frame: Matrix, limb: int | None = None, alpha: float = 0.85) -> Image:
    """A new picture (H, W, 3) uint8 RGB: `image` with the strongest of the limbs' PAFs at each cell, or with that of one limb.

    `pafs` (2 L, h, w): x then y of each limb, lengths 0 to 1, `frame` (2, 3) from their cells to image pixels. Hue is the direction,
    clockwise as seen: right is red, down is yellow-green, left is cyan, up is violet; the longer a vector, the more it covers.
    Raises ValueError for another shape and IndexError for an unknown limb.
    """
    image = check_image(image)
    if pafs.ndim != 3 or len(pafs) < 2 or len(pafs) % 2:
        raise ValueError(f"pafs: expected (2 L, h, w), got {pafs.shape}")
    vectors = pafs.reshape(-1, 2, *pafs.shape[1:])
    field = strongest_paf(vectors) if limb is None else vectors[limb]
    x, y = (_warp(part, frame, image) for part in field)
    length, degrees = cv2.cartToPolar(x, y, angleInDegrees=True)
    strength = np.clip(length, 0, 1)
    hsv = cv2.merge([degrees, np.ones_like(strength), np.ones_like(strength)])
    colours = cv2.convertScaleAbs(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), alpha=255)
    return _glow(image, colours, strength * alpha)


def strongest_paf(vectors: Floats) -> Floats:
    """(2, h, w): of the limbs' vectors (L, 2, h, w) the longest at each cell."""
    which = np.einsum("lchw,lchw->lhw", vectors, vectors).argmax(0)
    return np.asarray(np.take_along_axis(vectors, which[None, None], axis=0)[0], np.float32)


def _warp(cells: Floats, frame: Matrix, image: Image) -> Floats:
    """A map (h, w) at every pixel of the image, bilinear; 0 beyond the map, and what is not a number is 0."""
    high, wide = image.shape[:2]
    finite = np.nan_to_num(np.asarray(cells, np.float32), posinf=0, neginf=0)
    return np.asarray(cv2.warpAffine(finite, frame, (wide, high), flags=cv2.INTER_LINEAR), np.float32)


def _glow(image: Image, colours: npt.ArrayLike, weight: npt.ArrayLike) -> Image:
    """Each pixel between the image and a colour, by its weight 0 to 1."""
    shares = np.asarray(weight, np.float32)
    return np.asarray(cv2.blendLinear(image, np.asarray(colours, np.uint8), 1 - shares, shares), np.uint8)
