"""PoseTrack's numbers: AP of keypoints, MOTA and its kin per joint, IDF1 and HOTA (Andriluka et al. 2018; poseval).

Two sets of rules. `POSEVAL` gives the numbers of the Python 3 poseval, with all its quirks: the last frame of each sequence is left
out of tracking, a frame where nobody is found or labelled counts as one miss and one false positive of every joint, MOTP counts
distances more than once, a joint that never occurs counts as AP 0 if nobody found it either. `STRICT` has none of these.
Everything is in percent; distances are in head sizes (0.6 x the diagonal of the labelled head box), right is what lies within half of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
import numpy.typing as npt

from limbwise.metric.identity import ALPHAS, HotaCounts, IdCounts, Sightings
from limbwise.metric.mot import MotCounts, MotTally, Near

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEAR = 0.5  # head sizes within which a keypoint is right
NO_SCORE = -9999.0  # poseval's score of a keypoint that has none


@dataclass(frozen=True)
class Rules:
    """`last_frame`: it counts in tracking; `real_counts`: frames without anybody count what is there; `right_motp`: each match counts
    once, and no match is no number; `absent_joint`: AP of a joint that never occurs is no number; `ties`: equal scores count together."""

    last_frame: bool = True
    real_counts: bool = True
    right_motp: bool = True
    absent_joint: bool = True
    ties: bool = True


STRICT = Rules()
POSEVAL = Rules(False, False, False, False, False)


@dataclass(frozen=True, eq=False)
class JudgedFrame:
    """What is labelled and what was found in one frame, on the J keypoints of one skeleton, float64.

    `truth` (T, J, 2) and `found` (F, J, 2) pixels, NaN where missing; `truth_ids` (T,), `found_ids` (F,) whole numbers, each once;
    `head_sizes` (T,) pixels; `scores` (F, J), NaN where there is none.
    """

    truth: Floats
    truth_ids: npt.NDArray[np.int64]
    head_sizes: Floats
    found: Floats
    found_ids: npt.NDArray[np.int64]
    scores: Floats

    @property
    def truth_there(self) -> Bools:
        """(T, J)"""
        return ~np.isnan(self.truth[..., 0])

    @property
    def found_there(self) -> Bools:
        """(F, J)"""
        return ~np.isnan(self.found[..., 0])

    @property
    def distances(self) -> Floats:
        """(F, T, J) in head sizes, NaN where either is missing."""
        pixels = np.linalg.norm(self.found[:, None] - self.truth[None], axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(pixels / self.head_sizes[None, :, None])


@dataclass(frozen=True)
class JointCounts:
    """What one joint gives over sequences: scores and rightness of all that was found, how many were labelled, and what its tracks do."""

    scores: Floats = field(default_factory=lambda: np.zeros(0))
    right: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    labelled: int = 0
    mot: MotCounts = field(default_factory=MotCounts)
    ids: IdCounts = field(default_factory=IdCounts)
    hota: HotaCounts = field(default_factory=lambda: HotaCounts(*np.zeros((5, len(ALPHAS)))))

    def __add__(self, other: JointCounts) -> JointCounts:
        return JointCounts(
            np.append(self.scores, other.scores), np.append(self.right, other.right), self.labelled + other.labelled,
            self.mot + other.mot, self.ids + other.ids, self.hota + other.hota,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PoseTrackNumbers:
    """In percent, each (J + 1,): of every joint, and of all as their mean without those that have no number (NaN).

    `ap` with the precision and recall of all that was found (`ap_precision`, `ap_recall`); `mota`, `motp` (100: no distance),
    `precision` and `recall` of tracking; `idf1`; `hota` with `detection` and `association` (similarity: 1 - distance in head sizes).
    """

    ap: Floats
    ap_precision: Floats
    ap_recall: Floats
    mota: Floats
    motp: Floats
    precision: Floats
    recall: Floats
    idf1: Floats
    hota: Floats
    detection: Floats
    association: Floats


def count(frames: Sequence[JudgedFrame], joints: int, rules: Rules) -> list[JointCounts]:
    """The counts of every joint over the labelled frames of one sequence, in order."""
    apart = [frame.distances for frame in frames]
    scores = np.concatenate([np.zeros((0, joints)), *(frame.scores for frame in frames)])
    right = np.concatenate([np.zeros((0, joints), np.bool_), *map(_right, apart, frames)])
    found = np.concatenate([np.zeros((0, joints), np.bool_), *(frame.found_there for frame in frames)])
    labelled = sum((frame.truth_there.sum(0) for frame in frames), np.zeros(joints, np.int64))
    sightings = Sightings.named(
        [frame.truth_ids for frame in frames], [frame.found_ids for frame in frames],
        [frame.truth_there.T for frame in frames], [frame.found_there.T for frame in frames],
        [np.maximum(1 - one.T, 0) for one in apart], joints,
    )  # fmt: skip
    scores = np.where(np.isnan(scores), NO_SCORE, scores)
    followed = _followed(frames, apart, joints, rules)
    columns = zip(labelled.tolist(), followed, sightings.ids(1 - NEAR), sightings.hota(), strict=True)
    return [JointCounts(scores[found[:, j], j], right[found[:, j], j], *of) for j, of in enumerate(columns)]


def _followed(frames: Sequence[JudgedFrame], apart: list[Floats], joints: int, rules: Rules) -> list[MotCounts]:
    """What the tracks of each joint do."""
    tallies = [MotTally() for _ in range(joints)]
    for frame, distances in list(zip(frames, apart, strict=True))[: None if rules.last_frame else -1]:
        if not (distances.size or rules.real_counts):
            for tally in tallies:
                tally.add_near([0], [0], {})
            continue
        near: list[Near] = [{} for _ in tallies]
        close = distances <= NEAR
        truth, found = frame.truth_ids.tolist(), frame.found_ids.tolist()
        for (f, t, j), distance in zip(np.argwhere(close).tolist(), distances[close].tolist(), strict=True):
            near[j][truth[t], found[f]] = distance
        columns = zip(tallies, frame.truth_there.T.tolist(), frame.found_there.T.tolist(), near, strict=True)
        for tally, truth_there, found_there, pairs in columns:
            tally.add_near(list(compress(truth, truth_there)), list(compress(found, found_there)), pairs)
    return [tally.counts for tally in tallies]


def _right(distances: Floats, frame: JudgedFrame) -> Bools:
    """(F, J) whether a found joint is right: of a person that is paired with a labelled one, near that one's joint.

    A found person goes to the labelled one of whose joints it has the largest share right; a labelled one takes the found person
    with the largest share of those that came.
    """
    near = distances <= NEAR
    share = near.sum(2) / np.maximum(frame.truth_there.sum(1), 1)
    right = np.zeros((len(share), distances.shape[2]), np.bool_)
    if not share.size:
        return right
    own = share.argmax(1)
    share[np.arange(share.shape[1])[None] != own[:, None]] = 0
    for t, f in enumerate(share.argmax(0).tolist()):
        if share[f, t] > 0:
            right[f] = near[f, t]
    return right


def numbers(counts: Sequence[JointCounts], rules: Rules) -> PoseTrackNumbers:
    """The numbers of every joint and of all, from counts that were summed over sequences."""
    columns = zip(*(_of_joint(joint, rules) for joint in counts), strict=True)
    return PoseTrackNumbers(*(_with_mean(np.array(column, np.float64)) for column in columns))


def _of_joint(joint: JointCounts, rules: Rules) -> tuple[float, ...]:
    mot = joint.mot
    motp = 1 - mot.motp
    if not rules.right_motp:
        motp = 1 - mot.event_distance / mot.matches if mot.matches else 0.0
    shares = (*average_precision(joint, rules), mot.mota, motp, mot.precision, mot.recall, joint.ids.idf1)
    hota = joint.hota.hota
    rest = (joint.hota.detection, joint.hota.associated) if hota == hota else (hota, hota)
    return tuple(100 * share for share in (*shares, hota, *rest))


def average_precision(joint: JointCounts, rules: Rules) -> tuple[float, float, float]:
    """Area under the monotone envelope of precision over recall (VOC, all points), and both at the end."""
    scores, right = joint.scores, joint.right
    nothing = float("nan")
    if not len(scores):
        absent = rules.absent_joint and not joint.labelled
        return (nothing, nothing, nothing) if absent else (0.0, nothing if rules.absent_joint else 0.0, 0.0)
    # poseval reverses an unstable sort: with equal scores its numbers hang on the order, and so must these
    order = np.argsort(-scores, kind="stable") if rules.ties else scores.argsort()[::-1]
    hits = right[order].cumsum()
    precision = hits / np.arange(1, len(hits) + 1)
    if not joint.labelled:
        return nothing, float(precision[-1]), nothing
    recall = hits / joint.labelled
    if rules.ties:
        last = np.append(np.diff(scores[order]) != 0, True)
        precision, recall = precision[last], recall[last]
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * envelope).sum()), float(precision[-1]), float(recall[-1])


def _with_mean(values: Floats) -> Floats:
    there = ~np.isnan(values)
    return np.append(values, values[there].mean() if there.any() else np.nan)
