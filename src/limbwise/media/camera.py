"""A live camera or network stream by OpenCV in a thread of its own: the newest frame first, what came meanwhile is dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Condition, Thread
from typing import Any, Protocol

import cv2
import numpy as np

from limbwise.errors import InputError
from limbwise.media.frame import Frame, Image
from limbwise.media.image import quiet_opencv

PAUSE = 0.01  # seconds between two attempts at a camera that gives nothing


class Capture(Protocol):
    """What is needed of cv2.VideoCapture."""

    def isOpened(self) -> bool: ...  # OpenCV's name

    def read(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


class Camera:
    """The frames of a camera (its number) or a stream (URL such as rtsp://..., or a file), as an iterator of Frame and a context manager.

    Each `next` gives the newest frame not given yet, or waits for one; frames that nobody asked for in time are counted in
    `dropped`. `index` counts all frames that the camera gave, `time` is seconds since the first one by `clock`.
    Raises InputError where it cannot be opened, or gives no frame for `timeout` seconds; a file "stops" at its end in this sense.
    """

    def __init__(
        self,
        source: int | str,
        capture: Callable[[Any], Capture] = cv2.VideoCapture,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.timeout, self.dropped = source, timeout, 0
        self._capture, self._clock = capture, clock
        self._newest: Frame | None = None
        self._problem = ""
        self._running, self._opened = True, False
        self._news = Condition()
        self._thread = Thread(target=self._work, name=f"camera {source}", daemon=True)
        self._thread.start()
        with self._news:
            self._news.wait_for(lambda: self._opened or self._problem, timeout)
            self._running = self._opened
        if not self._running:
            if self._problem:  # soon at its end; a program that ended meanwhile would abort in OpenCV's own code
                self._thread.join(timeout)
            raise InputError(
                self._problem or f"{self._name}: does not answer; check that it is on and the address is right"
            )

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        with self._news:
            self._news.wait_for(lambda: self._newest or self._problem or not self._running, self.timeout)
            frame, self._newest = self._newest, None
            if not self._running:
                raise StopIteration
            if frame is None:
                raise InputError(self._problem or self._silent)
            return frame

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread and let go of the camera; nothing more comes."""
        with self._news:
            self._running = False
            self._news.notify_all()
        self._thread.join(self.timeout)

    @property
    def _name(self) -> str:
        return f"camera {self.source}" if isinstance(self.source, int) else self.source

    @property
    def _silent(self) -> str:
        return f"{self._name}: gave no frame for {self.timeout:g} s; check that it is still connected"

    def _work(self) -> None:
        """The thread: open, then put each frame in the one place for the newest."""
        capture: Capture | None = None
        try:
            with quiet_opencv:
                capture = self._capture(self.source)
            if not capture.isOpened():
                raise InputError(
                    f"{self._name}: cannot be opened; check that it is connected and free, and the number or address"
                )
            with self._news:
                self._opened = True
                self._news.notify_all()
            self._grab(capture)
        except Exception as error:  # a thread's error is raised where the frames are asked for
            with self._news:
                self._problem = str(error) if isinstance(error, InputError) else f"{self._name}: failed ({error})"
                self._news.notify_all()
        finally:
            if capture is not None:
                capture.release()

    def _grab(self, capture: Capture) -> None:
        index, first, last = 0, 0.0, self._clock()
        while self._running:
            given, image = capture.read()
            now = self._clock()
            if not given:
                if now - last > self.timeout:
                    raise InputError(self._silent)
                time.sleep(PAUSE)
                continue
            first, last = (first if index else now), now
            self._put(Frame(_rgb(image), index, now - first))
            index += 1

    def _put(self, frame: Frame) -> None:
        with self._news:
            self.dropped += self._newest is not None
            self._newest = frame
            self._news.notify_all()


def _rgb(image: Any) -> Image:
    """From what OpenCV's capture gives, BGR or grey."""
    code = cv2.COLOR_GRAY2RGB if image.ndim == 2 or image.shape[2] == 1 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, code), np.uint8)
