"""People of a batch followed: each video is a sequence, and so are images that come one after the other from one folder."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from limbwise.draw.trails import Trails
from limbwise.errors import InputError
from limbwise.estimate.follow import Follower, Note
from limbwise.estimate.step import Step
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.track.tracker import TrackOptions


def sequence_of(source: Source) -> tuple[str, str]:
    """What sources have in common whose people are followed from one to the next."""
    if source.kind == "image":
        return "images", str(Path(source.path).parent)
    return source.kind, source.name


def follow_steps(
    steps: Iterable[Step], options: TrackOptions, trail: float, plain_note: Mapping[str, Any] | None = None
) -> Iterator[Step]:
    """The same steps in the same order, later, their people with ids, and trails of `trail` seconds to draw.

    The end of an image carries the note with which a resumed run goes on after it; `plain_note`: that of an earlier run, for the
    first sequence. A camera's frames come at once, without filled gaps.
    """
    line: _Line | None = None
    for step in steps:
        if line is None or sequence_of(step.source) != line.sequence:
            if line is not None:
                yield from line.finish()
            line = _Line(step.source, options, trail, plain_note)
            plain_note = None
        yield from line.push(step)
    if line is not None:
        yield from line.finish()


class _Line:
    """The steps of one sequence that wait for their people to be done."""

    def __init__(
        self, source: Source, options: TrackOptions, trail: float, plain_note: Mapping[str, Any] | None
    ) -> None:
        self.sequence = sequence_of(source)
        self._options = replace(options, fill=0.0) if source.kind == "camera" else options
        self._plain_note, self._follower = plain_note, None if plain_note else Follower(self._options)
        self._waiting: deque[Step] = deque()
        self._done: deque[tuple[float, People]] = deque()
        self._trails = Trails(trail)

    def push(self, step: Step) -> Iterator[Step]:
        if step.frame is None:
            follower = self._follower
            note = follower.note if follower is not None and step.source.kind == "image" else None
            self._waiting.append(replace(step, note=note))
        elif step.people is not None:
            time = None if step.source.kind == "image" else step.frame.time
            self._waiting.append(step)
            self._done += self._open(step.people).push(step.people, time)
        return self._ready()

    def finish(self) -> Iterator[Step]:
        if self._follower is not None:
            self._done += self._follower.flush()
        return self._ready()

    def _open(self, people: People) -> Follower:
        """The follower, begun where an earlier run left off."""
        if self._follower is None:
            try:
                note = Note.from_plain(self._plain_note or {}, people.skeleton)
            except ValueError as error:
                raise InputError(
                    f"the tracks of the run that was interrupted: {error}; --overwrite starts anew"
                ) from error
            self._follower = Follower(self._options, note)
        return self._follower

    def _ready(self) -> Iterator[Step]:
        while self._waiting and (self._waiting[0].frame is None or self._done):
            step = self._waiting.popleft()
            if step.frame is not None:
                time, people = self._done.popleft()
                self._trails.add(people, time)
                step = replace(step, people=people, trails=self._trails)
            yield step
