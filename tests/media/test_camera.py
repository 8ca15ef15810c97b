"""The camera's thread, fed by a fake capture and by OpenCV's own on a file."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.media.camera import Camera
from limbwise.media.video import VideoReader
from limbwise.media.video_writer import VideoWriter


class Scripted:
    """A capture that gives grey pictures, numbered, whenever `gate` allows, up to `count`."""

    def __init__(self, count: int = 10**9, opened: bool = True, delay: float = 0.001) -> None:
        self.count, self.opened, self.delay = count, opened, delay
        self.given, self.released = 0, threading.Event()

    def __call__(self, source: object) -> Scripted:
        self.source = source
        return self

    def isOpened(self) -> bool:
        return self.opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(self.delay)
        if self.given >= self.count:
            return False, None
        self.given += 1
        return True, np.full((4, 6, 3), (self.given % 256, 1, 2), np.uint8)

    def release(self) -> None:
        self.released.set()


def test_newest_frame_comes_and_older_ones_are_counted() -> None:
    capture = Scripted()
    with Camera(3, capture) as camera:
        frames = []
        for frame in camera:
            frames.append(frame)
            time.sleep(0.02)
            if len(frames) == 10:
                break
        dropped = camera.dropped
    assert capture.source == 3
    assert capture.released.wait(1)
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    assert dropped > 10
    assert indices[-1] + 1 <= len(frames) + dropped <= capture.given
    assert frames[0].image.shape == (4, 6, 3)
    assert tuple(frames[0].image[0, 0]) == (2, 1, frames[0].index + 1)  # RGB of BGR
    assert all(frame.time <= later.time for frame, later in pairwise(frames))


def test_a_fast_reader_misses_nothing() -> None:
    with Camera(0, Scripted(delay=0.005)) as camera:
        indices = [next(camera).index for _ in range(20)]
    assert indices == list(range(20))
    assert camera.dropped <= 1


def test_times_are_those_of_the_clock() -> None:
    ticks = iter(range(10**9))
    with Camera(0, Scripted(delay=0.005), clock=lambda: 0.5 * next(ticks)) as camera:
        frames = [next(camera) for _ in range(5)]
    assert [frame.time for frame in frames] == [0.5 * frame.index for frame in frames]


def test_closing_stops_the_thread_and_the_iteration() -> None:
    capture = Scripted()
    camera = Camera(0, capture)
    next(camera)
    threads = threading.active_count()
    camera.close()
    assert capture.released.is_set()
    assert threading.active_count() == threads - 1
    assert list(camera) == []


def test_closing_wakes_a_waiting_reader() -> None:
    camera = Camera(0, Scripted(count=0), timeout=5)
    threading.Timer(0.1, camera.close).start()
    begin = time.monotonic()
    assert list(camera) == []
    assert time.monotonic() - begin < 3


def test_what_cannot_be_opened_says_so() -> None:
    capture = Scripted(opened=False)
    with pytest.raises(InputError, match=r"^camera 7: cannot be opened"):
        Camera(7, capture)
    assert capture.released.is_set()  # else the program may end while OpenCV works, and abort


def test_no_answer_says_so_in_time() -> None:
    late = threading.Event()

    def hang(source: object) -> Scripted:
        late.wait(5)
        return Scripted()

    begin = time.monotonic()
    with pytest.raises(InputError, match=r"^rtsp://nowhere/: does not answer"):
        Camera("rtsp://nowhere/", hang, timeout=0.2)
    assert time.monotonic() - begin < 2
    late.set()


def test_a_camera_that_stops_says_so_after_its_last_frame() -> None:
    with Camera(0, Scripted(count=3, delay=0.02), timeout=0.3) as camera:
        frames = [next(camera) for _ in range(3)]
        with pytest.raises(InputError, match=r"gave no frame for 0\.3 s"):
            next(camera)
    assert [frame.index for frame in frames] == [0, 1, 2]


def test_a_capture_that_raises_is_an_input_error() -> None:
    class Broken(Scripted):
        def read(self) -> tuple[bool, np.ndarray | None]:
            raise RuntimeError("cable cut")

    with Camera(0, Broken(), timeout=1) as camera, pytest.raises(InputError, match=r"camera 0: failed \(cable cut\)"):
        next(camera)


def test_opencv_on_a_file_through_the_same_thread(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, (64, 48), 30) as writer:
        for number in range(20):
            writer.write(np.full((48, 64, 3), (5 * number, 100, 200), np.uint8))
    with VideoReader(path) as reader:
        expected = [frame.image for frame in reader]
    frames = []
    with Camera(str(path), timeout=2) as camera, pytest.raises(InputError, match="gave no frame"):
        frames.extend(iter(camera))
    assert frames[-1].index == 19
    assert len(frames) + camera.dropped == 20
    for frame in frames:
        assert np.abs(frame.image.astype(int) - expected[frame.index]).mean() < 6


def test_opencv_on_nothing_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        Camera(str(tmp_path / "nowhere.mp4"), timeout=5)
    assert capfd.readouterr().err == ""
