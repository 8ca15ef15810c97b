"""Videos in and out: times, orientation, audio, damage, and memory that does not grow."""

from __future__ import annotations

import re
import struct
import tracemalloc
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.media.frame import display_orientation, upright
from limbwise.media.video import VideoReader
from limbwise.media.video_writer import VideoWriter

SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
UNEVEN = (0.0, 0.033, 0.05, 0.2, 1.0, 1.01, 3.0)


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A grey that tells the frame's number, with a white corner at the top left."""
    image = np.full((height, width, 3), 20 + 7 * (number % 30), np.uint8)
    image[: height // 4, : width // 4] = 255
    return image


def number_in(image: np.ndarray) -> int:
    return round((float(image[-8:, -8:].mean()) - 20) / 7)


def write_clip(path: Path, times: Sequence[float], size: tuple[int, int] = (64, 48), **options: object) -> Path:
    with VideoWriter(path, size, 30, **options) as writer:
        for number, time in enumerate(times):
            writer.write(picture(number, *size), time)
    return path


def write_sound(path: Path, seconds: float, codec: str = "aac", with_video: bool = False) -> Path:
    """A file with a tone, written by PyAV alone."""
    rate = 48_000
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=rate, layout="mono")
        sound.bit_rate = 64_000
        film = container.add_stream("libx264", rate=30) if with_video else None
        if film:
            film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        tone = (0.3 * np.sin(np.arange(int(rate * seconds)) * 0.06)).astype(np.float32)
        for start in range(0, len(tone), 1024):
            frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        if film:
            for number in range(int(30 * seconds)):
                container.mux(film.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
            container.mux(film.encode(None))
    return path


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(audio=0) if p.dts is not None]


def read_until_error(path: Path, **options: object) -> tuple[list[int], str]:
    numbers: list[int] = []
    try:
        with VideoReader(path, **options) as reader:
            numbers.extend(number_in(frame.image) for frame in reader)
    except InputError as error:
        return numbers, str(error)
    return numbers, ""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", [i / 30 for i in range(30)])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".m4v"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("begin", [0.0, 7.25])
