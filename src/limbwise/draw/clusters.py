"""Detected parts and whom they were given to: a dot each, threads to the middle of its person, hollow where it is nobody's."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.draw.palette import OUTLINE, WHITE, id_colour
from limbwise.draw.text import Image, check_image

SHIFT = 4  # OpenCV draws at 1/16 pixel


def draw_clusters(
    image: Image, xy: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> Image:
    """A new picture (H, W, 3) uint8 RGB: `image` with M parts of people.

    `xy` (M, 2) pixels, `scores` (M,) 0 to 1 by which dots are large, `labels` (M,) the person of each, from 0; -1: nobody's, drawn as a
    hollow dot. Parts of one person have one colour. Places that are not numbers are left out. Raises ValueError for other shapes.
    """
    drawn = check_image(image).copy()
    if np.shape(xy) != (len(labels), 2) or np.shape(scores) != (len(labels),):
        raise ValueError(
            f"xy, scores: expected ({len(labels)}, 2) and ({len(labels)},), got {np.shape(xy)}, {np.shape(scores)}"
        )
    size = float(np.clip(0.009 * np.sqrt(drawn.shape[0] * drawn.shape[1]), 2, 24))
    there = np.isfinite(xy).all(1) & (np.abs(np.nan_to_num(xy)) < 1e6).all(1)
    for person in np.unique(labels[there & (labels >= 0)]).tolist():
        own = xy[there & (labels == person)]
        for end in own:
            thickness = max(1, round(size / 5))
            cv2.line(drawn, _fixed(own.mean(0)), _fixed(end), id_colour(person), thickness, cv2.LINE_AA, SHIFT)
    for place, score, label in zip(xy[there], scores[there], labels[there], strict=True):
        radius = size * (0.5 + 0.5 * float(np.clip(np.nan_to_num(score), 0, 1)))
        _dot(drawn, place, radius, None if label < 0 else id_colour(int(label)))
    return drawn


def _dot(drawn: Image, place: npt.NDArray[np.floating], radius: float, colour: tuple[int, int, int] | None) -> None:
    centre, fixed = _fixed(place), round(radius * 2**SHIFT)
    if colour is None:
        ring = fixed + 3 * 2**SHIFT  # so that there is room within, however small
        cv2.circle(drawn, centre, ring, OUTLINE, 3, cv2.LINE_AA, SHIFT)
        cv2.circle(drawn, centre, ring, WHITE, 1, cv2.LINE_AA, SHIFT)
    else:
        cv2.circle(drawn, centre, round(fixed + 2**SHIFT), OUTLINE, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(drawn, centre, fixed, colour, -1, cv2.LINE_AA, SHIFT)


def _fixed(place: npt.NDArray[np.floating]) -> tuple[int, int]:
    x, y = (round(float(value) * 2**SHIFT) for value in place)
    return x, y
