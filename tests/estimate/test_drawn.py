"""A video that cannot be drawn is its own source's error: its people are kept, and the batch goes on."""

from __future__ import annotations

import json
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from dots import draw_dots, some_people

from limbwise.draw.people import DrawOptions
from limbwise.errors import LimbwiseError
from limbwise.estimate.batch import look_here, run_batch
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.frames import Cut
from limbwise.estimate.outputs import OutputOptions, Outputs
from limbwise.media.image import write_image
from limbwise.media.sources import find_sources
from limbwise.media.video import VideoReader
from limbwise.media.video_writer import VideoWriter


def picture(half: bool = False) -> np.ndarray:
    image = draw_dots(some_people(0))
    return image[::2, ::2] if half else image


def changing_film(path: Path) -> Path:
    """Four frames, and four of half the size."""
    frames = [cv2.imencode(".jpg", picture(half=i >= 4))[1].tobytes() for i in range(8)]
    path.write_bytes(b"".join(frames))
    return path


def telephone_film(path: Path) -> Path:
    """A film whose sound no mp4 can hold."""
    with av.open(str(path), "w") as container:
        film, sound = container.add_stream("mjpeg", rate=25), container.add_stream("pcm_mulaw", rate=8000)
        film.width, film.height, film.pix_fmt, sound.layout = 320, 240, "yuvj420p", "mono"
        for i in range(5):
            container.mux(film.encode(av.VideoFrame.from_ndarray(picture(), format="rgb24")))
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), format="s16", layout="mono")
            tone.sample_rate, tone.pts, tone.time_base = 8000, 320 * i, Fraction(1, 8000)
            container.mux(sound.encode(tone))
        container.mux(film.encode(None))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_pixels_that_are_not_square_stay_so(tmp_path: Path, dots_model: Path, turned: bool) -> None:
    wide = Fraction(16, 11)  # of PAL
    with VideoWriter(tmp_path / "a.mp4", (320, 240), 25, pixel_aspect=wide) as video:
        video.write(picture())
    if turned:
        (tmp_path / "a.mp4").write_bytes(lying((tmp_path / "a.mp4").read_bytes()))
    assert batch(dots_model, tmp_path / "out", tmp_path / "a.mp4") == ([], {})
    with av.open(str(tmp_path / "out" / "drawn" / "a.mp4")) as drawn:
        film = drawn.streams.video[0]
        assert (film.width, film.height) == ((240, 320) if turned else (320, 240))
        assert film.sample_aspect_ratio == (1 / wide if turned else wide)


def lying(film: bytes) -> bytes:
    """An mp4 whose track header says that the camera was held upright: its matrix (ISO 14496-12, 8.3.2) turns by a quarter."""
    one = 1 << 16
    straight, quarter = (
        struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) for a, b, c, d in ((one, 0, 0, one), (0, one, -one, 0))
    )
    place = film.index(straight, film.index(b"tkhd"))
    return film[:place] + quarter + film[place + len(quarter) :]


def batch(model: Path, out: Path, *paths: Path) -> tuple[list[str], dict[str, str]]:
    """what the steps and the journal say was wrong."""
    look, keep = look_here(Estimator(model, decode={"min_parts": 2})), OutputOptions(draw=True, audio=True)
    sources, _ = find_sources(paths)
    with Outputs(out, keep, ("openpose", "coco"), DrawOptions(), {}) as outputs:
        said = [str(step.error) for step in run_batch(look, sources, Cut(), outputs) if step.error is not None]
        return said, outputs.journal.errors


def test_frames_that_change_their_size(tmp_path: Path, dots_model: Path) -> None:
    film = changing_film(tmp_path / "a.mjpeg")
    write_image(tmp_path / "b.png", picture())
    out = tmp_path / "out"
    said, noted = batch(dots_model, out, film, tmp_path / "b.png")
    assert len(said) == 1
    assert said[0].startswith(f"{film}: is not drawn to its end")
    assert "\n" not in said[0]
    assert noted == {"a": said[0]}
    assert len(list(out.rglob("*_keypoints.json"))) == 9
    assert len(json.loads((out / "coco_images.json").read_text())) == 9
    with VideoReader(out / "drawn" / "a.mp4") as reader:
        assert len(list(reader)) == 4
    assert (out / "drawn" / "b.png").is_file()


def test_sound_that_mp4_cannot_hold(tmp_path: Path, dots_model: Path) -> None:
    film = telephone_film(tmp_path / "a.avi")
    write_image(tmp_path / "b.png", picture())
    said, _ = batch(dots_model, tmp_path / "out", film, tmp_path / "b.png")
    assert len(said) == 1
    assert said[0].startswith(f"{film}: is not drawn")
    assert "its audio cannot be kept ('mp4' format does not support 'pcm_mulaw' codec); leave the audio out" in said[0]
    assert len(list((tmp_path / "out").rglob("*_keypoints.json"))) == 6
    assert [path.name for path in (tmp_path / "out" / "drawn").iterdir()] == ["b.png"]


def test_a_picture_too_wide_for_its_format(tmp_path: Path, dots_model: Path) -> None:
    write_image(tmp_path / "a.bmp", np.zeros((2, 70_000, 3), np.uint8))  # drawn as JPEG, which ends at 65,535
    write_image(tmp_path / "b.png", picture())
    said, _ = batch(dots_model, tmp_path / "out", tmp_path / "a.bmp", tmp_path / "b.png")
    assert len(said) == 1
    assert "a.bmp: is not drawn" in said[0]
    assert (tmp_path / "out" / "drawn" / "b.png").is_file()


def test_a_disk_that_says_no_ends_the_batch(tmp_path: Path, dots_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would say so of every source; --resume goes on when there is room."""

    def full(*_: object) -> None:
        raise LimbwiseError("no space left")

    monkeypatch.setattr(VideoWriter, "write", full)
    with pytest.raises(LimbwiseError, match="no space left"):
        batch(dots_model, tmp_path / "out", changing_film(tmp_path / "a.mjpeg"))
    assert not list((tmp_path / "out" / "drawn").iterdir())


def test_resuming_and_overwriting_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match="leave one of the two out"):
        OutputOptions(resume=True, overwrite=True)
