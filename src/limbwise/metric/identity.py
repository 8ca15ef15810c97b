"""IDF1 and HOTA: how well ids are kept over a whole sequence (Ristani et al. 2016; Luiten et al. 2021).

Both take a sequence as frames: ids (T,) of the true ones, ids (F,) of the found ones, each once a frame, and their similarity (T, F)
from 0 to 1, NaN where they can never be a pair. Definitions as in TrackEval, against which tests hold them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float64]
Frame = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]

ALPHAS = np.arange(0.05, 0.99, 0.05)  # the similarities at which HOTA matches, 0.05 to 0.95
TINY = np.finfo(np.float64).eps


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
    numbered = _numbered(frames)
    together = np.zeros((numbered.truth, numbered.found))
    for truth, found, similarity in numbered.frames:
        together[np.ix_(truth, found)] += similarity >= least
    rows, columns = linear_sum_assignment(together, maximize=True)
    appeared = [sum(len(frame[side]) for frame in numbered.frames) for side in (0, 1)]
    return IdCounts(int(together[rows, columns].sum()), *appeared)


def count_hota(frames: Iterable[Frame]) -> HotaCounts:
    """Counts of a sequence for HOTA: in each frame the pairs that serve the association over the whole sequence best."""
    numbered = _numbered(frames)
    aligned = _aligned(numbered)
    together = np.zeros((len(ALPHAS), numbered.truth, numbered.found))
    matches, similarities = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))
    for truth, found, similarity in numbered.frames:
        rows, columns = linear_sum_assignment(aligned[np.ix_(truth, found)] * similarity, maximize=True)
        alike = similarity[rows, columns]
        matched = alike >= ALPHAS[:, None] - TINY
        together[:, truth[rows], found[columns]] += matched
        matches += matched.sum(1)
        similarities += (matched * alike).sum(1)
    truths, founds = numbered.appearances
    joint = np.maximum(truths[:, None] + founds - together, 1)
    return HotaCounts(
        matches, truths.sum() - matches, founds.sum() - matches, (together**2 / joint).sum((1, 2)), similarities
    )


@dataclass(frozen=True)
class _Numbered:
    """Frames whose ids are numbers from 0, `truth` and `found` of them, and whose similarities are 0 where they were NaN."""

    frames: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]]
    truth: int
    found: int

    @property
    def appearances(self) -> tuple[Floats, Floats]:
        """In how many frames each id is: (truth,) and (found,)."""
        counts = []
        for side, number in ((0, self.truth), (1, self.found)):
            seen = [frame[side] for frame in self.frames] or [np.zeros(0, np.intp)]
            counts.append(np.bincount(np.concatenate(seen), minlength=number).astype(np.float64))
        return counts[0], counts[1]


def _numbered(frames: Iterable[Frame]) -> _Numbered:
    numbers: Sequence[dict[int, int]] = ({}, {})
    rows = []
    for truth, found, similarity in frames:
        sides = [
            np.array([known.setdefault(name, len(known)) for name in np.asarray(ids).tolist()], np.intp)
            for known, ids in zip(numbers, (truth, found), strict=True)
        ]
        alike = np.nan_to_num(np.asarray(similarity, np.float64)).reshape(len(sides[0]), len(sides[1]))
        rows.append((sides[0], sides[1], alike))
    return _Numbered(rows, len(numbers[0]), len(numbers[1]))


def _aligned(numbered: _Numbered) -> Floats:
    """(truth, found) how much two ids belong together over the sequence: the Jaccard index of their shared similarities."""
    shared = np.zeros((numbered.truth, numbered.found))
    for truth, found, similarity in numbered.frames:
        union = similarity.sum(0)[None] + similarity.sum(1)[:, None] - similarity
        shared[np.ix_(truth, found)] += np.divide(similarity, union, out=np.zeros_like(similarity), where=union > TINY)
    truths, founds = numbered.appearances
    return np.asarray(shared / np.maximum(truths[:, None] + founds - shared, TINY))
