"""Short gaps of followed people filled: a keypoint or a whole person that was away for a moment is put between its two sightings.

What is filled has a place and the score 0 (see People.filled), so that it is never taken for something seen. It takes a later
sighting to fill a gap: nothing is invented after somebody left, and results come late by the longest gap. The same delay gives people
on probation the id that they get in the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.people import People

Floats = npt.NDArray[np.float32]
Sighting = tuple[npt.NDArray[np.float64], Floats]  # when each keypoint was seen last (K,), seconds, and where (K, 2)

LONGEST = 64  # frames that wait at most, whatever their times


@dataclass(eq=False)
class _Waiting:
    """A frame that may still be filled: its people, the row of each id, what was filled into rows, and people who were put in."""

    people: People
    time: float
    rows: dict[int, int]
    filled: Floats
    added: dict[int, Floats] = field(default_factory=dict)


class GapFiller:
    """Frames of followed people in, the same frames out, later, with gaps of at most `seconds` filled.

    A frame waits for `frames` more, too, for ids that are not certain yet; with `strangers` people without an id stay. `memory`:
    what an earlier filler knew after a frame, to go on from there.
    """

    def __init__(
        self, seconds: float, frames: int, strangers: bool, memory: Mapping[int, Sighting] | None = None
    ) -> None:
        self.seconds, self.frames, self.strangers = seconds, frames if seconds > 0 else 0, strangers
        self._last: dict[int, Sighting] = dict(memory or {})
        self._waiting: deque[_Waiting] = deque()

    def push(self, people: People, time: float, given: Mapping[int, int]) -> list[People]:
        """One frame more: `people` as tracker.step gives them, and the ids `given` so far (TrackState.given). Gives the frames that
        are done, in order."""
        people = _renamed(people, given)
        self._rename(given)
        if self.seconds > 0:
            self._fill(people, time)
        self._remember(people, time)
        rows = {i: row for row, i in enumerate(_ids(people)) if i != -1}
        self._waiting.append(_Waiting(people, time, rows, np.full_like(people.xy, np.nan)))
        done = []
        while len(self._waiting) > min(self.frames, LONGEST) and (
            len(self._waiting) > LONGEST or time - self._waiting[0].time >= self.seconds
        ):
            done.append(self._done())
        return done

    @property
    def memory(self) -> dict[int, Sighting]:
        """Who was seen where lately, after the last frame that came in."""
        return dict(self._last)

    def flush(self) -> list[People]:
        """The frames that still wait; nobody comes any more."""
        return [self._done() for _ in range(len(self._waiting))]

    def _rename(self, given: Mapping[int, int]) -> None:
        """What is known of people on probation under the ids that they got meanwhile."""
        for number in [i for i in self._last if i in given]:
            self._last[given[number]] = self._last.pop(number)
        for frame in self._waiting:
            for number in [i for i in frame.rows if i in given]:
                frame.rows[given[number]] = frame.rows.pop(number)
            for number in [i for i in frame.added if i in given]:
                frame.added[given[number]] = frame.added.pop(number)
            frame.people = _renamed(frame.people, given)

    def _fill(self, people: People, time: float) -> None:
        """Put everybody who is here into the frames since the last sighting of each keypoint."""
        for row, i in enumerate(_ids(people)):
            before = self._last.get(i)
            if before is None:
                continue
            when, where = before
            gap = people.visible[row] & (time - when <= self.seconds + 1e-9)
            if not gap.any():
                continue
            for frame in self._waiting:
                missed = gap & (when < frame.time)
                if missed.any():
                    share = ((frame.time - when[missed]) / (time - when[missed]))[:, None]
                    between = where[missed] + share * (people.xy[row, missed] - where[missed])
                    self._place(frame, i)[missed] = between

    @staticmethod
    def _place(frame: _Waiting, i: int) -> Floats:
        """(K, 2) where what is filled of this person goes."""
        if i in frame.rows:
            place: Floats = frame.filled[frame.rows[i]]
            return place
        return frame.added.setdefault(i, np.full(frame.people.xy.shape[1:], np.nan, np.float32))

    def _remember(self, people: People, time: float) -> None:
        """Note who was seen where; forget whom no gap can bring back."""
        self._last = {i: known for i, known in self._last.items() if time - known[0].max() < self.seconds}
        if self.seconds == 0:
            return
        seen = people.visible & (people.scores > 0)
        for row, i in enumerate(_ids(people)):
            if i != -1 and seen[row].any():
                when, where = self._last.get(i, (np.full(len(people.skeleton), -np.inf), people.xy[row]))
                self._last[i] = np.where(seen[row], time, when), np.where(seen[row, :, None], people.xy[row], where)

    def _done(self) -> People:
        """The frame that waited longest, with what was filled."""
        frame = self._waiting.popleft()
        people, ids = frame.people, np.maximum(np.array(_ids(frame.people), np.int64), -1)
        people = replace(people, xy=np.where(np.isnan(people.xy), frame.filled, people.xy), ids=ids)
        people = people if self.strangers else people[ids >= 0]
        added = {i: xy for i, xy in frame.added.items() if i >= 0}
        return _joined(people, added) if added else people


def _joined(people: People, added: dict[int, Floats]) -> People:
    """The people, and those who were put in, by their ids."""
    count, keypoints = len(added), len(people.skeleton)
    return replace(
        people,
        xy=np.concatenate([people.xy, np.stack(list(added.values()))]),
        scores=np.concatenate([people.scores, np.zeros((count, keypoints), np.float32)]),
        person_scores=np.concatenate([people.person_scores, np.zeros(count, np.float32)]),
        ids=np.array([*_ids(people), *added], np.int64),
    )


def _ids(people: People) -> list[int]:
    return [-1] * len(people) if people.ids is None else people.ids.tolist()


def _renamed(people: People, given: Mapping[int, int]) -> People:
    """The same people with the ids that they were given meanwhile."""
    ids = _ids(people)
    if not any(i in given for i in ids):
        return people
    return replace(people, ids=np.array([given.get(i, i) for i in ids], np.int64))


def memory_to_plain(memory: Mapping[int, Sighting]) -> dict[str, Any]:
    """A filler's memory as JSON holds it."""
    return {
        str(i): [[t if np.isfinite(t) else None for t in when.tolist()],
                 [[float(x) if np.isfinite(x) else None for x in point] for point in where.tolist()]]
        for i, (when, where) in memory.items()
    }  # fmt: skip


def memory_from_plain(plain: Any, keypoints: int) -> dict[int, Sighting]:
    """The memory that `memory_to_plain` made of people of that many keypoints; raises ValueError where it is none."""
    try:
        memory = {}
        for i, (when, where) in plain.items():
            times = np.array([-np.inf if t is None else t for t in when], np.float64).reshape(keypoints)
            points = [[np.nan if x is None else x for x in point] for point in where]
            memory[int(i)] = times, np.array(points, np.float32).reshape(keypoints, 2)
        return memory
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"damaged ({error})") from error
