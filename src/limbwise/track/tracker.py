"""Tracker: people of one frame after the other to people with ids; a pure step and a thin class around it.

In the order of ByteTrack (Zhang et al., ECCV 2022): sure people go to tracks, hidden ones too; weak people get a second chance with
tracks that were just seen; what is left of the sure ones goes to people on probation, or begins a track.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from limbwise.errors import UsageError
from limbwise.fields import option
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.track import assign, motion, sides
from limbwise.track.smooth import OneEuro, smooth
from limbwise.track.state import PERSON, Records, TrackState, joined, rows_of

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrackOptions:
    """How people are followed.

    Scores are a person's mean keypoint score (or its own score where that is lower). Raises ValueError that names the field.
    """

    birth_score: float = option(0.25, "score from which a person can begin a track")
    least_score: float = option(0.05, "score below which a person is not followed")
    patience: float = option(2.0, "seconds that a person may be hidden and still get its id back")
    confirm: int = option(3, "frames in which a person must be seen to get an id")
    fill: float = option(
        0.2, "seconds of the longest gap that is filled, 64 frames at most; 0: none, and results without delay"
    )
    mend_sides: bool = option(True, "put left and right back where the network confused them")
    steady: bool = option(True, "take the jitter out of keypoints")
    strangers: bool = option(False, "keep people who were seen too shortly to get an id")
    image_rate: float = option(25.0, "images a second where images, or files of people, have no times")
    one_euro: OneEuro = field(default_factory=OneEuro)
    weights: assign.Weights = field(default_factory=assign.Weights)

    def __post_init__(self) -> None:
        if not 0 <= self.least_score <= self.birth_score:
            raise ValueError(f"least_score: 0 to birth_score ({self.birth_score}), got {self.least_score}")
        if not 0 <= self.patience < 1e6:
            raise ValueError(f"patience: seconds from 0 on, got {self.patience}")
        if not 0 <= self.fill <= 5:
            raise ValueError(f"fill: 0 to 5 seconds, got {self.fill}")
        if not 1 <= self.confirm <= 30:
            raise ValueError(f"confirm: 1 to 30 frames, got {self.confirm}")
        if not 0 < self.image_rate <= 1000:
            raise ValueError(f"image_rate: more than 0 and at most 1000 a second, got {self.image_rate}")


ENOUGH = 0.3  # share of the keypoints from which a person's number of keypoints does not lower its score
LIMIT = 0.8  # cost from which a person is not the track's
WEAK_LIMIT = 0.6  # as much for weak people and for people on probation: they must fit better
HIDDEN_PRICE = 0.1  # what a track costs more that has been hidden for all of its time
JUST_SEEN = 0.5  # seconds: only tracks seen since then take weak people
DOUBLE = 0.35  # somebody who costs less than this for a track that was just seen is its person once more, and begins no track


@dataclass(eq=False)
class _Frame:
    """The N people of a frame on their way to ids: places (N, K, 2) and scores (N, K) of keypoints, in float64, and who is `sure`
    and who is `weak` (N,)."""

    xy: Floats
    scores: Floats
    sure: Mask
    weak: Mask
    time: float


def step(state: TrackState, people: People, time: float, options: TrackOptions) -> tuple[TrackState, People]:
    """The state after `people` were seen at `time` (seconds), and the same people, in the same order, with ids.

    Ids count from 0 and are never given twice. Who is on probation has the id -2 - the track's number, who is not followed -1.
    Sides are mended and keypoints steadied where the options say so. Raises UsageError for a time that does not go on and for
    another skeleton.
    """
    _check(state, people, time)
    frame, sigmas = _frame(people, time, options), np.asarray(state.skeleton.sigmas)
    everybody = np.arange(len(state.persons))
    persons, joints, streaks = rows_of(state.persons, everybody), rows_of(state.joints, everybody), state.streaks
    if len(persons):
        motion.advance(persons, joints, time - state.time)
    owner, born = _assigned(persons, joints, frame, sigmas, options)
    if options.mend_sides:
        streaks = _mend(persons, joints, streaks, frame, owner, state.skeleton)
    motion.correct(persons, joints, owner, frame.xy, frame.scores, sigmas)
    if len(born):
        owner[born] = len(persons) + np.arange(len(born))
        fresh, fresh_joints = motion.begin(frame.xy[born], frame.scores[born], sigmas)
        fresh["number"], fresh["id"] = state.next_number + np.arange(len(born)), -1
        persons, joints = joined(persons, fresh), joined(joints, fresh_joints)
        streaks = np.concatenate([streaks, np.zeros((len(born), streaks.shape[1]), np.int64)])
    next_id = _note_seen(persons, owner[owner >= 0], state, time, options)
    if options.steady:
        smooth(persons, joints, owner, frame.xy, frame.scores, time, options.one_euro)
    mine = persons[owner] if len(persons) else np.zeros(len(owner), PERSON)
    ids = np.where(owner < 0, -1, np.where(mine["id"] < 0, -2 - mine["number"], mine["id"]))
    lives = _lives(persons, time, options)
    if not lives.all():
        persons, joints, streaks = rows_of(persons, lives), rows_of(joints, lives), streaks[lives]
    after = TrackState(
        state.skeleton, time, state.frames + 1, next_id, state.next_number + len(born), persons, joints, streaks
    )
    return after, replace(people, xy=frame.xy.astype(np.float32), scores=frame.scores.astype(np.float32), ids=ids)


def _check(state: TrackState, people: People, time: float) -> None:
    if people.skeleton != state.skeleton:
        raise UsageError(f"track: {people.skeleton.name} cannot follow {state.skeleton.name} in one stream")
    if not (np.isfinite(time) and time > state.time):
        raise UsageError(f"track: a frame at {time:g} s cannot follow one at {state.time:g} s")


def strengths(people: People) -> Floats:
    """(N,) how sure each person is: its mean keypoint score, or its own score where that is lower, less for a few keypoints only; of a
    whole body, face and hands do not count."""
    body = slice(*people.skeleton.parts.get("body", (None,)))
    scores = people.scores[:, body].astype(np.float64)
    count = (scores > 0).sum(1)
    mean = scores.sum(1) / np.maximum(count, 1)
    enough = np.minimum(1, count / (ENOUGH * scores.shape[1]))
    return np.asarray(np.minimum(mean, people.person_scores) * enough)


def _frame(people: People, time: float, options: TrackOptions) -> _Frame:
    strength, there = strengths(people), (people.scores > 0).any(1)
    sure = (strength >= options.birth_score) & there
    weak = (strength >= options.least_score) & there & ~sure
    xy = np.where(people.filled[..., None], np.nan, people.xy).astype(np.float64)  # what others filled was not seen
    return _Frame(xy, people.scores.astype(np.float64), sure, weak, time)


def _assigned(
    persons: Records, joints: Records, frame: _Frame, sigmas: Floats, options: TrackOptions
) -> tuple[Index, Index]:
    """(N,) the row of each person's track, -1 for none, and who begins a new one."""
    cost = assign.costs(persons, joints, frame.xy, frame.scores, sigmas, options.weights)
    since = frame.time - persons["seen"]
    hidden = (persons["missed"] > 0) * np.minimum(since / max(options.patience, 1e-6), 1)
    priced = cost + HIDDEN_PRICE * hidden[:, None]
    known, just_seen = (persons["id"] >= 0) & (since <= options.patience), since <= JUST_SEEN
    owner, free = np.full(len(frame.xy), -1), np.ones(len(persons), bool)
    for people, tracks, limit in (
        (frame.sure, known, LIMIT),
        (frame.weak, known & just_seen, WEAK_LIMIT),
        (frame.sure | frame.weak, persons["id"] < 0, WEAK_LIMIT),
    ):
        rows, columns = (tracks & free).nonzero()[0], (people & (owner < 0)).nonzero()[0]
        if not len(rows) or not len(columns):
            continue
        track, person = assign.match(priced[rows][:, columns], limit)
        owner[columns[person]] = rows[track]
        free[rows[track]] = False
    twice = (cost[~free] < DOUBLE).any(0)
    return owner, np.flatnonzero(frame.sure & (owner < 0) & ~twice)


