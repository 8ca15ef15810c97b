"""Scale, turn, shift, crop and mirror a sample in one warp: image, keypoints, boxes, areas and ignore mask together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.geometry import Matrix, apply, compose, flip, invert, pad, resize, rotate
from limbwise.people import People
from limbwise.sample import ABSENT, HIDDEN, UNKNOWN, Sample

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int_]


@dataclass(frozen=True)
class SpatialOptions:
    """How a sample is laid on the canvas.

    `size`: (width, height) of the canvas. `person`: the longer side of a random person's box as a share of the canvas's shorter
    side, drawn evenly on a logarithmic scale; `filled` raises its lower end until the image is at least this share as wide and as
    high as the canvas, so that little of the canvas is empty. `zoom`: bounds of the enlargement, which go before both.
    `rotation`: standard deviation in degrees, cut at three (Chainer OpenPose: 40/3). `shift`: how far the person's centre lies
    from the canvas's, as a share of its sides, evenly, but no further than the image reaches. `aim`: chance that of a person larger
    than the canvas a random labelled keypoint takes the centre's place, so that close-ups show heads and feet as well as trunks.
    `flip`: chance of the mirror image.
    `native`: instead of by the person, the image is enlarged by a number drawn evenly between these two (DeeperCut: 0.85 to 1.15).
    `least`: people smaller than this (square root of the area, canvas pixels) are ignored, not taught. `fill`: colour of the empty
    canvas; None draws one.
    """

    size: tuple[int, int] = (256, 256)
    person: tuple[float, float] = (0.35, 1.25)
    filled: float = 0.85
    zoom: tuple[float, float] = (0.3, 3.0)
    native: tuple[float, float] | None = None
    rotation: float = 40 / 3
    shift: float = 0.2
    aim: float = 0.0
    flip: float = 0.5
    least: float = 10.0
    fill: tuple[int, int, int] | None = None


def draw_frame(sample: Sample, options: SpatialOptions, rng: np.random.Generator) -> Matrix:
    """A random frame from the sample's pixels to the canvas; it mirrors where its determinant is negative."""
    canvas, image = np.array(options.size), np.array(sample.image.shape[1::-1])
    box, points = _reference(sample, rng)
    longer = float((box[2:] - box[:2]).max())
    zoom = _draw_zoom(longer, canvas, image, options, rng)
    centre = (box[:2] + box[2:]) / 2
    if options.aim > 0 and zoom * longer > canvas.min() and len(points) and rng.random() < options.aim:
        centre = points[rng.integers(len(points))]
    degrees = float(np.clip(rng.normal(0, options.rotation), -3 * options.rotation, 3 * options.rotation))
    at = (canvas - 1) / 2 + rng.uniform(-options.shift, options.shift, 2) * canvas
    ends = np.sort(
        [zoom * centre, canvas - 1 - zoom * (image - 1 - centre)], axis=0
    )  # the image's edges on the canvas's
    frame = compose(resize(zoom, zoom), rotate(degrees, (0.0, 0.0)))
    frame = compose(frame, pad(*(np.clip(at, *ends) - apply(frame, centre))))
    return compose(frame, flip(options.size[0])) if rng.random() < options.flip else frame


def _draw_zoom(longer: float, canvas: Ints, image: Ints, options: SpatialOptions, rng: np.random.Generator) -> float:
    """Enlargement for a person whose box's longer side is that long."""
    if options.native is not None:
        return float(rng.uniform(*options.native))
    low, high = (share * float(canvas.min()) / max(longer, 1.0) for share in options.person)
    low = min(max(low, options.filled * float((canvas / image).max())), high)
    return float(np.clip(np.exp(rng.uniform(np.log(low), np.log(high))), *options.zoom))


