"""One pass over an encoded video: pictures in order with their times, and damage told apart from the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from limbwise.errors import InputError
from limbwise.media.frame import Image, Orientation, display_orientation, upright

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.sidedata.sidedata import SideData
    from av.video.stream import VideoStream

MAX_PIXELS = 178_956_970
PATIENCE = (20.0, 20.0)  # seconds for opening and for each read, after which a stream is given up
DECODER_THREADS = 4
CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # Matroska's durations: 00:00:10.4770000
END_STAMPS = ("matroska,webm", "nut")  # FFmpeg's names of what says when its video ends, and not how long it is
SLACK = 0.5  # seconds that the pictures may end before the file says, since that is often rounded


def open_container(path: str) -> InputContainer:
    """An encoded file or URL, opened; raises InputError in words for people."""
    import av

    if "://" not in path and not Path(path).is_file():
        what = "is a folder, not a video" if Path(path).is_dir() else "no such file; check the path"
        raise InputError(f"{path}: {what}")
    try:
        return av.open(path, metadata_errors="replace", timeout=PATIENCE)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: is not a video that can be read ({reason}); copy or download it again") from error


class Film:
    """An opened video file or URL, for one pass. Raises InputError where there is no video stream in it."""

    def __init__(self, path: str) -> None:
        from av.video.reformatter import VideoReformatter

        self.path = path
        self.container = open_container(path)
        try:
            self.stream = _readable_stream(self.container, path)
        except InputError:
            self.close()
            raise
        self.stream.thread_type = "SLICE"  # with a thread a frame, whether damage is reported is a matter of luck
        self.stream.codec_context.thread_count = DECODER_THREADS
        self._reformatter = VideoReformatter()
        self._origin: float | None = None  # where times count from

    @property
    def frame_rate(self) -> float:
        """Frames per second, the average where it varies."""
        rates = (self.stream.average_rate, self.stream.guessed_rate)
        return next((float(rate) for rate in rates if rate and 0 < rate <= 1000), 25.0)

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a stored pixel by its height; 1 where the file does not say."""
        return self.stream.sample_aspect_ratio or Fraction(1)

    @property
    def duration(self) -> float | None:
        """Seconds, or None where the file does not say."""
        stream, container = self.stream, self.container
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        if clock := CLOCK.fullmatch(stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = (float(part) for part in clock.groups())
            return self._length(3600 * hours + 60 * minutes + seconds)
        return self._length(container.duration / 1e6) if container.duration and len(container.streams) == 1 else None

    def _length(self, said: float) -> float:
        """Seconds from the stream's start on, of what the file says; an end before the start can only be a length."""
        start = self._start(0.0)
        return said - start if self.container.format.name in END_STAMPS and said > start else said

    @property
    def frame_count(self) -> int | None:
        """How many pictures, as the file says, or by its duration; None where it says neither."""
        return self.stream.frames or (round(self.duration * self.frame_rate) if self.duration else None)

    def pictures(self) -> Iterator[tuple[float, VideoFrame]]:
        """Time in seconds since the stream's start, and the decoded picture. Raises InputError after the last whole one.

        Pictures before the first whole one, as at the start of a recorded broadcast, are left out. Called again after a seek, it goes on
        from there with the same origin of times.
        """
        count, time, last, step = 0, 0.0, 0.0, 1 / self.frame_rate
        for picture in self._decoded():
            if picture is None or picture.is_corrupt:
                if picture is not None and count == 0:
                    continue
                raise InputError(
                    f"{self.path}: damaged or cut short at frame {count} ({time:.2f} s); the frames before it are good"
                )
            shown = picture.time
            if self._origin is None:
                self._origin = min(shown or 0.0, self._start(shown or 0.0))
            origin = self._origin
            following = time + step if count else 0.0
            time = shown - origin if shown is not None and (count == 0 or shown - origin > time) else following
            yield time, picture
            count += 1
            last = _lasts(picture)
        if count and self.duration is not None and time + max(SLACK, 2 * step) + last < self.duration:
            raise InputError(
                f"{self.path}: cut short after frame {count - 1}, at {time:.2f} s of {self.duration:.2f} s"
            )

    def _start(self, otherwise: float) -> float:
        stream = self.stream
        if stream.start_time is None or stream.time_base is None:
            return otherwise
        return float(stream.start_time * stream.time_base)

    def _decoded(self) -> Iterator[VideoFrame | None]:
        """Every picture; None in the place of damage, after which nothing comes."""
        import av

        try:
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:  # only half of it is there: hand out what the decoder still holds
                    yield from self.stream.codec_context.decode(None)
                    yield None
                    return
                yield from packet.decode()
        except (av.FFmpegError, OSError, ValueError):
            yield None

    def pixels(self, picture: VideoFrame) -> Image:
        """(H, W, 3) uint8 RGB, upright."""
        image = self._reformatter.reformat(picture, format="rgb24").to_ndarray()
        return upright(np.asarray(image, np.uint8), orientation_of(picture))

    def close(self) -> None:
        self.container.close()


def _readable_stream(container: InputContainer, path: str) -> VideoStream:
    if not container.streams.video:
        raise InputError(f"{path}: holds no video stream; give a video or an image")
    stream = container.streams.video[0]
    if getattr(stream, "codec_context", None) is None:  # the stubs do not know that it may be missing
        raise InputError(f"{path}: its video is damaged or of an unknown codec; convert it to H.264")
    if not 0 < stream.width * stream.height <= MAX_PIXELS:
        raise InputError(
            f"{path}: a picture of {stream.width} x {stream.height} pixels cannot be meant; the file is damaged"
        )
    return stream


def orientation_of(picture: VideoFrame) -> Orientation:
    """How a decoded picture is to be turned, from the display matrix that came with it."""
    matrix = cast("SideData | None", picture.side_data.get("DISPLAYMATRIX"))
    return 1 if matrix is None else display_orientation(bytes(matrix))


def _lasts(picture: VideoFrame) -> float:
    """Seconds that the last picture stays, where the file says; a slide may stay long."""
    return float(picture.duration * picture.time_base) if picture.duration and picture.time_base else 0.0
