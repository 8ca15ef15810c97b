"""Ledger: which shards are waiting, in work and done, and what was found in them, to be taken out in order; knows nothing of machines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from limbwise.estimate.shards import Found, Shard
from limbwise.media.pieces import Piece

LOSSES = 3  # workers that may be lost over one shard


@dataclass(eq=False)
class Entry:
    """A shard in work or waiting for it: steps received (`got`) of which those in `found` wait to be taken, `owner` the worker that had it
    last, `asked` whether that one is at it now."""

    shard: Shard
    losses: int = 0
    got: int = 0
    since_end: int = 0  # steps received since the end of a source
    ends: int = 0
    found: deque[Found] = field(default_factory=deque)
    owner: Any = None
    asked: bool = False
    done: bool = False


class Ledger:
    """Shards in order, `window` of them open at a time, each with at most about `room` steps received and not taken: so memory is bounded.

    `give` a shard to a worker, note what `arrived` or that the worker was `lost`, and `take` steps in order until it is `finished`.
    """

    def __init__(self, shards: Iterator[Shard], window: int, room: int) -> None:
        self._coming, self._window, self._room = shards, window, room
        self._open: deque[Entry] = deque()
        self._whole: set[str] = set()  # videos whose rest is read in one, or given up
        self._fill()

    @property
    def finished(self) -> bool:
        """Whether all is done and taken."""
        return not self._open

    def give(self, worker: Any) -> Entry | None:
        """What a worker shall do next, `entry.shard` after its first `entry.got` steps: what it began, else the first that nobody has."""
        free = [e for e in self._open if not e.done and not e.asked and len(e.found) < self._room]
        chosen = next((e for e in free if e.owner is worker), None) or next((e for e in free if e.owner is None), None)
        if chosen is not None:
            chosen.owner, chosen.asked = worker, True
        return chosen

    def arrived(self, entry: Entry, found: list[Found], done: bool) -> None:
        """A worker has found these in the shard it was given; `done`: there is nothing more in it."""
        entry.asked, entry.done = False, done
        entry.owner = None if done else entry.owner
        entry.found.extend(found)
        for one in found:
            entry.got += 1
            entry.since_end += 1
            if one.frame is None:
                entry.ends, entry.since_end = entry.ends + 1, 0

    def unsplit(self, entry: Entry) -> None:
        """The piece cannot be read on its own: the video is read in one from there on."""
        piece = entry.shard.piece or Piece(0, None, True)
        self._drop_rest(entry)
        entry.shard = replace(entry.shard, piece=piece.rest())

    def lost(self, entry: Entry) -> None:
        """The worker that was at this is gone. What it had not yet sent is done again: images one by one, so that one that kills workers
        takes no other with it, and each thing LOSSES times at most; then it has an error."""
        for other in self._open:  # which it may have begun and left, full as they were
            other.owner = None if other.owner is entry.owner and other is not entry else other.owner
        entry.losses, entry.owner, entry.asked = entry.losses + 1, None, False
        sources = entry.shard.sources[entry.ends :]
        if entry.done or not sources:
            entry.done = True
        elif len(sources) > 1:
            place = self._open.index(entry) + 1
            for k, source in reversed(list(enumerate(sources))):
                again = Entry(Shard((source,)), entry.losses)
                again.got = again.since_end = 0 if k else entry.since_end
                self._open.insert(place, again)
            entry.done = True
        elif entry.losses >= LOSSES:
            path = sources[0].path
            error = f"{path}: {entry.losses} workers were lost over it; if memory ran out, take fewer --workers"
            entry.found.append(Found(sources[0], error=error))
            entry.done = True
            self._drop_rest(entry)

    def take(self) -> Found | None:
        """The next step, or None where it is not there yet."""
        while self._open:
            head = self._open[0]
            if head.found:
                return head.found.popleft()
            if not head.done:
                return None
            self._open.popleft()
            self._fill()
        return None

    def _drop_rest(self, entry: Entry) -> None:
        """Nothing more of the video of an entry than that entry."""
        if entry.shard.piece is not None:
            name = entry.shard.sources[0].name
            self._whole.add(name)
            self._open = deque(e for e in self._open if e is entry or not _of(e.shard, name) or self._before(e, entry))
            self._fill()

    def _before(self, entry: Entry, other: Entry) -> bool:
        return self._open.index(entry) < self._open.index(other)

    def _fill(self) -> None:
        while len(self._open) < self._window and (shard := next(self._coming, None)) is not None:
            if shard.piece is None or shard.sources[0].name not in self._whole:
                self._open.append(Entry(shard))


def _of(shard: Shard, name: str) -> bool:
    return shard.piece is not None and shard.sources[0].name == name
