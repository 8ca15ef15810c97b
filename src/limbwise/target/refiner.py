"""False poses for a refiner to mend: swapped, foreign, shifted and missing keypoints; what it shall put out are target/deepercut's discs.

The corruptions are those that the published refiner is said to have been trained with (Fieraru et al., CVPR-W 2018); its rates are not
published, so they are options. Lengths are in spreads of the true pose (see `engine.posed`), of which a standing person is about 3.5 high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.sample import HIDDEN, Sample
from limbwise.skeleton import Skeleton

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Corruptions:
    """How poses go wrong. `clean`: the chance that a whole pose is left as it is; else, of each keypoint: `swap`, that a left and a right
    one change places, or (half as often each) one takes the other's; `foreign`, that it goes to the same keypoint of a neighbour;
    `missing`, that it is gone. All others are shifted, evenly over directions and lengths up to `near`, or, with the chance `astray`, up
    to `far`, in spreads of the pose."""

    clean: float = 0.25
    swap: float = 0.1
    foreign: float = 0.1
    missing: float = 0.3
    near: float = 0.25
    astray: float = 0.1
    far: float = 1.3

    def __post_init__(self) -> None:
        if not all(0 <= chance <= 1 for chance in (self.clean, self.swap, self.foreign, self.missing, self.astray)):
            raise ValueError("clean, swap, foreign, missing, astray: between 0 and 1")


def corrupt(
    xy: Floats, others: Floats, size: float, skeleton: Skeleton, options: Corruptions, rng: np.random.Generator
) -> Floats:
    """A false version of the true pose (K, 2), NaN where missing; `others` (N, K, 2) are the neighbours, `size` the pose's spread in
    pixels. At least one keypoint of the pose is left."""
    if rng.random() < options.clean:
        return xy.copy()
    false = _swapped(xy, skeleton, options, rng)
    foreign = (rng.random(len(xy)) < options.foreign) if len(others) else np.zeros(len(xy), bool)
    for k in np.flatnonzero(foreign):
        theirs = others[rng.integers(len(others)), k]
        false[k] = np.where(np.isnan(theirs), false[k], theirs)
    reach = size * np.where(rng.random(len(xy)) < options.astray, options.far, options.near)
    angle = rng.uniform(0, 2 * np.pi, len(xy))
    false += (reach * rng.uniform(0, 1, len(xy)))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    gone = rng.random(len(xy)) < options.missing
    there = np.flatnonzero(~np.isnan(false[:, 0]))
    if len(there) and gone[there].all():
        gone[rng.choice(there)] = False
    return np.where(gone[:, None], np.nan, false)


def _swapped(xy: Floats, skeleton: Skeleton, options: Corruptions, rng: np.random.Generator) -> Floats:
    false = xy.copy()
    for left, right in skeleton.pairs:
        if rng.random() >= options.swap:
            continue
        kind = rng.integers(4)  # 0, 1: they change places; 2, 3: one takes the other's
        if kind != 3:
            false[left] = xy[right]
        if kind != 2:
            false[right] = xy[left]
    return false


def marked(scene: Sample, least: int) -> Sequence[int]:
    """The people of a scene of whom at least so many keypoints are labelled."""
    return np.flatnonzero((scene.visibility >= HIDDEN).sum(1) >= least).tolist()
