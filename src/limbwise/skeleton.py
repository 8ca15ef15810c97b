"""Skeleton: which keypoints there are, which of them limbs join, which are left-right pairs, and how exactly each can be marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

# Names of one place on the body in different data sets.  OpenPose's neck lies between the shoulders, MPII's and LSP's a
# little higher; everybody maps them onto each other, and so do we.
SAME_PLACE = {"head_bottom": "neck", "upper_neck": "neck", "pelvis": "mid_hip"}

# How names tell the sides.
SIDES = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"))
LETTERS = {"l": "r", "r": "l", "L": "R", "R": "L"}

# Keypoints that are the middle of two others where a data set does not mark them (OpenPose's rule for COCO).
MIDDLE_OF = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}


@dataclass(frozen=True)
class Skeleton:
    """Keypoints and limbs of one kind of annotation.

    `keypoints`: K names, snake_case, sides first (left_wrist). `limbs`: pairs of keypoint indices, from and to. `sigmas`: K
    standard deviations of the OKS, in units of the square root of the person's area (COCO's convention). `parts`: named
    ranges of keypoints (body, face, left_hand, right_hand) as (start, stop). Left-right pairs follow from the names.
    Raises ValueError that names the field where the fields do not fit each other.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.keypoints)
        if not self.name:
            raise ValueError("name: must not be empty")
        if count == 0 or len(set(self.keypoints)) != count:
            raise ValueError("keypoints: at least one name is needed, and none twice")
        for limb in self.limbs:
            if not all(0 <= end < count for end in limb) or limb[0] == limb[1]:
                raise ValueError(f"limbs: {limb} does not join two of the {count} keypoints")
        if len(self.sigmas) != count or not all(0 < sigma < 10 for sigma in self.sigmas):
            raise ValueError(f"sigmas: {count} positive numbers are needed, got {len(self.sigmas)}")
        for part, (start, stop) in self.parts.items():
            if not 0 <= start < stop <= count:
                raise ValueError(f"parts: {part} = ({start}, {stop}) is not a range of the {count} keypoints")

    def __len__(self) -> int:
        return len(self.keypoints)

    def __hash__(self) -> int:
        return hash((self.name, self.keypoints, self.limbs))

    def index(self, keypoint: str) -> int:
        """Index of a keypoint by its name; raises KeyError that lists the names."""
        try:
            return self.keypoints.index(keypoint)
        except ValueError:
            raise KeyError(f"{keypoint!r} is not in {self.name}: {', '.join(self.keypoints)}") from None

    def reordered(self, keypoints: Sequence[str]) -> Skeleton:
        """The same with its keypoints in this order, in another than its own without parts; raises ValueError unless they are the same."""
        names = tuple(keypoints)
        if names == self.keypoints:
            return self
        if sorted(names) != sorted(self.keypoints):
            raise ValueError(f"keypoints: {', '.join(names)} are not those of {self.name}: {', '.join(self.keypoints)}")
        limbs = tuple((names.index(self.keypoints[a]), names.index(self.keypoints[b])) for a, b in self.limbs)
        return Skeleton(self.name, names, limbs, tuple(self.sigmas[self.keypoints.index(name)] for name in names))

    @cached_property
    def flip(self) -> npt.NDArray[np.intp]:
        """(K,) index of the mirror image of each keypoint; itself for keypoints in the middle."""
        return np.array([self.keypoints.index(m) if (m := mirror(k)) in self.keypoints else i
                         for i, k in enumerate(self.keypoints)], np.intp)  # fmt: skip

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) indices of every keypoint that has both sides."""
        return tuple((i, int(j)) for i, j in enumerate(self.flip) if i != j and is_left(self.keypoints[i]))

    def map_from(self, source: Skeleton) -> npt.NDArray[np.intp]:
        """(K,) for each own keypoint its index in `source`, -1 where `source` does not have it."""
        there = {place(name): i for i, name in reversed(list(enumerate(source.keypoints)))}
        return np.array([source.keypoints.index(name) if name in source.keypoints else there.get(place(name), -1)
                         for name in self.keypoints], np.intp)  # fmt: skip


def mirror(keypoint: str) -> str:
    """The name of the same keypoint on the other side, spelt alike: left_wing and right_wing, LeftWing, l_wing, wing_L."""
    for left, right in SIDES:
        if left in keypoint:
            return keypoint.replace(left, right)
        if right in keypoint:
            return keypoint.replace(right, left)
    return "_".join(LETTERS.get(part, part) for part in keypoint.split("_"))


def is_left(keypoint: str) -> bool:
    """Whether the name is that of a keypoint on the left side."""
    for left, right in SIDES:
        if left in keypoint or right in keypoint:
            return left in keypoint
    return any(part in ("l", "L") for part in keypoint.split("_"))


def place(keypoint: str) -> str:
    """One name for the same place on the body."""
    return SAME_PLACE.get(keypoint, keypoint)
