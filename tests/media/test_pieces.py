"""Videos in pieces: every frame once, in order, the same pixels and times as when they are read in one; and when a piece says no."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.media.frame import Frame
from limbwise.media.pieces import Piece, Unsplit, read_piece, split
from limbwise.media.video import VideoReader

FRAMES, GOP, LEAST = 80, 12, 20
GROUND = np.random.default_rng(0).integers(0, 255, (120, 240, 3), np.uint8)
OPEN = "open-gop=1:bframes=3:keyint=12:min-keyint=12:scenecut=0"
REFRESH = "intra-refresh=1:keyint=12"  # its key frames, as players call them, are none


def encode(path: Path, codec: str = "libx264", options: dict[str, str] | None = None, b_frames: int = 2) -> Path:
    """A clip of noise that moves, with a key frame every 12 frames, encoded as a codec likes it; a gap in its times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size, stream.codec_context.max_b_frames = GOP, b_frames
        for i in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(GROUND[i // 2 : i // 2 + 64, i : i + 96]))
            frame.pts, frame.time_base = i + 3 * (i > 40), Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def in_pieces(
    path: Path, start: int = 0, stop: int | None = None, step: int = 1
) -> tuple[list[Frame], list[Piece], str]:
    """All frames, read piece by piece, with the rest in one where a piece says no; the pieces; and how it ended."""
    frames: list[Frame] = []
    pieces = list(split(str(path), LEAST, start, stop))
    for piece in pieces:
        before = len(frames)
        try:
            frames.extend(read_piece(str(path), piece, start, stop, step))
        except InputError as error:
            return frames, pieces, str(error)
        except Unsplit:
            del frames[before:]
            try:
                frames.extend(read_piece(str(path), piece.rest(), start, stop, step))
            except InputError as error:
                return frames, pieces, str(error)
            return frames, pieces, f"in one from frame {piece.first}"
    return frames, pieces, ""


def whole(path: Path, start: int = 0, stop: int | None = None, step: int = 1) -> tuple[list[Frame], str]:
    frames: list[Frame] = []
    try:
        with VideoReader(path, start, stop, step) as reader:
            frames.extend(reader)
    except InputError as error:
        return frames, str(error)
    return frames, ""


def assert_same(first: list[Frame], second: list[Frame]) -> None:
    assert [(f.index, f.time) for f in first] == [(f.index, f.time) for f in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("name", "codec", "options", "ended"),
    [
        ("plain.mp4", "libx264", {}, ""),
        ("open.mp4", "libx264", {"x264-params": OPEN}, ""),
        ("open.mkv", "libx264", {"x264-params": OPEN}, ""),
        ("open.ts", "libx264", {"x264-params": OPEN}, ""),
        ("mpeg2.ts", "mpeg2video", {}, ""),
        ("mpeg4.mp4", "mpeg4", {}, ""),
        ("intra.avi", "mjpeg", {}, ""),
        ("refresh.ts", "libx264", {"x264-params": REFRESH}, "in one"),
        ("no-times.avi", "mpeg4", {}, "in one"),
    ],
)
def test_every_frame_once_as_when_read_in_one(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], ended: str
) -> None:
    path = encode(tmp_path / name, codec, options, 0 if codec == "mjpeg" else 2)
    frames, pieces, how = in_pieces(path)
    assert_same(frames, whole(path)[0])
    assert how.startswith(ended)
    assert bool(ended) == bool(how)
    assert len(frames) == FRAMES
    if not ended:
        assert len(pieces) == 4
        assert all(len(piece.stamps or ()) >= LEAST for piece in pieces[:-1])


def test_pieces_follow_each_other(tmp_path: Path) -> None:
    pieces = list(split(str(encode(tmp_path / "a.mp4")), LEAST))
    assert [(p.first, p.stop) for p in pieces] == [(0, 24), (24, 48), (48, 72), (72, 80)]
    assert [p.last for p in pieces] == [False, False, False, True]
    stamps = [stamp for piece in pieces for stamp in piece.stamps or ()]
    assert all(a < b for a, b in pairwise(stamps))


CUTS = [(0, None, 3), (30, None, 1), (25, 60, 7), (0, 24, 1), (79, None, 1), (100, None, 1), (5, 9, 2)]


@pytest.mark.parametrize("cut", CUTS)
def test_cuts(tmp_path: Path, cut: tuple[int, int | None, int]) -> None:
    path = encode(tmp_path / "a.mp4")
    frames, pieces, how = in_pieces(path, *cut)
    assert_same(frames, whole(path, *cut)[0])
    assert how == ""
    assert pieces[-1].last
    assert not any(piece.last for piece in pieces[:-1])


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_damage_is_found_at_the_same_frame(tmp_path: Path, share: float) -> None:
    """A file that lacks its end, or some bytes in its middle: the same frames before it, and the same words."""
    good = encode(tmp_path / "a.ts").read_bytes()
    hole = round(share * len(good))
    for name, data in (("short.ts", good[:hole]), ("hole.ts", good[:hole] + bytes(900) + good[hole + 900 :])):
        (tmp_path / name).write_bytes(data)
        expected, said = whole(tmp_path / name)
        frames, _, how = in_pieces(tmp_path / name)
        assert_same(frames, expected)
        assert (how == said) or (not said and how.startswith("in one"))


def test_what_is_no_video_is_one_piece(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    assert list(split(str(tmp_path / "bad.mp4"), LEAST)) == [Piece(0, None, True)]
    assert in_pieces(tmp_path / "bad.mp4")[2] == whole(tmp_path / "bad.mp4")[1] != ""


def test_a_piece_that_is_not_there_says_no(tmp_path: Path) -> None:
    path = str(encode(tmp_path / "a.mp4"))
    second = list(split(path, LEAST))[1]
    assert second.stamps
    for wrong in (
        Piece(24, tuple(stamp + 1 for stamp in second.stamps), False),
        Piece(24, second.stamps, True),
        Piece(26, second.stamps[2:], False),  # begins at no key frame
    ):
        with pytest.raises(Unsplit):
            list(read_piece(path, wrong))