def warp(
    sample: Sample,
    frame: Matrix,
    size: tuple[int, int],
    fill: tuple[int, int, int] = (128, 128, 128),
    least: float = 0.0,
) -> Sample:
    """The sample seen through `frame` on a canvas of (width, height) `size`.

    A mirroring frame swaps left and right. Keypoints that leave the canvas become ABSENT, people of whom nothing is left go,
    those smaller than `least` become ignore regions. Beyond the image the canvas has the colour `fill` and nothing to ignore.
    """
    people, visibility = _moved_keypoints(sample, frame, size)
    boxes = _moved_boxes(sample.boxes, frame)
    areas = (sample.areas * abs(np.linalg.det(frame[:, :2]))).astype(np.float32)
    ignore = np.zeros(size[::-1], bool)
    if sample.ignore.any():
        ignore = _warp_image(sample.ignore.astype(np.uint8), frame, size, 0) > 0
    small = np.sqrt(areas) < least
    for left, top, right, bottom in np.clip(boxes[small], 0, max(size)).astype(int):
        ignore[top : bottom + 1, left : right + 1] = True
    keep = ~small & _is_there(visibility, boxes, size)
    image = _warp_image(sample.image, frame, size, fill)
    return Sample(image, people[keep], visibility[keep], areas[keep], boxes[keep], ignore, sample.name)


def move(sample: Sample, options: SpatialOptions, rng: np.random.Generator) -> Sample:
    """The sample on the canvas, moved at random."""
    fill = options.fill or draw_fill(rng)
    return warp(sample, draw_frame(sample, options, rng), options.size, fill, options.least)


def draw_fill(rng: np.random.Generator) -> tuple[int, int, int]:
    """A random colour."""
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _reference(sample: Sample, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The box (4,) that the draw is about and the labelled keypoints (M, 2) in it: of a random person, or of the image."""
    if len(sample.people):
        person = rng.integers(len(sample.people))
        return sample.boxes[person], sample.people.xy[person][sample.visibility[person] >= HIDDEN]
    height, width = sample.image.shape[:2]
    return np.array([0, 0, width - 1, height - 1], np.float32), np.empty((0, 2), np.float32)


def _moved_keypoints(sample: Sample, frame: Matrix, size: tuple[int, int]) -> tuple[People, Flags]:
    visibility, people = sample.visibility, sample.people
    xy = apply(frame, people.xy)
    if np.linalg.det(frame[:, :2]) < 0:
        mirrored = people.skeleton.flip
        xy, visibility = xy[:, mirrored], visibility[:, mirrored]
    inside = ((xy >= -0.5) & (xy < np.array(size) - 0.5)).all(-1)
    visibility = np.where((visibility >= HIDDEN) & ~inside, ABSENT, visibility).astype(np.int8)
    marked = visibility >= HIDDEN
    moved = np.where(marked[..., None], xy, np.nan).astype(np.float32)
    return People(people.skeleton, moved, marked.astype(np.float32), ids=people.ids), visibility


def _moved_boxes(boxes: Floats, frame: Matrix) -> Floats:
    """Boxes about the moved ellipses that fill the boxes: people do not fill corners, so turned boxes need not grow as much."""
    centres = apply(frame, (boxes[:, :2] + boxes[:, 2:]) / 2)
    half = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (frame[:, :2] ** 2).T)
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)


def _is_there(visibility: Flags, boxes: Floats, size: tuple[int, int]) -> Mask:
    """(N,) whether a labelled keypoint is on the canvas, or one that nobody marked may be."""
    outside = (boxes[:, 2:] < 0).any(1) | (boxes[:, 0] > size[0] - 1) | (boxes[:, 1] > size[1] - 1)
    return np.asarray((visibility >= HIDDEN).any(1) | ((visibility == UNKNOWN).any(1) & ~outside))


def _warp_image(image: Image, frame: Matrix, size: tuple[int, int], fill: int | tuple[int, int, int]) -> Image:
    """One bilinear warp (nearest for a mask); an image made less than half as large is averaged down first, against aliasing."""
    import cv2

    zoom = float(np.sqrt(abs(np.linalg.det(frame[:, :2]))))
    if zoom < 0.5 and image.ndim == 3:
        height, width = image.shape[:2]
        smaller = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        image = np.asarray(cv2.resize(image, smaller, interpolation=cv2.INTER_AREA), np.uint8)
        frame = compose(invert(resize(smaller[0] / width, smaller[1] / height)), frame)
    mode = cv2.INTER_LINEAR if image.ndim == 3 else cv2.INTER_NEAREST
    border = fill if isinstance(fill, tuple) else (fill,) * 3
    # inverting here saves OpenCV a third of the time
    flags = mode | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, invert(frame), size, flags=flags, borderValue=border), np.uint8)
