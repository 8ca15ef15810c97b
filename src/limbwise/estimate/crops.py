"""Crops: where a person's face and hands are, told from the body, and the pixels there as a network wants to see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.engine.prepare import Prepared, View, prepare
from limbwise.geometry import compose, invert, pad, resize
from limbwise.people import People
from limbwise.skeletons import OPENPOSE_18
from limbwise.spec import InputSpec

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]
Part = Literal["face", "left_hand", "right_hand"]

# Lengths of limbs in units of the person: about half the height of the head (DeNA's Chainer OpenPose). The torso's are taken
# where there is one of them, else all.
_TORSO = {("nose", "neck"): 0.85, ("neck", "left_hip"): 2.2, ("neck", "right_hip"): 2.2,
          ("left_shoulder", "left_ear"): 0.85, ("right_shoulder", "right_ear"): 0.85}  # fmt: skip
_SIDED = {("neck", "hip"): 2.2, ("hip", "knee"): 1.7, ("knee", "ankle"): 1.7, ("neck", "shoulder"): 0.6, ("shoulder", "elbow"): 0.93,
          ("elbow", "wrist"): 0.65, ("shoulder", "ear"): 0.85, ("nose", "eye"): 0.2, ("eye", "ear"): 0.25}  # fmt: skip
_MIDDLE = ("nose", "neck")
FACE_HALF, FACE_UP, HAND_HALF, HAND_AHEAD = 1.0, 0.2, 0.95, 0.3
SMALLEST = 4  # pixels; below that there is nothing to see


@dataclass(frozen=True)
class Crop:
    """A square of a picture: the `part` of person number `person` that is sought in it, its first column and row (which may lie
    outside the picture) and its `side`, in pixels."""

    part: Part
    person: int
    left: int
    top: int
    side: int

    def meets(self, width: int, height: int) -> bool:
        """Whether any of it lies inside a picture of that size."""
        return self.left < width and self.top < height and self.left + self.side > 0 and self.top + self.side > 0


def find_crops(people: People, parts: Sequence[Part], size: tuple[int, int]) -> list[Crop]:
    """The squares in which faces and hands of people are to be sought, part by part, in a picture of `size` (width, height).

    Rules of DeNA's Chainer OpenPose, with keypoints that are missing left out of them (there they count as points at (0, 0)). A
    person's unit u is the mean of its limbs over their lengths in units. Face: 2 u around a point 0.2 u above the nose, or above the
    middle of the eyes or the ears where there is no nose. Hand: 1.9 u around the wrist moved on by 0.3 of the forearm, where the
    elbow is there. What lies outside the picture altogether, or is smaller than 4 pixels, is left out.
    """
    bodies = people.as_skeleton(OPENPOSE_18).xy.astype(np.float64)
    crops = []
    for part in parts:
        for person, body in enumerate(bodies):
            unit, points = unit_length(body), dict(zip(OPENPOSE_18.keypoints, body, strict=True))
            centre = _face(points, unit) if part == "face" else _hand(points, part.removesuffix("_hand"))
            if np.isfinite(unit) and np.isfinite(centre).all():
                crops.append(_square(part, person, centre, 2 * unit * (FACE_HALF if part == "face" else HAND_HALF)))
    return [crop for crop in crops if crop.side >= SMALLEST and crop.meets(*size)]


def unit_length(body: Floats) -> float:
    """The unit of a body (18, 2) on OPENPOSE_18, NaN where keypoints are missing: in pixels, NaN where no limb is there."""
    torso = _lengths(body, _TORSO)
    if np.isfinite(torso).any():
        return float(np.nanmean(torso))
    rest = _lengths(body, _ALL)
    return float(np.nanmean(rest)) if np.isfinite(rest).any() else float("nan")


def _lengths(body: Floats, units: dict[tuple[str, str], float]) -> Floats:
    """What each limb says the unit is; NaN where it says nothing."""
    ends = body[[[OPENPOSE_18.index(end) for end in limb] for limb in units]]
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    return np.where(length > 0, length / np.array(list(units.values())), np.nan)


def _both_sides() -> dict[tuple[str, str], float]:
    """Every limb with its length in units."""
    limbs = {_MIDDLE: 1.0}
    for (a, b), units in _SIDED.items():
        for side in ("left_", "right_"):
            limbs[a if a in _MIDDLE else side + a, side + b] = units
    return limbs


_ALL = _both_sides()


def _face(points: dict[str, Floats], unit: float) -> Floats:
    eyes, ears = (points[f"left_{name}"] + points[f"right_{name}"] for name in ("eye", "ear"))
    seen = [point for point in (points["nose"], eyes / 2, ears / 2) if np.isfinite(point).all()]
    return seen[0] - (0, FACE_UP * unit) if seen else points["nose"]


def _hand(points: dict[str, Floats], side: str) -> Floats:
    wrist, elbow = points[f"{side}_wrist"], points[f"{side}_elbow"]
    return wrist + HAND_AHEAD * (wrist - elbow) if np.isfinite(elbow).all() else wrist


def _square(part: Part, person: int, centre: Floats, length: float) -> Crop:
    side = round(length)
    left, top = (round(c - (side - 1) / 2) for c in centre.tolist())
    return Crop(part, person, left, top, side)


def cut(image: Image, crop: Crop, spec: InputSpec) -> Prepared:
    """The pixels of a crop that meets the picture as a network's input, black outside the picture; left hands are mirrored.

    `image` (H, W, 3) uint8 RGB. The frame leads from pixels of `image` to those of the input.
    """
    side = spec.size.side
    x, y = max(crop.left, 0), max(crop.top, 0)
    seen = image[y : crop.top + crop.side, x : crop.left + crop.side]
    there = pad(-x, -y)
    if crop.side > side:  # averaged on the way down; the warp that follows hardly scales
        high, wide = seen.shape[:2]
        small = (max(1, round(wide * side / crop.side)), max(1, round(high * side / crop.side)))
        seen = np.asarray(cv2.resize(seen, small, interpolation=cv2.INTER_AREA), np.uint8)
        there = compose(there, resize(small[0] / wide, small[1] / high))
    frame = compose(pad(-crop.left, -crop.top), resize(side / crop.side, side / crop.side))
    square = cv2.warpAffine(seen, compose(invert(there), frame), (side, side), flags=cv2.INTER_LINEAR)
    inside = prepare(np.asarray(square, np.uint8), spec, View(1.0, crop.part == "left_hand"))
    return Prepared(inside.batch, compose(frame, inside.frame), inside.view)
