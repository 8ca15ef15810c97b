"""Real people without images: the keypoints of COCO train2017, for fitting and for problems of real sizes.

Needs ../shared/data/coco/coco_keypoints_train2017.npz, whose coordinates are shares of the image's sides, without the sides. COCO's
keypoints are whole pixels, though: the side is the one, of COCO's, that makes all of them whole.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.people import People
from limbwise.skeletons import COCO_17

FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "coco" / "coco_keypoints_train2017.npz"
SIDES: tuple[int, ...] = (640, 480, 427, 426, 425, 424, 428, 500, 375, 333, *range(639, 99, -1))  # the usual ones first


@dataclass(frozen=True, eq=False)
class Group:
    """The labelled people of one image of (width, height) `size`, in its pixels."""

    people: People
    size: tuple[int, int]


def groups(seed: int, least: int = 1, most: int = 99) -> Iterator[Group]:
    """The images with `least` to `most` people with keypoints, in an order that the seed gives; exits with a message without the file."""
    if not FILE.is_file():
        sys.exit(f"{FILE} is not there: it holds the people that this needs")
    data = np.load(FILE)
    counts, shares, marks = data["count"], data["xy_u16"] / 65535, data["v"] > 0
    ends = np.cumsum(counts)
    for i in np.random.default_rng(seed).permutation(len(counts)):
        rows = np.arange(ends[i] - counts[i], ends[i])
        rows = rows[marks[rows].any(1)]
        if not least <= len(rows) <= most:
            continue
        size = _side(shares[rows, :, 0][marks[rows]]), _side(shares[rows, :, 1][marks[rows]])
        xy = np.where(marks[rows][..., None], np.rint(shares[rows] * size), np.nan)
        yield Group(People(COCO_17, xy, marks[rows]), size)


def _side(shares: npt.NDArray[np.float64]) -> int:
    """The image's side: the first that makes whole pixels of all shares, 640 where none does."""
    for side in SIDES:
        pixels = shares * side
        if float(np.abs(pixels - np.rint(pixels)).max()) < 0.016:
            return side
    return 640
