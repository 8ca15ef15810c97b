"""A refiner against LSP: PCK of true poses and of corrupted ones, before and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset
from limbwise.engine.posed import spread
from limbwise.errors import InputError
from limbwise.metric.pck import PckNumbers, PckTally
from limbwise.people import People
from limbwise.sample import SEEN
from limbwise.target.refiner import Corruptions, corrupt

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RefinerResult:
    """PCK of `images` people: of true poses `refined_true` (before: all of it), of corrupted ones `corrupted` before and `refined` after;
    `names`: the keypoints in the order of the numbers."""

    refined_true: PckNumbers
    corrupted: PckNumbers
    refined: PckNumbers
    names: tuple[str, ...]
    images: int


def evaluate_refiner(
    refine: Callable[[Image, People], People],
    dataset: Dataset,
    corruptions: Corruptions,
    share: float = 0.2,
    seed: int = 0,
    tell: Callable[[], None] = lambda: None,
) -> RefinerResult:
    """PCK by the torso of the first labelled person of each image, whose pose is given to `refine` as it is and corrupted.

    The corruption of an image is drawn from (`seed`, its number) alone, `corruptions.clean` does not count. `refine` takes an RGB image and
    people and gives the same people again. Raises InputError where there is no image.
    """
    if not len(dataset):
        raise InputError(f"{dataset.images.where}: holds no images")
    skeleton = dataset.skeleton
    always = Corruptions(**{**vars(corruptions), "clean": 0.0})
    tallies = [PckTally(skeleton, skeleton) for _ in range(3)]
    for i in range(len(dataset)):
        labels = dataset.labels(i)
        true = np.where(labels.marked[0][:, None], labels.xy[0], np.nan).astype(np.float64)
        rng = np.random.default_rng((seed, i))
        false = corrupt(true, np.zeros((0, *true.shape)), spread(true), skeleton, always, rng)
        given = People(skeleton, np.stack([true, false]).astype(np.float32), np.ones((2, len(skeleton)), np.float32))
        refined = refine(dataset.image(i), given)
        seen = labels.visibility[0] >= SEEN
        for tally, pose in zip(tallies, (refined.xy[0], false, refined.xy[1]), strict=True):
            tally.add(pose, labels.xy[0], seen)
        tell()
    refined_true, corrupted, refined_false = (tally.numbers(share) for tally in tallies)
    return RefinerResult(refined_true, corrupted, refined_false, tallies[0].names, len(dataset))
