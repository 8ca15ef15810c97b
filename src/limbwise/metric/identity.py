"""IDF1 and HOTA: how well ids are kept over a whole sequence (Ristani et al. 2016; Luiten et al. 2021).

Both take a sequence as frames: ids (T,) of the true ones, ids (F,) of the found ones, each once a frame, and their similarity (T, F)
from 0 to 1, NaN where they can never be a pair. Definitions as in TrackEval, against which tests hold them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Frame = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]

ALPHAS = np.arange(0.05, 0.99, 0.05)  # the similarities at which HOTA matches, 0.05 to 0.95
TINY = np.finfo(np.float64).eps
LEAST = ALPHAS[:, None] - TINY


@dataclass(frozen=True)
class IdCounts:
    """Appearances that kept the id of their person (`kept`), of all `truth` and all `found` ones; sums of two are counts over both."""

    kept: int = 0
    truth: int = 0
    found: int = 0

    def __add__(self, other: IdCounts) -> IdCounts:
        return IdCounts(self.kept + other.kept, self.truth + other.truth, self.found + other.found)

    @property
    def idf1(self) -> float:
        """2 kept / (truth + found), 0 to 1; NaN where there is neither."""
        return 2 * self.kept / (self.truth + self.found) if self.truth + self.found else float("nan")

    @property
    def precision(self) -> float:
        return self.kept / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        return self.kept / self.truth if self.truth else float("nan")


@dataclass(frozen=True)
class HotaCounts:
    """Sums over frames at each of `ALPHAS` (19,): true positives, misses, false positives, association and similarity of the true
    positives; sums of two are those over both sequences."""

    matches: Floats
    misses: Floats
    false_positives: Floats
    association: Floats
    similarity: Floats

    def __add__(self, other: HotaCounts) -> HotaCounts:
        return HotaCounts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def detection(self) -> float:
        """DetA, 0 to 1."""
        return float(self._detection().mean())

    @property
    def associated(self) -> float:
        """AssA, 0 to 1."""
        return float(self._associated().mean())

    @property
    def located(self) -> float:
        """LocA, 0 to 1: mean similarity of the matches; 1 where there are none, as TrackEval has it."""
        return float((np.maximum(self.similarity, 1e-10) / np.maximum(self.matches, 1e-10)).mean())

    @property
    def hota(self) -> float:
        """Mean over ALPHAS of the geometric mean of DetA and AssA, 0 to 1; NaN where there is nobody, neither true nor found."""
        if not (self.matches + self.misses + self.false_positives).any():
            return float("nan")
        return float(np.sqrt(self._detection() * self._associated()).mean())

    def _detection(self) -> Floats:
        return np.asarray(self.matches / np.maximum(self.matches + self.misses + self.false_positives, 1))

    def _associated(self) -> Floats:
        return np.asarray(self.association / np.maximum(self.matches, 1))


def count_ids(frames: Iterable[Frame], least: float = 0.5) -> IdCounts:
    """Counts of a sequence for IDF1: each true id gets at most one found id, so that the most appearances at a similarity of `least`
    or more agree."""
    return Sightings.of(frames).ids(least)[0]


def count_hota(frames: Iterable[Frame]) -> HotaCounts:
    """Counts of a sequence for HOTA: in each frame the pairs that serve the association over the whole sequence best."""
    return Sightings.of(frames).hota()[0]


@dataclass(frozen=True, eq=False)
class Sightings:
    """The frames of a sequence on which people are seen J times over (by each of their joints, say), for J counts at once.

    `truth`, `found`: of each frame the numbers (t,) and (f,) of who is there, from 0. `alike`: of each frame (J, t, f) similarities,
    0 where they can never be a pair. `truths` (J, T) and `founds` (J, F): in how many frames each is seen.
    """

    truth: list[Numbers]
    found: list[Numbers]
    alike: list[Floats]
    truths: Floats
    founds: Floats

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> Sightings:
        """Of plain frames: J = 1, everybody seen wherever named."""
        listed = list(frames)
        names = [[np.asarray(frame[side]) for frame in listed] for side in (0, 1)]
        seen = [[np.ones((1, len(one)), np.bool_) for one in side] for side in names]
        alike = [np.asarray(similarity, np.float64).reshape(1, len(t), len(f))
                 for (_, _, similarity), t, f in zip(listed, *names, strict=True)]  # fmt: skip
        return cls.named(names[0], names[1], seen[0], seen[1], alike, 1)

    @classmethod
    def named(
        cls,
        truth: Sequence[npt.NDArray[Any]],
        found: Sequence[npt.NDArray[Any]],
        truth_seen: Sequence[Bools],
        found_seen: Sequence[Bools],
        alike: Iterable[Floats],
        joints: int,
    ) -> Sightings:
        """Of each frame: ids (t,) and (f,), which are seen (J, t) and (J, f), and similarities (J, t, f), NaN: never a pair."""
        truth_numbers, truths = _numbered(truth, truth_seen, joints)
        found_numbers, founds = _numbered(found, found_seen, joints)
        return cls(truth_numbers, found_numbers, [np.where(np.isnan(one), 0, one) for one in alike], truths, founds)

    def ids(self, least: float = 0.5) -> list[IdCounts]:
        """For IDF1, of each of the J."""
        together = self._pairs()
        for t, f, alike in self._meetings():
            together[:, t, f] += alike >= least
        kept = [one[linear_sum_assignment(one, maximize=True)].sum() for one in together]
        sums = zip(kept, self.truths.sum(1), self.founds.sum(1), strict=True)
        return [IdCounts(int(k), int(t), int(f)) for k, t, f in sums]

    def hota(self) -> list[HotaCounts]:
        """For HOTA, of each of the J."""
        aligned = self._aligned()
        together = np.zeros((len(self.truths), len(ALPHAS), *aligned.shape[1:]))
        matches, similarities = np.zeros((2, len(self.truths), len(ALPHAS)))
        own = np.arange(len(self.truths))[:, None]
        for t, f, alike in self._meetings():
            chosen = np.array([linear_sum_assignment(-one) for one in aligned[:, t, f] * alike])
            near = alike[own, chosen[:, 0], chosen[:, 1]][:, None]
            matched = near >= LEAST
            together[own, :, t[chosen[:, 0], 0], f[chosen[:, 1]]] += matched.transpose(0, 2, 1)
            matches += matched.sum(-1)
            similarities += (matched * near).sum(-1)
        joint = np.maximum(self.truths[:, None, :, None] + self.founds[:, None, None] - together, 1)
        misses, false_positives = (of.sum(1, keepdims=True) - matches for of in (self.truths, self.founds))
        association = (together**2 / joint).sum((2, 3))
        columns = zip(matches, misses, false_positives, association, similarities, strict=True)
        return [HotaCounts(*column) for column in columns]

    def _pairs(self) -> Floats:
        """(J, T, F) zeros."""
        return np.zeros((*self.truths.shape, self.founds.shape[1]))

    def _meetings(self) -> list[tuple[Numbers, Numbers, Floats]]:
        """The frames that have somebody on both sides, the true ones as a column (t, 1)."""
        frames = zip(self.truth, self.found, self.alike, strict=True)
        return [(truth[:, None], found, alike) for truth, found, alike in frames if alike.size]

    def _aligned(self) -> Floats:
        """(J, T, F) how much two belong together over the sequence: the Jaccard index of their shared similarities."""
        shared = self._pairs()
        for t, f, alike in self._meetings():
            union = alike.sum(1, keepdims=True) + alike.sum(2, keepdims=True) - alike
            shared[:, t, f] += alike / np.where(union > TINY, union, np.inf)
        return np.asarray(shared / np.maximum(self.truths[..., None] + self.founds[:, None] - shared, TINY))


def _numbered(names: Sequence[npt.NDArray[Any]], seen: Sequence[Bools], joints: int) -> tuple[list[Numbers], Floats]:
    """The names of every frame as numbers from 0, and (J, numbers) in how many frames each is seen."""
    every = np.concatenate([np.zeros(0, np.int64), *names])
    known, numbers = np.unique(every, return_inverse=True)
    times = np.zeros((joints, len(known)))
    ends = np.cumsum([len(one) for one in names])
    split = [numbers[end - len(one) : end] for one, end in zip(names, ends, strict=True)]
    for number, there in zip(split, seen, strict=True):
        times[:, number] += there
    return split, times
