"""Several samples on one canvas, so that pictures of single people teach grouping: people pasted over each other, and mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from limbwise.augment.cover import hide
from limbwise.people import People, Person
from limbwise.sample import Sample

Mask = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.float32]

# Lengths as shares of a standing person's height (Drillis and Contini 1966, rounded), from which a height can be told.
SHARES = {
    ("shoulder", "hip"): 0.29, ("hip", "knee"): 0.24, ("knee", "ankle"): 0.25,
    ("shoulder", "elbow"): 0.19, ("elbow", "wrist"): 0.15,
}  # fmt: skip
ENDS = ("wrist", "ankle")
TRUNK = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
COARSE = 4  # masks are soft: they are drawn and blurred on a canvas this much smaller


def paste(base: Sample, other: Sample, weights: Weights) -> Sample:
    """`other` over `base`, both on one canvas and skeleton, blended by `weights` (H, W), 0 keeps the base, 1 takes the other.

    Where more than half of the other is seen its ignore mask holds too, and the base's keypoints there are hidden (see cover.hide).
    """
    import cv2

    taken = weights > 0.5
    image = np.asarray(cv2.blendLinear(base.image, other.image, 1 - weights, weights), np.uint8)
    below = replace(hide(base, taken), image=image, ignore=np.where(taken, other.ignore, base.ignore))
    return gather(below, [other])


def gather(canvas: Sample, others: Sequence[Sample]) -> Sample:
    """The canvas's pixels and ignore mask with the people of all, in that order."""
    samples = [canvas, *others]
    xy, scores = (np.concatenate([getattr(s.people, name) for s in samples]) for name in ("xy", "scores"))
    visibility, areas, boxes = (
        np.concatenate([getattr(s, name) for s in samples]) for name in ("visibility", "areas", "boxes")
    )
    people = People(canvas.people.skeleton, xy, scores)
    name = " + ".join(dict.fromkeys(s.name for s in samples))
    return replace(canvas, people=people, visibility=visibility, areas=areas, boxes=boxes, name=name)


def place(tiles: Sequence[tuple[Sample, int, int]], size: tuple[int, int]) -> Sample:
    """A mosaic: each tile's pixels with its left and top on a canvas of (width, height) `size`; tiles must fill it."""
    width, height = size
    image, ignore = np.empty((height, width, 3), np.uint8), np.zeros((height, width), bool)
    moved = []
    for tile, left, top in tiles:
        rows, columns = tile.image.shape[:2]
        image[top : top + rows, left : left + columns] = tile.image
        ignore[top : top + rows, left : left + columns] = tile.ignore
        by = np.array([left, top], np.float32)
        moved.append(
            replace(tile, people=replace(tile.people, xy=tile.people.xy + by), boxes=tile.boxes + np.tile(by, 2))
        )
    first, *rest = moved
    return gather(replace(first, image=image, ignore=ignore), rest)


def person_weights(person: Person, size: tuple[int, int], thickness: float, softness: float) -> Weights | None:
    """(H, W) float32 0 to 1: about where one person is on a canvas of (width, height) `size`, from the limbs alone.

    Capsules along the limbs, the trunk filled, hands and feet lengthened; `thickness`: their radius as a share of the person's
    height (told from the longest limb for its kind, where none is known from how far its keypoints reach); `softness`: blur of
    the edge as a share of the radius. None for a person of whom no limb is labelled.
    """
    import cv2

    height = stature(person) or _reach(person)
    if not height > 0:
        return None
    radius = max(thickness * height, 1.0) / COARSE
    mask = np.zeros((-(-size[1] // COARSE), -(-size[0] // COARSE)), np.uint8)
    for a, b in _segments(person, 0.05 * height):
        cv2.line(mask, _cell(a), _cell(b), 255, max(1, round(2 * radius)))
    trunk = [person[name][:2] for name in TRUNK if name in person.skeleton.keypoints]
    if len(trunk) == len(TRUNK) and not np.isnan(trunk).any():
        cv2.fillConvexPoly(mask, cv2.convexHull(np.array([_cell(corner) for corner in trunk], np.int32)), 255)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.3, softness * radius)), np.uint8)
    shape = (mask.shape[1] * COARSE, mask.shape[0] * COARSE)
    mask = np.asarray(cv2.resize(mask, shape, interpolation=cv2.INTER_LINEAR)[: size[1], : size[0]], np.uint8)
    return mask.astype(np.float32) / np.float32(255)


def stature(person: Person) -> float:
    """Height of the standing person in pixels, at least: the greatest that any limb speaks for; 0 where none is labelled."""
    names = person.skeleton.keypoints
    heights = [0.0]
    for (start, stop), share in SHARES.items():
        for side in ("left", "right"):
            if {f"{side}_{start}", f"{side}_{stop}"} <= set(names):
                ends = person[f"{side}_{start}"][:2], person[f"{side}_{stop}"][:2]
                heights.append(float(np.hypot(*(ends[1] - ends[0]))) / share)
    return float(np.nanmax(heights))


def _reach(person: Person) -> float:
    """The longer side of the box about the ends of limbs that are labelled, in pixels; 0 where none is."""
    ends = {end for limb in person.skeleton.limbs if not np.isnan(person.xy[list(limb)]).any() for end in limb}
    return float(np.ptp(person.xy[sorted(ends)], axis=0).max()) if ends else 0.0


def _segments(person: Person, beyond: float) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Both ends of each labelled limb; one that ends at a wrist or an ankle goes `beyond` it, for the hand or foot."""
    segments = []
    for a, b in person.skeleton.limbs:
        if np.isnan(person.xy[[a, b]]).any():
            continue
        ends = {a: person.xy[a], b: person.xy[b]}
        for end, start in ((a, b), (b, a)):
            if person.skeleton.keypoints[end].endswith(ENDS):
                along = ends[end] - ends[start]
                ends[end] = ends[end] + along * np.float32(beyond / max(float(np.hypot(*along)), 1e-6))
        segments.append((ends[a], ends[b]))
    return segments


def _cell(xy: npt.NDArray[np.float32]) -> tuple[int, int]:
    x, y = np.clip((xy + np.float32(0.5)) / COARSE - np.float32(0.5), -9999, 9999).round()
    return int(x), int(y)
