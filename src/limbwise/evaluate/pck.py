"""A network against LSP: PCK of the one labelled person of each image, within a known box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset
from limbwise.errors import InputError
from limbwise.metric.pck import PckNumbers, PckTally
from limbwise.people import People
from limbwise.sample import SEEN
from limbwise.skeleton import Skeleton

Image = npt.NDArray[np.uint8]
Box = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PckResult:
    """`numbers` over `images` people; `names`: the keypoints that the model and the data share, in the order of the numbers."""

    numbers: PckNumbers
    names: tuple[str, ...]
    images: int


def evaluate_pck(
    find: Callable[[Image, Box], People],
    skeleton: Skeleton,
    dataset: Dataset,
    share: float = 0.2,
    tell: Callable[[], None] = lambda: None,
) -> PckResult:
    """PCK by the torso of the first labelled person of each image.

    `find` takes an RGB image and the person's box (xyxy, pixels of the image) and gives one person on `skeleton` there. Right is
    what lies within `share` of the distance from left shoulder to right hip. `tell` is called after each image. Raises InputError
    where the two skeletons share nothing or there is no image.
    """
    tally = PckTally(skeleton, dataset.skeleton)
    if not tally.names or not len(dataset):
        raise InputError(f"{dataset.images.where}: no image with keypoints that {skeleton.name} has")
    for i in range(len(dataset)):
        labels = dataset.labels(i)
        people = find(dataset.images.load(labels.name), labels.boxes[0])
        tally.add(people.xy[0], labels.xy[0], labels.visibility[0] >= SEEN)
        tell()
    return PckResult(tally.numbers(share), tally.names, len(dataset))
