"""Sample: an image with its people and what to ignore, as training and evaluation see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.people import People

# What a label says of a keypoint. UNKNOWN: it may be anywhere, nobody marked it (LSP's hidden joints): leave it out of the loss.
# ABSENT: it is known not to be in the image. HIDDEN: marked, but covered by something. SEEN: marked and in sight.
UNKNOWN, ABSENT, HIDDEN, SEEN = -1, 0, 1, 2


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled image.

    `image` (H, W, 3) uint8 RGB. `people`: the labelled people, NaN where a keypoint is UNKNOWN or ABSENT. `visibility` (N, K)
    int8 of the constants above. `areas` (N,) float32 square pixels of the people themselves (segment), for OKS. `boxes` (N, 4)
    float32 xyxy around each whole person. `ignore` (H, W) bool: pixels where unlabelled people may be, left out of the loss.
    `name`: file name or image id, for messages. Raises ValueError with the expected and the actual shape.
    """

    image: npt.NDArray[np.uint8]
    people: People
    visibility: npt.NDArray[np.int8]
    areas: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    ignore: npt.NDArray[np.bool_]
    name: str

    def __post_init__(self) -> None:
        count, size = len(self.people), self.image.shape[:2]
        shapes = {"image": (*size, 3), "visibility": (count, len(self.people.skeleton)), "areas": (count,),
                  "boxes": (count, 4), "ignore": size}  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{self.name}: {name}: expected shape {shape}, got {getattr(self, name).shape}")
