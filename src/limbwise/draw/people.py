"""People on pictures: limbs as rounded sticks, keypoints as dots, boxes and ids; every size follows the picture and the person.

Sticks and dots have a thin dark rim, so that they stand out on any ground. All of them are drawn opaque on a copy of the people's
surroundings, which is blended with the picture once: the cost follows the area of the people, not their number of limbs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.draw.palette import OUTLINE, Colour, id_colour, is_face, keypoint_colours, limb_colours, side_of
from limbwise.draw.text import Image, check_image, put_chip, text_height
from limbwise.draw.trails import Trails
from limbwise.fields import option
from limbwise.people import People
from limbwise.skeleton import Skeleton

Floats = npt.NDArray[np.float32]

SHIFT = 4  # OpenCV draws at 1/16 pixel
FINE = 0.4  # width of the lines of a face outline or a hand, as a share of the body's
UNSEEN = 0.45  # width of limbs to keypoints that were filled in without being seen


@dataclass(frozen=True)
class DrawOptions:
    """How people are drawn.

    Without ids the "id" palette goes by the order of the people. Limbs that end in a keypoint below `kpt_thr` are left out too;
    keypoints that were filled in are drawn thin.
    Raises ValueError that names the field.
    """

    palette: Literal["limb", "id"] = option("limb", "a colour per place on the body, or per person")
    background: Literal["image", "black", "white"] = option("image", "what the people are drawn on")
    alpha: float = option(0.9, "how much the drawing covers, 0 to 1")
    kpt_thr: float = option(0.05, "leave out keypoints with a lower score")
    limbs: bool = option(True, "draw the limbs")
    joints: bool = option(True, "draw the keypoints")
    boxes: bool = option(False, "draw a box around each person")
    ids: bool = option(True, "draw the ids, where people have them")
    trail: float = option(1.0, "seconds of the trail behind each person who is followed; 0: none")
    line_width: float | None = option(None, "width of limbs in pixels (default: by the size of picture and person)")

    def __post_init__(self) -> None:
        if self.palette not in ("limb", "id"):
            raise ValueError(f"palette: limb or id, got {self.palette!r}")
        if self.background not in ("image", "black", "white"):
            raise ValueError(f"background: image, black or white, got {self.background!r}")
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha: 0 to 1, got {self.alpha}")
        if not 0 <= self.trail <= 60:
            raise ValueError(f"trail: 0 to 60 seconds, got {self.trail}")
        if self.line_width is not None and not 0 < self.line_width <= 1000:
            raise ValueError(f"line_width: more than 0 pixels and at most 1000, got {self.line_width}")


@dataclass(frozen=True)
class _Figure:
    """One person ready to draw: keypoints that are shown (K, 2) with NaN for the others, which of them were filled in (K,), their box
    x0 y0 x1 y1, the width of body limbs and the rim around them in pixels, and the number that gives the colour."""

    xy: Floats
    filled: npt.NDArray[np.bool_]
    box: Floats
    width: float
    rim: float
    number: int


def draw_people(
    image: Image, people: People, options: DrawOptions | None = None, trails: Trails | None = None
) -> Image:
    """A new picture (H, W, 3) uint8 RGB: `image` (same, unchanged) with the people on it, and `trails` under them.

    Keypoints further outside than the picture's longer side count as missing. Raises ValueError for another shape or dtype.
    """
    options = options or DrawOptions()
    image = check_image(image)
    ground = image if options.background == "image" else np.full_like(image, 255 * (options.background == "white"))
    if trails is not None:
        ground = ground.copy()
        trails.draw(ground)
    drawn, canvas = ground.copy(), np.empty_like(ground)
    figures = _figures(ground, people, options)
    regions = [_region(figure, ground) for figure in figures]
    for region in regions:
        canvas[region] = ground[region]
    for figure in figures:
        _draw_figure(canvas, figure, people.skeleton, options)
    for region in regions:  # regions may overlap: each pixel comes from canvas and ground, never from `drawn`
        cv2.addWeighted(canvas[region], options.alpha, ground[region], 1 - options.alpha, 0, drawn[region])
    if options.ids and people.ids is not None:
        for figure in figures:
            _draw_id(drawn, figure, people.skeleton)
    return drawn


def _figures(image: Image, people: People, options: DrawOptions) -> list[_Figure]:
    """Those of the people who can be seen, large ones first, so that nobody small is covered."""
    high, wide = image.shape[:2]
    reach = max(high, wide)
    near = (people.xy >= -reach).all(-1) & (people.xy <= np.array([wide + reach, high + reach])).all(-1)
    shown = near & ((people.scores >= options.kpt_thr) | people.filled)
    figures = []
    for n in np.flatnonzero(shown.any(1)):
        xy = np.where(shown[n, :, None], people.xy[n], np.float32("nan"))
        box = np.concatenate([np.nanmin(xy, 0), np.nanmax(xy, 0)])
        number = int(n if people.ids is None else people.ids[n])
        width = options.line_width or _line_width(box, wide, high)
        figures.append(_Figure(xy, people.filled[n], box, width, float(np.clip(0.22 * width, 0.5, 3)), number))
    return sorted(figures, key=lambda figure: -_size(figure.box))


def _size(box: Floats) -> float:
    """Diagonal of a box."""
    return float(np.hypot(box[2] - box[0], box[3] - box[1]))


def _line_width(box: Floats, wide: int, high: int) -> float:
    """Width of limbs in pixels: a share of the person, not too much of the picture."""
    return float(max(1.5, min(0.022 * _size(box), 0.011 * np.sqrt(wide * high))))


def _region(figure: _Figure, image: Image) -> tuple[slice, slice]:
    """The part of the picture that a figure can touch."""
    margin = 2 * figure.width + figure.rim + 3
    low = np.maximum(np.floor(figure.box[:2] - margin), 0).astype(int)
    high = np.maximum(np.ceil(figure.box[2:] + margin), 0).astype(int)
    return slice(low[1], high[1] + 1), slice(low[0], high[0] + 1)


def _draw_figure(canvas: Image, figure: _Figure, skeleton: Skeleton, options: DrawOptions) -> None:
    limb_hues, joint_hues = _colours(skeleton, options.palette, figure.number)
    limb_shares, joint_shares = _shares(skeleton)
    if options.boxes:
        _draw_box(canvas, figure)
    if options.limbs and skeleton.limbs:
        limbs = np.array(skeleton.limbs)
        thin = np.where(figure.filled[limbs].any(1), np.float32(UNSEEN), np.float32(1))
        _draw_sticks(canvas, figure, limbs, limb_shares * thin, limb_hues)
    if options.joints:
        thin = np.where(figure.filled, np.float32(UNSEEN), np.float32(1))
        _draw_dots(canvas, figure, joint_shares * thin, joint_hues)


def _draw_sticks(
    canvas: Image, figure: _Figure, limbs: npt.NDArray[np.intp], shares: Floats, colours: tuple[Colour, ...]
) -> None:
    """All limbs whose two ends are shown: first the rims, then the colours, so that no rim cuts through a limb."""
    ends = figure.xy[limbs]
    which = np.flatnonzero(~np.isnan(ends).any((1, 2)))
    half = np.maximum(figure.width * shares[which], 1) / 2
    for rim in _sticks(ends[which], half, figure.rim * shares[which]):
        cv2.fillConvexPoly(canvas, rim, OUTLINE, cv2.LINE_AA, SHIFT)
    for i, stick in zip(which, _sticks(ends[which], half, np.zeros_like(half)), strict=True):
        cv2.fillConvexPoly(canvas, stick, colours[i], cv2.LINE_AA, SHIFT)


def _sticks(ends: Floats, half: Floats, rim: Floats) -> npt.NDArray[np.int32]:
    """(L, P, 2) outlines of lens-shaped sticks between `ends` (L, 2, 2), `half` (L,) as wide and grown by `rim` (L,), in
    1/16 pixels."""
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-3)[:, None]
    along = along / length
    across = np.stack([-along[:, 1], along[:, 0]], -1)
    lens = _superellipse(0.8)
    lengthwise, crosswise = (length / 2 + rim[:, None]) * lens[:, 0], (half + rim)[:, None] * lens[:, 1]
    points = ends.mean(1)[:, None] + lengthwise[..., None] * along[:, None] + crosswise[..., None] * across[:, None]
    return _sixteenths(points)


@lru_cache(maxsize=2)
def _superellipse(power: float) -> Floats:
    """(28, 2) outline of half length and half width 1: a circle for 1, fuller at its ends below."""
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    return np.asarray(np.sign(circle) * np.abs(circle) ** power, np.float32)


def _sixteenths(points: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
    """Pixels as the fixed-point numbers of OpenCV's drawing."""
    return np.asarray(np.rint(points * 2**SHIFT), np.int32)


