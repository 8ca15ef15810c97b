"""CLEAR MOT: misses, false positives and switched ids of objects that are followed (Bernardin and Stiefelhagen 2008).

A pair of the frame before is kept while it is near enough; the rest is paired at the least distance, as many as possible; a pair
that differs from the object's last one, however long ago, is a switch. These are the rules of py-motmetrics, whose numbers
PoseTrack reports; tests hold the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Ids = npt.ArrayLike
Near = dict[tuple[int, int], float]  # distances of the pairs (object, found) that are possible


@dataclass(frozen=True)
class MotCounts:
    """What happened over frames; sums of two are counts over both.

    `objects` true ones, of which `matches` were found, `switches` of these under another id than before, and `misses` were not;
    `false_positives` found ones without a true one. `distance`: summed over the matches. `event_distance`: summed as poseval does it,
    over every pair that is near enough and again over the matches and what motmetrics notes beside switches.
    """

    objects: int = 0
    matches: int = 0
    switches: int = 0
    misses: int = 0
    false_positives: int = 0
    distance: float = 0.0
    event_distance: float = 0.0

    def __add__(self, other: MotCounts) -> MotCounts:
        return MotCounts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def mota(self) -> float:
        """1 - (misses + switches + false positives) / objects, at most 1; NaN without objects."""
        return 1 - _ratio(self.misses + self.switches + self.false_positives, self.objects)

    @property
    def motp(self) -> float:
        """Mean distance of the matches, from 0; NaN without matches."""
        return _ratio(self.distance, self.matches)

    @property
    def precision(self) -> float:
        """Matches among the found; NaN where nothing was found."""
        return _ratio(self.matches, self.matches + self.false_positives)

    @property
    def recall(self) -> float:
        """Matches among the objects; NaN without objects."""
        return _ratio(self.matches, self.objects)


class MotTally:
    """Counts over the frames of one sequence, given one after the other with `add`; `counts` holds the sum so far."""

    def __init__(self) -> None:
        self.counts = MotCounts()
        self._paired: dict[int, int] = {}  # the last found id of each object
        self._assigned: dict[int, int] = {}  # the last object of each found id, pairs that were kept left out
        self._found_before: set[int] = set()  # found ids that were ever matched

    def add(self, truth_ids: Ids, found_ids: Ids, distances: npt.ArrayLike) -> list[tuple[int, int]]:
        """One frame: ids (T,) of the objects and (F,) of what was found, each once, and distances (T, F), NaN: never a pair.

        Gives the matched pairs as ids (object, found).
        """
        truth, found = np.asarray(truth_ids).tolist(), np.asarray(found_ids).tolist()
        distance = np.asarray(distances, np.float64).reshape(len(truth), len(found))
        near = {(truth[i], found[j]): float(distance[i, j]) for i, j in np.argwhere(np.isfinite(distance)).tolist()}
        return self.add_near(truth, found, near)

    def add_near(self, truth: list[int], found: list[int], near: Near) -> list[tuple[int, int]]:
        """As `add`, with the distances of the pairs that are possible, by their ids."""
        kept = self._keep(truth, found, near)
        taken = {t for t, _ in kept}, {f for _, f in kept}
        rest = {pair: d for pair, d in near.items() if pair[0] not in taken[0] and pair[1] not in taken[1]}
        pairs = assign(rest)
        switches, noted = self._note(pairs, near)
        matched = sum(near[pair] for pair in kept + pairs)
        count = len(kept) + len(pairs)
        self.counts += MotCounts(
            len(truth), count, switches, len(truth) - count, len(found) - count, matched,
            sum(near.values()) + matched + noted,
        )  # fmt: skip
        return kept + pairs

    def _keep(self, truth: list[int], found: list[int], near: Near) -> list[tuple[int, int]]:
        """Pairs of before whose both ends are here and near enough."""
        free, kept = set(found), []
        for name in truth:
            before = self._paired.get(name)
            if before in free and (name, before) in near:
                kept.append((name, before))
                free.remove(before)  # two objects may have had it, one after the other
        return kept

    def _note(self, pairs: list[tuple[int, int]], near: Near) -> tuple[int, float]:
        """Remember new pairs: how many are switches, and the distances that motmetrics notes again beside them.

        Beside a switch to an id never seen (ASCEND), where the found id had another object (TRANSFER) and where it then goes to an
        object that was never found (MIGRATE).
        """
        switches, noted = 0, 0.0
        for mine, theirs in pairs:
            switched = mine in self._paired and self._paired[mine] != theirs
            transferred = theirs in self._assigned and self._assigned[theirs] != mine
            switches += switched
            times = (switched and theirs not in self._found_before) + transferred * (1 + (mine not in self._paired))
            noted += times * near[mine, theirs]
            self._paired[mine], self._assigned[theirs] = theirs, mine
            self._found_before.add(theirs)
        return switches, noted


def assign(near: Near) -> list[tuple[int, int]]:
    """As many of the pairs as possible, each name once, at the least sum of distances >= 0."""
    rows, columns = (sorted({pair[side] for pair in near}) for side in (0, 1))
    if len(rows) == len(columns) == len(near):
        return sorted(near)
    allowed = np.array([[(t, f) in near for f in columns] for t in rows])
    distances = np.array([[near.get((t, f), 0) for f in columns] for t in rows])
    never = 2 * min(distances.shape) * (distances.max() + 1) + 1  # one such pair costs more than all others can gain
    chosen = zip(*linear_sum_assignment(np.where(allowed, distances, never)), strict=True)
    return [(rows[i], columns[j]) for i, j in chosen if allowed[i, j]]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