def test_uneven_times_survive(tmp_path: Path, suffix: str, codec: str, begin: float) -> None:
    path = write_clip(tmp_path / f"a{suffix}", [begin + time for time in UNEVEN], codec=codec)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.time for frame in frames] == pytest.approx(UNEVEN, abs=0.0006)
    assert [number_in(frame.image) for frame in frames] == list(range(7))
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == codec.replace("libx264", "h264")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_without_times_the_frame_rate_counts(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", (64, 48), 30000 / 1001) as writer:
        for number in range(60):
            writer.write(picture(number))
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert reader.size == (64, 48)
        assert reader.frame_rate == pytest.approx(30000 / 1001, rel=1e-3)
        assert reader.frame_count == 60
        assert reader.duration == pytest.approx(60 * 1001 / 30000, abs=0.04)
        assert not reader.has_audio
        assert [frame.time for frame in reader] == pytest.approx([i * 1001 / 30000 for i in range(60)], abs=2e-5)


def test_colours_come_back(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (128, 64, 32), (255, 255, 255), (0, 0, 0)]
    with VideoWriter(tmp_path / "a.mp4", (64, 64), 10) as writer:
        for colour in colours:
            writer.write(np.full((64, 64, 3), colour, np.uint8))
    with VideoReader(tmp_path / "a.mp4") as reader:
        for frame, colour in zip(reader, colours, strict=True):
            assert np.abs(frame.image.astype(int).mean((0, 1)) - colour).max() < 6


@pytest.mark.parametrize("size", [(63, 47), (1, 1), (65, 48), (64, 3)])
def test_odd_sizes_repeat_their_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    write_clip(tmp_path / "a.mp4", [0, 0.1], size=size)
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert reader.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        assert len(list(reader)) == 2


MATRICES = {  # of a stored picture to the shown one, as phones write them; and the orientation by its EXIF name
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


@pytest.mark.parametrize("orientation", MATRICES)
def test_display_matrix_of_a_phone_is_applied(tmp_path: Path, clip: Path, orientation: int) -> None:
    def matrix(a: int, b: int, c: int, d: int) -> bytes:
        return struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)

    data = clip.read_bytes()
    track = data.index(b"tkhd")
    at = data.index(matrix(1, 0, 0, 1), track)
    path = tmp_path / "turned.mp4"
    path.write_bytes(data[:at] + matrix(*MATRICES[orientation]) + data[at + 36 :])
    with VideoReader(path) as reader:
        frame = next(reader)
        assert reader.size == frame.image.shape[1::-1] == ((64, 48) if orientation < 5 else (48, 64))
    expected = upright(picture(0), orientation)
    assert np.abs(frame.image.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_display_orientation_equals_the_angle_that_av_tells(tmp_path: Path, degrees: int) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a rotation")
        stream.set_display_rotation(degrees)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        angle = next(container.decode(video=0)).rotation  # against the clock
    expected = np.rot90(picture(0), angle // 90)
    with VideoReader(path) as reader:
        assert np.abs(next(reader).image.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("matrix", [b"", bytes(36), b"\xff" * 36])
def test_senseless_display_matrices_are_harmless(matrix: bytes) -> None:
    assert display_orientation(matrix) in range(1, 9)


@pytest.mark.parametrize(
    ("start", "stop", "step"),
    [(0, None, 1), (5, None, 1), (0, 7, 1), (3, 20, 4), (0, 0, 1), (28, 99, 1), (40, None, 1)],
)
def test_ranges(clip: Path, start: int, stop: int | None, step: int) -> None:
    expected = list(range(30))[start:stop:step]
    with VideoReader(clip, start, stop, step) as reader:
        assert reader.frame_count == len(expected)
        frames = list(reader)
    assert [frame.index for frame in frames] == expected
    assert [number_in(frame.image) for frame in frames] == expected
    assert [frame.time for frame in frames] == pytest.approx([i / 30 for i in expected], abs=1e-4)


def test_loop_goes_on_with_growing_numbers_and_times(clip: Path) -> None:
    with VideoReader(clip, stop=75, loop=True) as reader:
        assert reader.frame_count == 75
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(75))
    assert [number_in(frame.image) for frame in frames] == [i % 30 for i in range(75)]
    assert [frame.time for frame in frames] == pytest.approx([i / 30 for i in range(75)], abs=1e-3)


def test_memory_does_not_grow_with_length(clip: Path) -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc to read the memory of this process from")

    def resident() -> int:
        return int(status.read_text().split("VmRSS:")[1].split()[0]) * 1024

    tracemalloc.start()
    try:
        with VideoReader(clip, stop=3000, loop=True) as reader:
            marks = [(tracemalloc.get_traced_memory()[0], resident()) for frame in reader if frame.index in (500, 2999)]
    finally:
        tracemalloc.stop()
    (python_early, early), (python_late, late) = marks
    assert python_late - python_early < 100_000
    assert late - early < max(0.05 * early, 8 << 20)


@pytest.mark.parametrize("arguments", [{"start": -1}, {"step": 0}, {"stop": -3}])
def test_senseless_ranges_are_refused(clip: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"clip\.mp4"):
        VideoReader(clip, **arguments)


def test_nothing_comes_after_closing(clip: Path) -> None:
    reader = VideoReader(clip)
    next(reader)
    reader.close()
    assert list(reader) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_audio_is_copied_as_it_is(tmp_path: Path, suffix: str) -> None:
    source = write_sound(tmp_path / "source.mp4", 2.0, with_video=True)
    path = tmp_path / f"out{suffix}"
    with VideoReader(source) as reader, VideoWriter(path, reader.size, 30, audio_from=source) as writer:
        assert reader.has_audio
        for frame in reader:
            writer.write(frame.image, frame.time)
    before, after = sound_packets(source), sound_packets(path)
    assert [content for _, content in before] == [content for _, content in after]
    shift = after[0][0] - before[0][0]  # Matroska moves all streams so that none begins before zero
    assert [time + shift for time, _ in before] == pytest.approx([time for time, _ in after], abs=0.0011)
    with av.open(str(path)) as container:
        kinds = [packet.stream.type for packet in container.demux() if packet.dts is not None]
    assert 0 < kinds.index("audio") < 5 or kinds.index("video") < 5
    assert (
        max(len(run) for run in "".join("a" if kind == "audio" else "v" for kind in kinds).split("v")) < 12
    )  # interleaved


def test_audio_of_a_part_stays_in_step(tmp_path: Path) -> None:
    source = write_sound(tmp_path / "source.mp4", 3.0, with_video=True)
    path = tmp_path / "part.mp4"
    with VideoReader(source, start=30, stop=60) as reader, VideoWriter(path, reader.size, 30, source) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time)
    before, after = sound_packets(source), sound_packets(path)
    assert {content for _, content in after} <= {content for _, content in before}
    assert [time + 1.0 for time, _ in after] == pytest.approx(
        [time for time, _ in before if 0.95 < time < 2.0][-len(after) :], abs=1e-3
    )
    assert 45 <= len(after) <= 49
    with VideoReader(path) as reader:
        assert [frame.time for frame in reader] == pytest.approx([i / 30 for i in range(30)], abs=1e-3)


def test_a_source_without_audio_is_fine(tmp_path: Path, clip: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [0, 0.1], audio_from=clip)
    with VideoReader(path) as reader:
        assert not reader.has_audio


def test_audio_that_cannot_be_copied_says_so(tmp_path: Path) -> None:
    source = write_sound(tmp_path / "source.wma", 0.5, codec="wmav2")
    with pytest.raises(LimbwiseError, match=r"source\.wma: its audio cannot be kept .*wmav2.*leave the audio out"):
        write_clip(tmp_path / "a.mp4", [0, 0.1], audio_from=source)
    with pytest.raises(InputError, match=r"nowhere\.mp4: no such file"):
        write_clip(tmp_path / "a.mp4", [0, 0.1], audio_from=tmp_path / "nowhere.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["source.wma"]


def test_nothing_is_left_after_an_exception(tmp_path: Path) -> None:
    def fail() -> None:
        with VideoWriter(tmp_path / "a.mp4", (64, 48), 30) as writer:
            writer.write(picture(0))
            assert len(list(tmp_path.iterdir())) == 1
            raise KeyError("on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        fail()
    with pytest.raises(LimbwiseError, match="no frame was written"), VideoWriter(tmp_path / "a.mp4", (64, 48), 30):
        pass
    assert not list(tmp_path.iterdir())


def test_writer_refuses_what_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"use \.mp4"):
        VideoWriter(tmp_path / "a.xyz", (64, 48), 30)
    with pytest.raises(UsageError, match="0 frames a second"):
        VideoWriter(tmp_path / "a.mp4", (64, 48), 0)
    wrong = r"is \(48, 64, 3\) uint8, not \(64, 48, 3\)"
    with pytest.raises(UsageError, match=wrong), VideoWriter(tmp_path / "a.mp4", (64, 48), 30) as writer:
        writer.write(picture(0, 48, 64))
    with pytest.raises(UsageError, match="not later"):
        write_clip(tmp_path / "a.mp4", [0, 0.5, 0.5])
    assert not list(tmp_path.iterdir())


def remuxed(source: Path, path: Path, **options: str) -> Path:
    with av.open(str(source)) as given, av.open(str(path), "w", options=options) as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path


@pytest.mark.parametrize(("suffix", "options"), [(".mp4", {"movflags": "faststart"}), (".mkv", {}), (".ts", {})])
@pytest.mark.parametrize("share", [0.35, 0.5, 0.9])
def test_frames_before_a_cut_come_then_an_error(
    tmp_path: Path, suffix: str, options: dict[str, str], share: float
) -> None:
    long = tmp_path / "long.mp4"
    with VideoWriter(long, (64, 48), 10) as writer:
        noise = np.random.default_rng(0)
        for number in range(100):
            image = noise.integers(0, 256, (48, 64, 3)).astype(np.uint8)
            image[-16:, -16:] = picture(number)[-16:, -16:]
            writer.write(image)
    path = remuxed(long, tmp_path / f"cut{suffix}", **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    numbers, error = read_until_error(path)
    assert numbers == [i % 30 for i in range(len(numbers))]
    assert 100 * share - 12 < len(numbers) < 100 * share + 3
    if suffix != ".ts" or error:  # a transport stream has neither a count nor a duration of its own
        assert error.startswith(f"{path}: ")
        assert f"frame {len(numbers)}" in error or f"frame {len(numbers) - 1}" in error


BAD = {
    "empty": b"",
    "text": b"no video, just words\n" * 500,
    "zeros": bytes(50_000),
    "noise": np.random.default_rng(0).bytes(50_000),
    "playlist": b"#EXTM3U\n#EXTINF:3,\nother.ts\n",
    "only a header": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_what_is_no_video_says_so_at_opening(
    tmp_path: Path, kind: str, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(BAD[kind])
    with pytest.raises(InputError) as caught:
        VideoReader(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_no_video_stream_missing_file_and_folder_say_so(tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "tone.mp4", 0.2)
    for path, says in (
        (sound, "no video stream"),
        (tmp_path / "nowhere.mp4", "no such file"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(InputError, match=says):
            VideoReader(path)


def test_flipped_bits_never_crash_or_hang(tmp_path: Path, clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mkv = remuxed(clip, tmp_path / "clip.mkv")
    for seed in range(150):
        rng = np.random.default_rng(seed)
        data = bytearray((mkv if seed % 2 else clip).read_bytes())
        for place in rng.integers(0, len(data) if seed % 3 else 400, 1 + seed % 9):
            data[place] ^= 1 << rng.integers(8)
        path = tmp_path / f"bad{'.mkv' if seed % 2 else '.mp4'}"
        path.write_bytes(data)
        numbers, error = read_until_error(path, stop=200)
        assert numbers or error.startswith(f"{path}: ")
    assert capfd.readouterr().err == ""


def test_a_damaged_duration_is_no_duration(tmp_path: Path, clip: Path) -> None:
    """Matroska says it in words, 00:00:01.000000000, which a flipped bit may end."""
    path = remuxed(clip, tmp_path / "clip.mkv")
    data, clocks = re.subn(rb"(\d\d:\d\d:\d\d\.\d{8})\d", b"\\1\x08", path.read_bytes())
    path.write_bytes(data)
    numbers, error = read_until_error(path, stop=200)
    assert clocks > 0
    assert len(numbers) > 0
    assert not error


def write_late(path: Path, start: float) -> Path:
    """50 frames of a 25th of a second each; the first at `start` seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = round(25 * start) + number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("start", [0.0, 3.0])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts", ".nut"])
def test_a_late_start_is_no_cut(tmp_path: Path, suffix: str, start: float) -> None:
    path = write_late(tmp_path / f"late{suffix}", start)
    with VideoReader(path) as reader:
        assert reader.duration == pytest.approx(2.0, abs=0.05)
        assert reader.frame_count == pytest.approx(50, abs=1)  # of NUT's last frame only its beginning is known
        assert [frame.time for frame in reader] == pytest.approx([i / 25 for i in range(50)], abs=1e-3)


@pytest.mark.parametrize("start", [0.0, 3.0])
def test_a_late_start_without_words(tmp_path: Path, start: float) -> None:
    """Matroska says its end twice, in a tag and in its header, as some programs do it only there."""
    path = write_late(tmp_path / "late.mkv", start)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"NOTATION"))
    with VideoReader(path) as reader:
        assert (reader.duration, reader.frame_count) == (2.0, 50)
        assert len(list(reader)) == 50
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    numbers, error = read_until_error(path)
    assert 0 < len(numbers) < 50
    assert "cut short" in error


def test_a_length_where_others_have_the_end(tmp_path: Path) -> None:
    """mkvmerge's tag of the same name holds the length."""
    path = write_late(tmp_path / "late.mkv", 3.0)
    path.write_bytes(path.read_bytes().replace(b"00:00:05.000000000", b"00:00:02.000000000"))
    with VideoReader(path) as reader:
        assert (reader.duration, reader.frame_count) == (2.0, 50)


def test_a_real_clip() -> None:
    path = SHARED / "data" / "video" / "solo_dance.mp4"
    if not path.exists():
        pytest.skip(f"no video at {path}")
    with VideoReader(path) as reader:
        assert (reader.size, reader.frame_count) == ((320, 240), 314)
        times = [frame.time for frame in reader]
    assert len(times) == 314
    assert times[0] == 0
    steps = [late - early for early, late in pairwise(times)]
    assert steps == pytest.approx([1001 / 30000] * 313, abs=1e-3)
