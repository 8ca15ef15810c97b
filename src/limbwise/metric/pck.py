"""Percentage of correct keypoints (PCK; Yang and Ramanan 2013): right is what lies within a share of a length of the true person.

The length: the torso (LSP), the head (PCKh; Andriluka et al. 2014, MPII), or the longer side of the keypoints' box (the published
DeeperCut code).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.errors import UsageError
from limbwise.skeleton import Skeleton, place

Length = Literal["torso", "head", "box"]
SHARES: dict[Length, float] = {"torso": 0.2, "head": 0.5, "box": 0.2}  # the usual ones

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class PckNumbers:
    """`pck`: share of right keypoints over all that count; `keypoints` (K,): of each, NaN where none counts; `counted` (K,)."""

    pck: float
    keypoints: npt.NDArray[np.float64]
    counted: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """The mean over the keypoints that count, however often each does: the total of the published DeeperCut code."""
        return float(self.keypoints[self.counted > 0].mean()) if self.counted.any() else 0.0


def pck(
    found: Floats, truth: Floats, visible: npt.NDArray[np.bool_], lengths: Floats, share: float = 0.2
) -> PckNumbers:
    """PCK of one found person for each of N true ones.

    `found`, `truth` (N, K, 2), NaN where missing; `visible` (N, K) which true keypoints count; `lengths` (N,) the reference length
    of each person, NaN: none of its keypoints counts. A keypoint that was not found is wrong.
    """
    counts = visible & np.isfinite(lengths)[:, None] & np.isfinite(truth).all(-1)
    with np.errstate(invalid="ignore"):
        right = (np.linalg.norm(found - truth, axis=-1) <= share * lengths[:, None]) & counts
    counted = counts.sum(0)
    each = np.divide(right.sum(0), counted, out=np.full(len(counted), np.nan), where=counted > 0)
    return PckNumbers(float(right.sum() / max(1, counted.sum())), each, counted.astype(np.int64))


def has_torso(skeleton: Skeleton) -> bool:
    """Whether a skeleton has both ends of a torso."""
    return {"left_shoulder", "right_hip"} <= set(skeleton.keypoints)


def torso_lengths(truth: Floats, visible: npt.NDArray[np.bool_], skeleton: Skeleton) -> npt.NDArray[np.float64]:
    """(N,) distances from left shoulder to right hip (LSP's convention), NaN where either is not visible.

    Raises UsageError for a skeleton without them.
    """
    if not has_torso(skeleton):
        raise UsageError(
            f"{skeleton.name}: has no torso, from left_shoulder to right_hip; judge it by the box (--by box)"
        )
    a, b = skeleton.index("left_shoulder"), skeleton.index("right_hip")
    length = np.linalg.norm(truth[:, a].astype(np.float64) - truth[:, b], axis=-1)
    return np.where(visible[:, a] & visible[:, b], length, np.nan)


def box_lengths(truth: Floats, visible: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(N,) longer sides of the boxes about the visible keypoints, NaN where none or only one is."""
    there = (visible & np.isfinite(truth).all(-1))[..., None]
    low = np.where(there, truth, np.inf).min(1, initial=np.inf)
    high = np.where(there, truth, -np.inf).max(1, initial=-np.inf)
    sides = (high - low).max(1, initial=-np.inf)
    return np.where(sides > 0, sides, np.nan).astype(np.float64)


def joint_groups(names: tuple[str, ...]) -> dict[str, list[int]]:
    """Keypoints by joint: left and right of each in one group, in the order of the first of each."""
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        groups.setdefault(name.removeprefix("left_").removeprefix("right_"), []).append(k)
    return groups


def by_joint(numbers: PckNumbers, names: tuple[str, ...]) -> dict[str, float]:
    """PCK of each joint: the mean of its sides, as the published DeeperCut code has it; NaN where neither counts."""
    found = {}
    for joint, group in joint_groups(names).items():
        counts = [k for k in group if numbers.counted[k]]
        found[joint] = float(numbers.keypoints[counts].mean()) if counts else float("nan")
    return found


class PckTally:
    """Collects one found and one true person an image, on the keypoints that both skeletons have (`names`, those of the truth), and
    counts them."""

    def __init__(self, found: Skeleton, truth: Skeleton) -> None:
        own = {place(name): k for k, name in enumerate(found.keypoints)}
        self.names = tuple(name for name in truth.keypoints if place(name) in own)
        self._truth_skeleton = truth
        self._mine = [own[place(name)] for name in self.names]
        self._theirs = [truth.index(name) for name in self.names]
        self._rows: list[tuple[Floats, Floats, npt.NDArray[np.bool_], float]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        found: Floats,
        truth: Floats,
        visible: npt.NDArray[np.bool_],
        by: Length = "torso",
        head_size: float = float("nan"),
    ) -> None:
        """One person: found (K, 2) on its skeleton, truth (J, 2) and visible (J,) on theirs, and the length to judge it by."""
        length = head_size
        if by == "torso":
            length = float(torso_lengths(truth[None], visible[None], self._truth_skeleton)[0])
        elif by == "box":
            length = float(box_lengths(truth[None], visible[None])[0])
        self._rows.append((found[self._mine], truth[self._theirs], visible[self._theirs], length))

    def numbers(self, share: float = 0.2) -> PckNumbers:
        """PCK of all that was added."""
        found, truth, visible, lengths = (np.array(column) for column in zip(*self._rows, strict=True))
        return pck(found, truth, visible, lengths, share)