def _draw_dots(canvas: Image, figure: _Figure, shares: Floats, colours: tuple[Colour, ...]) -> None:
    """Keypoints as discs with a rim, which the many of faces and hands go without; polygons, because small circles of OpenCV's are
    diamonds."""
    which = np.flatnonzero(~np.isnan(figure.xy[:, 0]))
    rimmed = shares[which] > FINE
    radii = np.maximum(0.72 * figure.width * shares[which], np.where(rimmed, 1, 0.6))[:, None, None]
    centres, circle = figure.xy[which, None], _superellipse(1)
    rims, discs = _sixteenths(centres + (radii + figure.rim) * circle), _sixteenths(centres + radii * circle)
    for k, has_rim, rim, disc in zip(which, rimmed, rims, discs, strict=True):
        if has_rim:
            cv2.fillConvexPoly(canvas, rim, OUTLINE, cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(canvas, disc, colours[k], cv2.LINE_AA, SHIFT)


def _draw_box(canvas: Image, figure: _Figure) -> None:
    """The box of the keypoints, a limb's width around them."""
    corners = _sixteenths(figure.box + figure.width * np.array([-1.5, -1.5, 1.5, 1.5])).tolist()
    width = max(1, round(figure.width / 4))
    for thickness, colour in ((width + 1, OUTLINE), (width, id_colour(figure.number))):
        cv2.rectangle(canvas, corners[:2], corners[2:], colour, thickness, cv2.LINE_AA, SHIFT)


def _draw_id(image: Image, figure: _Figure, skeleton: Skeleton) -> None:
    """The id on a chip above the highest keypoint, over the forehead where that is an eye or the nose."""
    k = int(np.nanargmin(figure.xy[:, 1]))
    x, y = figure.xy[k]
    name = skeleton.keypoints[k]
    high, wide = image.shape[:2]
    left, top, right, bottom = figure.box
    if right < 0 or bottom < 0 or left > wide - 1 or top > high - 1:
        return
    forehead = 0.08 * (bottom - top) if is_face(name) and name != "head_top" else 0
    text = min(text_height(wide, high), max(7.0, 0.1 * _size(figure.box)))
    put_chip(image, str(figure.number), x, y - 2 * figure.width - forehead, text, id_colour(figure.number))


def _colours(skeleton: Skeleton, palette: str, number: int) -> tuple[tuple[Colour, ...], tuple[Colour, ...]]:
    """Colours of the limbs and of the keypoints."""
    if palette == "limb":
        return limb_colours(skeleton), keypoint_colours(skeleton)
    joints = tuple(id_colour(number, side_of(name)) for name in skeleton.keypoints)
    limbs = tuple(joints[b] if joints[b] == joints[a] or side_of(skeleton.keypoints[a]) == "" else id_colour(number)
                  for a, b in skeleton.limbs)  # fmt: skip
    return limbs, joints


@lru_cache(maxsize=64)
def _shares(skeleton: Skeleton) -> tuple[Floats, Floats]:
    """(L,) widths of limbs and (K,) of keypoints as shares of the body's: lines of the head are finer, those of face and hands most."""
    fine = np.zeros(len(skeleton), bool)
    for part, (start, stop) in skeleton.parts.items():
        fine[start:stop] |= part != "body"
    head = np.array([is_face(name) for name in skeleton.keypoints])
    joints = np.where(fine, FINE, np.where(head, 0.75, 1)).astype(np.float32)
    a, b = np.array(skeleton.limbs, int).reshape(-1, 2).T
    limbs = np.where(fine[a] | fine[b], FINE, np.where(head[a] & head[b], 0.6, 1)).astype(np.float32)
    return limbs, joints
