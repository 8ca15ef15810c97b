"""Percentage of correct keypoints (PCK; Yang and Ramanan 2013), by the torso as on LSP: right where it lies within a share of the
distance from the left shoulder to the right hip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.skeleton import Skeleton

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class PckNumbers:
    """`pck`: share of right keypoints over all that count; `keypoints` (K,): of each, NaN where none counts; `counted` (K,)."""

    pck: float
    keypoints: npt.NDArray[np.float64]
    counted: npt.NDArray[np.int64]


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


def torso_lengths(truth: Floats, visible: npt.NDArray[np.bool_], skeleton: Skeleton) -> npt.NDArray[np.float64]:
    """(N,) distances from left shoulder to right hip (LSP's convention), NaN where either is not visible."""
    a, b = skeleton.index("left_shoulder"), skeleton.index("right_hip")
    length = np.linalg.norm(truth[:, a].astype(np.float64) - truth[:, b], axis=-1)
    return np.where(visible[:, a] & visible[:, b], length, np.nan)


class PckTally:
    """Collects one found and one true person an image, on the keypoints that both skeletons have (`names`), and counts them."""

    def __init__(self, found: Skeleton, truth: Skeleton) -> None:
        self.names = tuple(name for name in truth.keypoints if name in found.keypoints)
        self._truth_skeleton = truth
        self._mine = [found.index(name) for name in self.names]
        self._theirs = [truth.index(name) for name in self.names]
        self._rows: list[tuple[Floats, Floats, npt.NDArray[np.bool_], float]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, found: Floats, truth: Floats, visible: npt.NDArray[np.bool_]) -> None:
        """One image: found (K, 2) on its skeleton, truth (J, 2) and visible (J,) on theirs."""
        length = torso_lengths(truth[None], visible[None], self._truth_skeleton)[0]
        self._rows.append((found[self._mine], truth[self._theirs], visible[self._theirs], float(length)))

    def numbers(self, share: float = 0.2) -> PckNumbers:
        """PCK of all that was added."""
        found, truth, visible, lengths = (np.array(column) for column in zip(*self._rows, strict=True))
        return pck(found, truth, visible, lengths, share)
