"""A network against labelled people: PCK of each, found within its known box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset
from limbwise.errors import InputError
from limbwise.metric.pck import Length, PckNumbers, PckTally
from limbwise.people import People
from limbwise.sample import HIDDEN
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
    by: Length = "torso",
) -> PckResult:
    """PCK of the labelled people of each image, over every keypoint that is marked, covered ones too.

    `find` takes an RGB image and the person's box (xyxy, pixels of the image) and gives one person on `skeleton` there. Right is
    what lies within `share` of a length of the labelled person: the torso (left shoulder to right hip), the head (PCKh, where the
    data set marks heads), or the longer side of the keypoints' box. `tell` is called after each image. Raises InputError where the
    two skeletons share nothing, there is no image, or no head size.
    """
    tally = PckTally(skeleton, dataset.skeleton)
    if not tally.names or not len(dataset):
        raise InputError(f"{dataset.images.where}: no image with keypoints that {skeleton.name} has")
    heads = 0
    for i in range(len(dataset)):
        labels, sizes = dataset.labels(i), dataset.head_sizes(i)
        image = dataset.image(i) if len(labels.xy) else None
        for box, xy, visibility, size in zip(labels.boxes, labels.xy, labels.visibility, sizes, strict=True):
            assert image is not None
            tally.add(find(image, box).xy[0], xy, visibility >= HIDDEN, by, float(size))
            heads += bool(np.isfinite(size))
        tell()
    if by == "head" and not heads:
        raise InputError(f"{dataset.images.where}: says no head sizes, of which PCKh is a share; MPII's labels do")
    if not len(tally):
        raise InputError(f"{dataset.images.where}: nobody is labelled")
    return PckResult(tally.numbers(share), tally.names, len(dataset))
