"""Shards: what one worker of a cluster does at a time, some images or a piece of a video, and what it finds there, without the pixels."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from limbwise.errors import InputError
from limbwise.estimate.batch import read_steps
from limbwise.estimate.frames import Cut, open_frames
from limbwise.estimate.maps import Maps
from limbwise.estimate.step import Step
from limbwise.media.frame import Frame
from limbwise.media.pieces import Piece, read_piece, split
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.write.openpose import Candidates

IMAGES = 8  # of a shard
FRAMES = 32  # wanted ones of a piece at least, from key frame to key frame


@dataclass(frozen=True)
class Shard:
    """Some images; or a video, or that `piece` of it."""

    sources: tuple[Source, ...]
    piece: Piece | None = None


def make_shards(sources: Sequence[Source], cut: Cut) -> Iterator[Shard]:
    """Every image, and every frame of every video that `cut` wants, in one shard, in order; files are looked at as shards are asked for."""
    images: tuple[Source, ...] = ()
    for source in sources:
        if images and (source.kind != "image" or len(images) == IMAGES):
            yield Shard(images)
            images = ()
        if source.kind == "image":
            images += (source,)
        else:
            yield from (Shard((source,), piece) for piece in split(source.path, FRAMES * cut.step, cut.start, cut.stop))
    if images:
        yield Shard(images)


def read_shard(shard: Shard, cut: Cut, after: int = 0) -> Generator[Step]:
    """The frames of a shard as `read_steps` gives them, without the first `after` steps; a video ends with its last piece.

    Raises Unsplit where a piece cannot be read on its own.
    """
    steps = read_steps(shard.sources, cut) if shard.piece is None else _piece(shard.sources[0], shard.piece, cut)
    with closing(steps):
        yield from islice(steps, after, None)


def _piece(source: Source, piece: Piece, cut: Cut) -> Generator[Step]:
    try:
        for frame in read_piece(source.path, piece, cut.start, cut.stop, cut.step):
            yield Step(source, frame)
        if piece.last:
            yield Step(source)
    except InputError as error:
        yield Step(source, error=error)


@dataclass(frozen=True)
class Found:
    """A step of a batch as it travels: of its frame only (number, seconds, height, width); without them the end of the source."""

    source: Source
    frame: tuple[int, float, int, int] | None = None
    error: str | None = None
    people: People | None = None
    candidates: Candidates | None = None
    maps: Maps | None = None
    times: tuple[tuple[str, float], ...] = ()


def to_found(step: Step, maps: bool) -> Found:
    """What is sent of a step; its maps where they are wanted."""
    frame, error = step.frame, None if step.error is None else str(step.error)
    seen = None if frame is None else (frame.index, frame.time, *frame.image.shape[:2])
    return Found(step.source, seen, error, step.people, step.candidates, step.maps if maps else None, step.times)


def to_step(found: Found) -> Step:
    """The step again; the picture of its frame has the right size, no pixels, and takes no memory."""
    frame = None
    if found.frame is not None:
        index, time, height, width = found.frame
        frame = Frame(np.broadcast_to(np.uint8(0), (height, width, 3)), index, time)
    error = None if found.error is None else InputError(found.error)
    return Step(found.source, frame, error, None, found.maps, found.people, found.candidates, found.times)


def with_pixels(steps: Iterator[Step], cut: Cut) -> Iterator[Step]:
    """The same steps with their pictures, read once more, here: a picture is thirty times as large as its file, and files are at hand.

    Raises InputError where a file has changed meanwhile.
    """
    step = next(steps, None)
    while step is not None:
        source = step.source
        if step.frame is None:
            yield step
            step = next(steps, None)
            continue
        with open_frames(source, cut) as frames:
            while step is not None and step.source == source and step.frame is not None:
                yield replace(step, frame=_same(next(frames, None), step.frame, source))
                step = next(steps, None)


def _same(frame: Frame | None, sent: Frame, source: Source) -> Frame:
    if frame is None or (frame.index, frame.image.shape) != (sent.index, sent.image.shape):
        raise InputError(f"{source.path}: has changed while it was looked at; leave it alone until the end")
    return frame
