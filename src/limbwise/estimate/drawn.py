"""Drawn: pictures, and a video a source, of a batch with its people drawn; what cannot be drawn is its source's error alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from limbwise.draw.maps import draw_heatmaps, draw_pafs
from limbwise.draw.people import DrawOptions, draw_people
from limbwise.draw.trails import Trails
from limbwise.errors import InputError, UsageError
from limbwise.estimate.maps import Maps
from limbwise.media.frame import Frame
from limbwise.media.image import write_image
from limbwise.media.sources import Source
from limbwise.media.video import VideoReader
from limbwise.media.video_writer import VideoWriter
from limbwise.people import People


class Drawn:
    """The pictures and videos in `folder`; a context manager. After an exception the video under way is gone.

    `overlay`: maps under the people, "heatmaps" or "pafs". `audio`: videos keep their sound.
    """

    def __init__(self, folder: Path, drawing: DrawOptions, overlay: str, audio: bool) -> None:
        self.folder, self.drawing, self.overlay, self.audio = folder, drawing, overlay, audio
        self._video: VideoWriter | None = None
        self._error: InputError | None = None  # of the source under way, of which no more is drawn then

    def __enter__(self) -> Drawn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._video is not None:
            self._video.__exit__(kind, error, trace)

    def add(self, source: Source, frame: Frame, maps: Maps | None, people: People, trails: Trails | None) -> None:
        """A frame with its people. What is wrong with it comes with `end`; a disk that says no raises LimbwiseError at once."""
        if self._error is not None:
            return
        ground = frame.image if maps is None else self._overlaid(frame, maps)
        picture = draw_people(ground, people, self.drawing, trails)
        try:
            self._write(source, picture, frame.time)
        except (UsageError, InputError) as error:
            self._error = _undrawn(source, error)

    def end(self, source: Source) -> InputError | None:
        """The source is done: its video is whole as far as it was drawn. Gives why it was not drawn to its end."""
        video, self._video = self._video, None
        found, self._error = self._error, None
        try:
            if video is not None:
                video.__exit__(None, None, None)
        except (UsageError, InputError) as error:
            return found or _undrawn(source, error)
        return found

    def _write(self, source: Source, picture: npt.NDArray[np.uint8], time: float) -> None:
        if source.kind == "image":
            suffix = ".png" if source.path.lower().endswith(".png") else ".jpg"
            write_image(self.folder / f"{source.name}{suffix}", picture)
            return
        if self._video is None:
            self._video = self._open_video(source, (picture.shape[1], picture.shape[0])).__enter__()
        self._video.write(picture, time)

    def _overlaid(self, frame: Frame, maps: Maps) -> npt.NDArray[np.uint8]:
        """The picture with the maps that were asked for."""
        if self.overlay == "heatmaps":
            head = "part_logits" if maps.spec.method == "deepercut" else "heatmaps"
            return draw_heatmaps(frame.image, maps.strengths(), maps.spec.skeleton, maps.to_picture(head))
        if self.overlay == "pafs":
            if "pafs" not in maps.heads:
                raise UsageError(f"--overlay pafs: {maps.spec.name} has no part affinity fields")
            return draw_pafs(frame.image, maps.heads["pafs"], maps.to_picture("pafs"))
        return frame.image

    def _open_video(self, source: Source, size: tuple[int, int]) -> VideoWriter:
        rate, sound, aspect = 30.0, None, Fraction(1)
        if source.kind == "video":
            with VideoReader(source.path) as reader:
                rate, aspect = reader.frame_rate or rate, reader.pixel_aspect
                sound = source.path if self.audio and reader.has_audio else None
        return VideoWriter(self.folder / f"{source.name}.mp4", size, rate, audio_from=sound, pixel_aspect=aspect)


def _undrawn(source: Source, error: Exception) -> InputError:
    return InputError(f"{source.path}: is not drawn to its end, though its people are kept ({error})")
