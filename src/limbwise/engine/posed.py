"""A picture and a person's pose as a refiner wants to see them: scaled by the pose, cut around it, the keypoints as channels of discs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.geometry import Matrix, apply, compose, invert, pad, resize
from limbwise.skeleton import Skeleton
from limbwise.spec import InputSpec, PoseInput

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

HEAD = 0.6 * 1.4286  # head size per distance from neck to head top
LEAST_SCALE, MOST_SCALE = 0.02, 50.0
SMALLEST = 8  # pixels; a cut below that shows nothing


@dataclass(frozen=True, eq=False)
class Window:
    """Where a pose is looked at: `frame`, the matrix from picture to window pixels, and the window's (`width`, `height`)."""

    frame: Matrix
    width: int
    height: int


def pose_size(xy: Floats, skeleton: Skeleton, pose: PoseInput) -> float:
    """How large a pose (K, 2), NaN where missing, is in the picture, as `pose.measure` has it."""
    if pose.measure == "head":
        ends = [xy[skeleton.index(name)] if name in skeleton.keypoints else np.full(2, np.nan) for name in HEAD_ENDS]
        size = HEAD * float(np.hypot(*(ends[0] - ends[1])))
    else:
        size = spread(xy)
    return size if size > 0 else pose.unknown


HEAD_ENDS = ("neck", "head_top")


def spread(xy: Floats) -> float:
    """Median distance of the keypoints of a pose (K, 2) from their middle (the median of each axis); NaN for fewer than two."""
    there = xy[~np.isnan(xy[:, 0])]
    return float(np.median(np.hypot(*(there - np.median(there, axis=0)).T))) if len(there) > 1 else float("nan")


def find_window(xy: Floats, skeleton: Skeleton, pose: PoseInput, size: tuple[int, int]) -> Window | None:
    """Where to look for a pose (K, 2) of a picture of (width, height) `size`; None where it has no keypoint near the picture, or would
    have to be looked at too closely (`largest`)."""
    there = xy[~np.isnan(xy[:, 0])]
    if not len(there):
        return None
    scale = float(np.clip(pose.size / pose_size(xy, skeleton, pose), LEAST_SCALE, MOST_SCALE))
    scaled = np.maximum(1, np.round(np.array(size) * scale))
    frame = resize(scale, scale)
    points = apply(frame, there)
    low = np.clip(np.round(points.min(0) - pose.border), 0, scaled).astype(int)
    high = np.clip(np.round(points.max(0) + pose.border), 0, scaled).astype(int)
    width, height = (high - low).tolist()
    if min(width, height) < SMALLEST or width * height > pose.largest:
        return None
    return Window(compose(frame, pad(-low[0], -low[1])), width, height)


def posed_batch(image: Image, poses: Sequence[Floats], windows: Sequence[Window], spec: InputSpec) -> npt.NDArray[np.float32]:  # fmt: skip
    """(N, 3 + K, H, W) float32: each pose (K, 2) of an RGB uint8 picture in its window, normalised as the refiner wants it.

    Windows are padded at the right and the bottom to the largest of them, and that to a multiple of the spec's.
    """
    assert spec.pose is not None
    multiple = spec.size.multiple
    width, height = (
        -(-max(getattr(window, side) for window in windows) // multiple) * multiple for side in ("width", "height")
    )
    batch = np.empty((len(windows), len(spec.means), height, width), np.float32)
    for channels, pose, window in zip(batch, poses, windows, strict=True):
        levels = np.empty((height, width, 3), np.uint8)
        levels[:] = spec.pad
        levels[: window.height, : window.width] = look(image, window)
        channels[:3] = levels.transpose(2, 0, 1) if spec.colour == "RGB" else levels[..., ::-1].transpose(2, 0, 1)
        channels[3:] = draw_discs(apply(window.frame, pose), (height, width), spec.pose.radius)
    batch -= np.array(spec.means, np.float32)[:, None, None]
    batch *= np.array(spec.scales, np.float32)[:, None, None]
    return batch


def look(image: Image, window: Window) -> Image:
    """The pixels of a window (height, width, 3); averaged where it is smaller than what it shows."""
    frame = window.frame
    corners = apply(invert(frame), np.array([[-0.5, -0.5], [window.width - 0.5, window.height - 0.5]]))
    low = np.clip(np.floor(corners.min(0)) - 2, 0, None).astype(int)
    high = np.ceil(corners.max(0)).astype(int) + 3
    part = image[low[1] : high[1], low[0] : high[0]]
    frame = compose(pad(*low.tolist()), frame)
    zoom = float(np.sqrt(abs(np.linalg.det(frame[:, :2]))))
    if zoom < 0.75:
        tall, wide = part.shape[:2]
        small = max(1, round(wide * zoom)), max(1, round(tall * zoom))
        part = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8)
        frame = compose(invert(resize(small[0] / wide, small[1] / tall)), frame)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (window.width, window.height)
    return np.asarray(cv2.warpAffine(part, invert(frame), size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def draw_discs(xy: Floats, size: tuple[int, int], radius: float) -> Image:
    """(K, height, width) uint8: 255 within `radius` of each keypoint of a pose (K, 2), nothing where it is missing."""
    height, width = size
    discs = np.zeros((len(xy), height, width), np.uint8)
    for disc, (x, y) in zip(discs, xy.tolist(), strict=True):
        if x != x:
            continue
        left, top = max(0, int(np.ceil(x - radius))), max(0, int(np.ceil(y - radius)))
        right, bottom = min(width, int(np.floor(x + radius)) + 1), min(height, int(np.floor(y + radius)) + 1)
        if left < right and top < bottom:
            dx, dy = np.arange(left, right) - x, np.arange(top, bottom)[:, None] - y
            disc[top:bottom, left:right][dx * dx + dy * dy <= radius * radius] = 255
    return discs