def _mend(
    persons: Records, joints: Records, streaks: Counts, frame: _Frame, owner: Index, skeleton: Skeleton
) -> Counts:
    """Put sides right, in place: those of people in the frame, or of their tracks. Gives the streaks (T, G) from now on."""
    swapped = sides.find_swaps(persons, joints, owner, frame.xy, frame.scores, skeleton)
    followed = np.flatnonzero(owner >= 0)
    rows, streaks = owner[followed], streaks.copy()
    if not swapped.any():
        streaks[rows] = 0
        return streaks
    mended, turned, streaks[rows] = sides.judge(swapped[followed], streaks[rows], persons["hits"][rows])
    order = sides.exchange(mended, skeleton)
    frame.xy[followed] = sides.exchanged(frame.xy[followed], order)
    frame.scores[followed] = sides.exchanged(frame.scores[followed], order)
    if turned.any():
        joints[rows] = sides.exchanged(joints[rows], sides.exchange(turned, skeleton))
    return streaks


def _note_seen(persons: Records, rows: Index, state: TrackState, time: float, options: TrackOptions) -> int:
    """Tracks take note who of them (`rows`) was seen just now, in place; ids for those who were seen often enough, or in every frame
    so far. Gives the next id."""
    persons["missed"] += 1
    persons["missed"][rows], persons["seen"][rows] = 0, time
    persons["hits"][rows] += 1
    often = persons["hits"][rows] >= min(options.confirm, state.frames + 1)
    ready = rows[often & (persons["id"][rows] < 0)]
    persons["id"][ready] = state.next_id + np.arange(len(ready))
    return state.next_id + len(ready)


def _lives(persons: Records, time: float, options: TrackOptions) -> Mask:
    """Which tracks are remembered though not seen: on probation for one frame, others for the time of patience."""
    lives: Mask = np.where(persons["id"] < 0, persons["missed"] <= 1, time - persons["seen"] <= options.patience)
    return lives


class Tracker:
    """Follows the people of one stream: call it with the people of each frame and the frame's time in seconds.

    Gives the same people with ids, -1 for who is not followed (yet). `state` can be kept and given back, see limbwise.track.state.
    """

    def __init__(self, options: TrackOptions | None = None, state: TrackState | None = None) -> None:
        self.options, self.state = options or TrackOptions(), state

    def __call__(self, people: People, time: float) -> People:
        self.state, people = step(self.state or TrackState.start(people.skeleton), people, time, self.options)
        return replace(people, ids=np.maximum(people.ids, -1)) if people.ids is not None else people
