"""Frames to a video by PyAV, with their own times, and the audio of another file beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.files import whole_file
from limbwise.media.film import open_container
from limbwise.media.frame import Image

if TYPE_CHECKING:
    from av import Packet
    from av.container import OutputContainer
    from av.video.stream import VideoStream

WRITABLE = (".mp4", ".m4v", ".mov", ".mkv")
TICKS = {"libx264": 90_000, "mpeg4": 60_000}  # a second; MPEG-4 part 2 allows 65,535 at most
BT_709 = 1  # the number of its matrix, primaries and transfer curve in ISO 23091-2


class VideoWriter:
    """Frames to an H.264 video (MPEG-4 part 2 where the encoder lacks H.264) that is whole or not there; a context manager.

    `size` (width, height) of the frames; an odd side becomes even by repeating the last column or row, since yuv420p stores colours
    at half size. `frame_rate` gives the times where `write` is told none. `audio_from`: a file whose first audio stream, where
    it has one, is copied as it is, from the time of the first frame to the end of the last. `pixel_aspect`: width of a pixel by its
    height, for players to show.
    Raises UsageError for a suffix that is not in WRITABLE, for frames that do not fit, for none, and for what the file's format cannot
    hold, such as the audio; InputError for an unreadable `audio_from`; LimbwiseError where the disk says no.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        frame_rate: float,
        audio_from: str | Path | None = None,
        codec: str = "libx264",
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        self.path, self.size, self.frame_rate, self.codec = Path(path), size, frame_rate, codec
        self.pixel_aspect = pixel_aspect
        self.audio_from = None if audio_from is None else str(audio_from)
        if self.path.suffix.lower() not in WRITABLE:
            raise UsageError(f"{path}: a video cannot be written as '{self.path.suffix}'; use {', '.join(WRITABLE)}")
        if min(size) < 1 or not 0 < frame_rate <= 1000:
            raise UsageError(f"{path}: {size[0]} x {size[1]} pixels at {frame_rate} frames a second cannot be written")
        self._origin, self._time, self._tick = 0.0, 0.0, -1
        self._sound: _Sound | None = None

    def __enter__(self) -> VideoWriter:
        import av

        with ExitStack() as stack:
            part = stack.enter_context(whole_file(self.path))
            with self._errors():
                self._container = stack.enter_context(av.open(str(part), "w"))
                self._stream = _video_stream(self._container, self.size, self.frame_rate, self.codec)
                self._stream.codec_context.sample_aspect_ratio = self.pixel_aspect
                if self.audio_from:
                    self._sound = stack.enter_context(_Sound(self.audio_from, self._container))
                self._container.start_encoding()
            self._stack = stack.pop_all()
        return self

    def write(self, image: Image, time: float | None = None) -> None:
        """Add (H, W, 3) uint8 RGB, shown at `time` seconds of its source; the first frame's time becomes the start of the video.

        Without a time it follows the frame before at the frame rate. Raises UsageError where times do not grow.
        """
        import av

        if image.shape != (self.size[1], self.size[0], 3) or image.dtype != np.uint8:
            raise UsageError(
                f"{self.path}: a frame is ({self.size[1]}, {self.size[0]}, 3) uint8, not {image.shape} {image.dtype}"
            )
        ticks = self._stream.codec_context.time_base
        if self._tick < 0:
            self._origin = time or 0.0
        self._time = self._time + (self._tick >= 0) / self.frame_rate if time is None else time - self._origin
        tick = round(self._time / ticks)
        if tick <= self._tick:
            raise UsageError(f"{self.path}: the time of a frame, {time} s, is not later than that of the frame before")
        picture = av.VideoFrame.from_ndarray(_even(image), format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
        picture.pts, picture.time_base, self._tick = tick, ticks, tick
        with self._errors():
            self._container.mux(self._stream.encode(picture))
            self._copy_sound(self._time)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        except BaseException as failure:
            kind, error, trace = type(failure), failure, failure.__traceback__
            raise
        finally:
            self._stack.__exit__(kind, error, trace)

    def _finish(self) -> None:
        if self._tick < 0:
            raise UsageError(f"{self.path}: no frame was written, so that there is no video")
        with self._errors():
            self._container.mux(self._stream.encode(None))
            self._copy_sound(self._time + 1 / self.frame_rate)

    def _copy_sound(self, until: float) -> None:
        if self._sound:
            for packet in self._sound.packets(self._origin, self._origin + until):
                self._container.mux(packet)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """FFmpeg's errors in words for people: the disk's, and those of what it was given."""
        import av

        try:
            yield
        except (av.FFmpegError, ValueError) as error:
            sound = f" with the audio of {self.audio_from}" if self.audio_from else ""
            kind, cure = (LimbwiseError, "check the disk") if isinstance(error, OSError) else (UsageError, "try .mkv")
            raise kind(f"{self.path}: cannot be written{sound} ({error}); {cure}") from error


def _video_stream(container: OutputContainer, size: tuple[int, int], frame_rate: float, codec: str) -> VideoStream:
    """An encoding stream of that size, made even; times in ticks fine enough for a variable rate."""
    import av

    if codec not in av.codecs_available:
        codec = "mpeg4"
    rate = Fraction(frame_rate).limit_denominator(1001)
    stream = cast("VideoStream", container.add_stream(codec, rate=rate))
    context = stream.codec_context
    stream.width, stream.height = (side + side % 2 for side in size)
    stream.pix_fmt = "yuv420p"
    stream.time_base = context.time_base = Fraction(1, TICKS.get(codec, 60_000))
    context.colorspace = context.color_primaries = context.color_trc = BT_709
    context.color_range = 1  # 16 to 235
    if codec == "libx264":
        context.options = {"preset": "veryfast", "crf": "20"}
    else:
        context.bit_rate = int(0.2 * size[0] * size[1] * frame_rate)
    return stream


def _even(image: Image) -> Image:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(image)


class _Sound:
    """Audio packets of a file, copied into another container in step with its pictures."""

    def __init__(self, path: str, container: OutputContainer) -> None:
        self._path, self._source = path, open_container(path)
        sound, film = (
            next(iter(streams), None) for streams in (self._source.streams.audio, self._source.streams.video)
        )
        try:
            self._copy = container.add_stream_from_template(sound) if sound else None
        except ValueError as error:
            self._source.close()
            raise UsageError(f"{path}: its audio cannot be kept ({error}); leave the audio out") from error
        self._start = float(film.start_time * film.time_base) if film and film.start_time and film.time_base else 0.0
        self._waiting = self._source.demux(sound) if sound else iter(())
        self._next: Packet[Any] | None = next(self._waiting, None)

    def packets(self, begin: float, until: float) -> Iterator[Packet[Any]]:
        """What sounds after `begin` and starts before `until`, in seconds of the source, and was not given yet; `begin` becomes zero."""
        while (
            self._next is not None and (packet := self._next).dts is not None and _seconds(packet) - self._start < until
        ):
            self._next = self._advance()
            if _seconds(packet) + (packet.duration or 0) * packet.time_base - self._start < begin:
                continue
            shift = round((begin + self._start) / packet.time_base)
            packet.pts, packet.dts, packet.stream = (packet.pts or packet.dts) - shift, packet.dts - shift, self._copy
            yield packet

    def _advance(self) -> Packet[Any] | None:
        import av

        try:
            return next(self._waiting, None)
        except av.FFmpegError as error:
            raise InputError(f"{self._path}: its audio is damaged ({error.strerror}); leave the audio out") from error

    def __enter__(self) -> _Sound:
        return self

    def __exit__(self, *error: object) -> None:
        self._source.close()


def _seconds(packet: Packet[Any]) -> float:
    return float((packet.pts if packet.pts is not None else packet.dts or 0) * packet.time_base)
