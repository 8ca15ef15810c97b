"""People of a stream followed: frames go in one after the other and come out, a moment later, with ids and with short gaps filled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.track.gaps import GapFiller, Sightings
from limbwise.track.state import TrackState, from_plain, to_plain
from limbwise.track.tracker import TrackOptions, step

Item = TypeVar("Item")

TICK = 1e-3  # seconds that a frame comes at least after the one before, whatever the file says


@dataclass(frozen=True)
class Note:
    """What it takes to go on after a frame as if there had been no break: both states and the number and time of the frame."""

    state: TrackState
    sightings: Sightings | None
    frame: int
    time: float

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "tracks": to_plain(self.state), "frame": self.frame, "time": self.time,
            "sightings": None if self.sightings is None else self.sightings.to_plain(),
        }  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], skeleton: Skeleton) -> Note:
        """The note that `to_plain` made; raises ValueError that says what is wrong with it."""
        try:
            state, kept = from_plain(plain["tracks"], skeleton), plain["sightings"]
            sightings = None if kept is None else Sightings.from_plain(kept, len(skeleton))
            return cls(state, sightings, int(plain["frame"]), float(plain["time"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"damaged ({type(error).__name__}: {error})") from error


class Follower:
    """One stream: `push` each frame's people; gives back the frames that are done, in order, as time and people.

    With `options.fill` 0 every frame comes back at once. `note` is what another follower needs to go on after the last frame pushed.
    """

    def __init__(self, options: TrackOptions, note: Note | None = None) -> None:
        self.options, self.note = options, note
        self._filler = GapFiller(options.fill, options.confirm - 1, options.strangers, note.sightings if note else None)
        self._times: deque[float] = deque()

    def push(self, people: People, time: float | None = None) -> list[tuple[float, People]]:
        """One frame more, at `time` in seconds (None: by the options' image_rate)."""
        last = self.note
        frame = last.frame + 1 if last else 0
        if time is None:
            time = frame / self.options.image_rate
        if last:
            time = max(time, last.time + TICK)
        state, people = step(last.state if last else TrackState.start(people.skeleton), people, time, self.options)
        self._times.append(time)
        done = self._filler.push(people, time, state.given)
        self.note = Note(state, self._filler.sightings, frame, time)
        return [(self._times.popleft(), frame_people) for frame_people in done]

    def flush(self) -> list[tuple[float, People]]:
        """The frames that still wait; nobody comes any more."""
        return [(self._times.popleft(), people) for people in self._filler.flush()]


def follow(
    frames: Iterable[tuple[Item, People, float | None]], options: TrackOptions, note: Note | None = None
) -> Iterator[tuple[Item, People]]:
    """Frames of one stream (what belongs to them, people, seconds), followed; in order, each once."""
    follower, items = Follower(options, note), deque[Item]()
    for item, people, time in frames:
        items.append(item)
        for _, followed in follower.push(people, time):
            yield items.popleft(), followed
    for _, followed in follower.flush():
        yield items.popleft(), followed
