"""Frames of anything that can be watched: an image, a video, a camera, a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice

from limbwise.errors import InputError
from limbwise.fields import option
from limbwise.media.frame import Frame
from limbwise.media.image import read_image
from limbwise.media.sources import Source, find_sources


@dataclass(frozen=True)
class Cut:
    """Which frames of a video are wanted."""

    start: int = option(0, "first frame of each video, from 0")
    stop: int | None = option(None, "frame of each video before which to stop")
    step: int = option(1, "take every n-th frame")

    def __post_init__(self) -> None:
        if self.start < 0 or self.step < 1 or (self.stop is not None and self.stop <= self.start):
            raise ValueError("start: from 0 on; stop: after start; step: from 1 on")


@contextmanager
def open_frames(source: str | Source, cut: Cut) -> Iterator[Iterator[Frame]]:
    """The frames of one source, closed on leaving; raises InputError where it cannot be read."""
    with ExitStack() as stack:
        yield _frames(one_source(source), cut, stack)


def one_source(source: str | Source) -> Source:
    """The source that a path, a camera number or a URL names; raises InputError where there is none, or several."""
    if isinstance(source, Source):
        return source
    sources, problems = find_sources([source])
    if problems:
        raise problems[0]
    if len(sources) > 1:
        raise InputError(f"{source}: holds {len(sources)} images and videos; name one of them")
    return sources[0]


def _frames(source: Source, cut: Cut, stack: ExitStack) -> Iterator[Frame]:
    if source.kind == "image":
        return iter([Frame(read_image(source.path), 0, 0.0)])
    if source.kind == "camera":
        from limbwise.media.camera import Camera

        place = int(source.path) if source.path.isdigit() else source.path
        camera = stack.enter_context(Camera(place))
        return islice(camera, cut.start, cut.stop, cut.step)
    from limbwise.media.video import VideoReader

    return iter(stack.enter_context(VideoReader(source.path, cut.start, cut.stop, cut.step)))
