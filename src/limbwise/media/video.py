"""A video to frames, one after the other; see video_writer for the way back."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from limbwise.errors import InputError, UsageError
from limbwise.media.film import Film, orientation_of
from limbwise.media.frame import Frame

if TYPE_CHECKING:
    from av import VideoFrame


class VideoReader:
    """The frames `start`, `start + step`, ... before `stop` of a video file or URL, decoded one after the other.

    An iterator of Frame and a context manager. Frames keep their number in the stream and their own time in seconds, counted from the
    stream's start; a variable frame rate stays variable; the display matrix is applied. `size` is (width, height), `pixel_aspect` the
    width of a pixel by its height; pixels stay as they are stored. `loop` repeats the video for ever with
    growing numbers and times, until `stop`.

    Raises InputError at opening where there is no video in it, and in mid-stream where it is damaged or cut short: the frames before
    that come first. UsageError for a range that cannot be meant.
    """

    def __init__(
        self, path: str | Path, start: int = 0, stop: int | None = None, step: int = 1, loop: bool = False
    ) -> None:
        if start < 0 or step < 1 or (stop is not None and stop < 0):
            raise UsageError(f"{path}: frames count from 0 and go forward, not from {start} to {stop} by {step}")
        self.path, self.start, self.stop, self.step, self.loop = str(path), start, stop, step, loop
        self._film = Film(self.path)
        try:
            self.size, self.pixel_aspect, pictures = _with_size(self._film)
        except BaseException:
            self._film.close()
            raise
        self._frames = self._numbered(pictures)

    @property
    def frame_rate(self) -> float:
        """Frames per second, the average where it varies."""
        return self._film.frame_rate

    @property
    def duration(self) -> float | None:
        """Seconds of the whole video, or None where the file does not say."""
        return self._film.duration

    @property
    def frame_count(self) -> int | None:
        """How many frames this reader gives, as far as the file tells; None where it does not, or for ever."""
        whole = self.stop if self.loop else self._film.frame_count
        if whole is None:
            return None
        return len(range(self.start, whole if self.stop is None else min(whole, self.stop), self.step))

    @property
    def has_audio(self) -> bool:
        return bool(self._film.container.streams.audio)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; nothing more comes."""
        self._frames.close()
        self._film.close()

    def _numbered(self, pictures: Iterator[tuple[float, VideoFrame]]) -> Generator[Frame]:
        index, begin, end = 0, 0.0, 0.0
        while True:
            for time, picture in pictures:
                if self.stop is not None and index >= self.stop:
                    return
                if index >= self.start and (index - self.start) % self.step == 0:
                    yield Frame(self._film.pixels(picture), index, begin + time)
                index, end = index + 1, begin + time + 1 / self.frame_rate
            if not self.loop:
                return
            self._film.close()
            self._film, begin = Film(self.path), end
            pictures = self._film.pictures()


def _with_size(film: Film) -> tuple[tuple[int, int], Fraction, Iterator[tuple[float, VideoFrame]]]:
    """(width, height) of the upright frames and the width of a pixel by its height, known only from the first picture, and all
    pictures with that one before the rest."""
    pictures = film.pictures()
    first = next(pictures, None)
    if first is None:
        raise InputError(f"{film.path}: no picture in it can be decoded; copy or download it again")
    width, height = first[1].width, first[1].height
    again = chain([first], pictures)
    if orientation_of(first[1]) > 4:
        return (height, width), 1 / film.pixel_aspect, again
    return (width, height), film.pixel_aspect, again
