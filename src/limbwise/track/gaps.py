"""Short gaps of followed people filled: a keypoint or a whole person that was away for a moment is put between its two sightings.

What is filled has a place and the score 0 (see People.filled), so that it is never taken for something seen. It takes a later
sighting to fill a gap: nothing is invented after somebody left, and results come late by the longest gap. The same delay gives people
on probation the id that they get in the end.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.people import People

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

LONGEST = 64  # frames that wait at most, whatever their times: they wait with their pictures
TINY = 1e-9  # seconds: times of frames are not exact
NEVER = -1e300  # the time of what was never seen


@dataclass(frozen=True, eq=False)
class Sightings:
    """Where A people were seen lately: `ids` (A,), and for each keypoint when, in seconds, x and y: `last` (A, K, 3)."""

    ids: npt.NDArray[np.int64]
    last: npt.NDArray[np.float64]

    @classmethod
    def of(cls, ids: list[int], keypoints: int) -> Sightings:
        """People who were never seen."""
        return cls(np.array(ids, np.int64), np.full((len(ids), keypoints, 3), NEVER))

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"ids": self.ids.tolist(), "last": self.last.tolist()}

    @classmethod
    def from_plain(cls, plain: Any, keypoints: int) -> Sightings:
        """What `to_plain` made of people of that many keypoints; raises ValueError where it is none."""
        try:
            ids = np.array(plain["ids"], np.int64)
            return cls(ids, np.array(plain["last"], np.float64).reshape(len(ids), keypoints, 3))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"damaged ({type(error).__name__}: {error})") from error


@dataclass(eq=False)
class _Waiting:
    """A frame that may still be filled: its people, the row of each id, their places (N, K, 2) as filled so far, and people put in."""

    people: People
    rows: dict[int, int]
    xy: Floats
    time: float
    added: dict[int, Floats] = field(default_factory=dict)

    def rename(self, given: Mapping[int, int]) -> bool:
        """People on probation under the ids that they got meanwhile; whether there were any."""
        names = {i for i in (*self.rows, *self.added) if i < -1 and i in given}
        for i in names:
            if i in self.rows:
                self.rows[given[i]] = self.rows.pop(i)
            else:
                self.added[given[i]] = self.added.pop(i)
        return bool(names)


class GapFiller:
    """Frames of followed people in, the same frames out, later, with gaps of at most `seconds` filled.

    No gap is filled of which a frame is gone already: 64 frames wait at most. A frame waits for `frames` more, too, for ids that are not
    certain yet; with `strangers` people without an id stay. `sightings`:
    what an earlier filler knew after a frame, to go on from there.
    """

    def __init__(self, seconds: float, frames: int, strangers: bool, sightings: Sightings | None = None) -> None:
        self.seconds, self.frames, self.strangers = seconds, frames if seconds > 0 else 0, strangers
        self.sightings = sightings
        self._waiting: deque[_Waiting] = deque()
        self._left = NEVER  # time of the last frame that waits no more

    def push(self, people: People, time: float, given: Mapping[int, int]) -> list[People]:
        """One frame more: `people` as tracker.step gives them, and the ids `given` so far (TrackState.given). Gives the frames that
        are done, in order."""
        self._rename(given)
        ids = [] if people.ids is None else people.ids.tolist()
        rows = {i: n for n, i in enumerate(ids) if i != -1}
        if self.seconds > 0:
            self._note(people, rows, time)
        self._waiting.append(_Waiting(people, rows, people.xy.copy(), time))
        done = []
        while len(self._waiting) > min(self.frames, LONGEST) and (
            len(self._waiting) > LONGEST or time - self._waiting[0].time >= self.seconds - TINY
        ):
            done.append(self._done())
        return done

    def flush(self) -> list[People]:
        """The frames that still wait; nobody comes any more."""
        return [self._done() for _ in range(len(self._waiting))]

    def _rename(self, given: Mapping[int, int]) -> None:
        """Everything that is known of people on probation under the ids that they got meanwhile."""
        known = self.sightings
        renamed = [frame.rename(given) for frame in self._waiting]
        if any(renamed) and known is not None:
            self.sightings = replace(known, ids=np.array([given.get(i, i) for i in known.ids.tolist()], np.int64))

    def _note(self, people: People, rows: dict[int, int], time: float) -> None:
        """Fill the gaps that end with this frame, and note who was seen where."""
        known = self.sightings or Sightings.of([], len(people.skeleton))
        places = {i: a for a, i in enumerate(known.ids.tolist())}
        new = [i for i in rows if i not in places]
        if new:
            places |= {i: len(places) + a for a, i in enumerate(new)}
            fresh = Sightings.of(new, len(people.skeleton))
            known = Sightings(np.concatenate([known.ids, fresh.ids]), np.concatenate([known.last, fresh.last]))
        who = np.array([places[i] for i in rows], np.intp)
        mine = np.array(list(rows.values()), np.intp)
        self._fill(known.last, who, people, mine, list(rows), time, min(self.seconds, time - self._left))
        last = known.last.copy()
        _remember(last, who, people.xy, people.scores, mine, time)
        lately = time - last[..., 0].max(1) < self.seconds  # the others no gap can bring back
        self.sightings = Sightings(known.ids, last) if lately.all() else Sightings(known.ids[lately], last[lately])

    def _fill(
        self,
        last: npt.NDArray[np.float64],
        who: Index,
        people: People,
        mine: Index,
        ids: list[int],
        time: float,
        seconds: float,
    ) -> None:
        """Put people who are here (rows `mine` of `people`, `who` of `last`, named `ids`) into the frames since they were seen last, if
        that is `seconds` ago at most."""
        since = _since(last, who, people.xy, people.scores, mine, time, seconds)
        for frame in self._waiting:
            if frame.time <= since:
                continue
            rows = np.array([frame.rows.get(i, -1) for i in ids], np.intp)
            absent = _put(frame.xy, rows, last, who, people.xy, people.scores, mine, frame.time, time, seconds)
            for m in np.flatnonzero(absent).tolist():
                place = frame.added.setdefault(ids[m], np.full(people.xy.shape[1:], np.nan, np.float32))[None]
                _put(place, np.zeros(1, np.intp), last, who[m : m + 1], people.xy, people.scores, mine[m : m + 1], frame.time, time,
                     seconds)  # fmt: skip

    def _done(self) -> People:
        """The frame that waited longest, with what was filled."""
        frame = self._waiting.popleft()
        self._left = frame.time
        people, added = frame.people, {i: place for i, place in frame.added.items() if i >= 0}
        ids = np.full(len(people), -1)
        ids[list(frame.rows.values())] = np.maximum(np.array(list(frame.rows), np.int64), -1)
        keep = np.flatnonzero((ids >= 0) | self.strangers)
        xy, scores, totals, ids = frame.xy[keep], people.scores[keep], people.person_scores[keep], ids[keep]
        if added:
            xy = np.concatenate([xy, np.stack(list(added.values()))])
            scores = np.concatenate([scores, np.zeros((len(added), scores.shape[1]), np.float32)])
            totals = np.concatenate([totals, np.zeros(len(added), np.float32)])
            ids = np.concatenate([ids, np.array(list(added), np.int64)])
        return replace(people, xy=xy, scores=scores, person_scores=totals, ids=ids)


@compiled
def _ends(last: float, x: float, score: float, time: float, seconds: float) -> bool:
    """Whether a keypoint at `x` ends a gap that may be filled."""
    return not math.isnan(x) and score > 0 and time - last <= seconds + TINY


@compiled
def _since(
    last: npt.NDArray[np.float64], who: Index, xy: Floats, scores: Floats, mine: Index, time: float, seconds: float
) -> float:
    """The earliest time from which anything is to be filled."""
    since = time
    for m in range(len(who)):
        for k in range(xy.shape[1]):
            if _ends(last[who[m], k, 0], xy[mine[m], k, 0], scores[mine[m], k], time, seconds):
                since = min(since, last[who[m], k, 0])
    return since


@compiled
def _put(
    into: Floats, rows: Index, last: npt.NDArray[np.float64], who: Index, xy: Floats, scores: Floats, mine: Index,
    then: float, time: float, seconds: float,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Fill gaps in `into` (R, K, 2), the places at the time `then`, whose `rows` (M,) are people in `last` and in `xy`; gives (M,) who
    has no row there but lacks something."""
    absent = np.zeros(len(rows), np.bool_)
    for m in range(len(rows)):
        for k in range(xy.shape[1]):
            before = last[who[m], k, 0]
            if before < then and _ends(before, xy[mine[m], k, 0], scores[mine[m], k], time, seconds):
                if rows[m] < 0:
                    absent[m] = True
                elif math.isnan(into[rows[m], k, 0]):
                    share = (then - before) / (time - before)
                    for a in range(2):
                        start = last[who[m], k, 1 + a]
                        into[rows[m], k, a] = start + share * (xy[mine[m], k, a] - start)
    return absent


@compiled
def _remember(last: npt.NDArray[np.float64], who: Index, xy: Floats, scores: Floats, mine: Index, time: float) -> None:
    """Note in `last` (A, K, 3), in place, the keypoints that are seen."""
    for m in range(len(who)):
        for k in range(xy.shape[1]):
            if not math.isnan(xy[mine[m], k, 0]) and scores[mine[m], k] > 0:
                last[who[m], k, 0], last[who[m], k, 1], last[who[m], k, 2] = time, xy[mine[m], k, 0], xy[mine[m], k, 1]
