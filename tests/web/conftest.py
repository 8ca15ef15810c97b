"""A real server, as `limbwise serve` runs it, in a thread: dot people's network, small limits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from dots import draw_dots, some_people

from limbwise.estimate.estimator import Estimator
from limbwise.media.video_writer import VideoWriter

pytest.importorskip("fastapi", reason="the server needs the extra serve")
pytest.importorskip("uvicorn", reason="the server needs the extra serve")

from limbwise.web.app import create_app
from limbwise.web.options import ServeOptions
from limbwise.web.run import Server, open_socket
from limbwise.web.serving import Serving

DECODE = {"min_parts": 2}


@dataclass
class Running:
    """A server that answers at `url`."""

    url: str
    serving: Serving
    server: Server
    http: httpx.Client

    @property
    def live(self) -> str:
        """Where its live streams are."""
        return self.url.replace("http", "ws") + "/v1/stream"

    def signal(self) -> None:
        """What SIGTERM does."""
        self.server.handle_exit(15, None)


@contextmanager
def running(estimators: dict[str, Estimator], folder: Path, key: str | None = None, **limits: Any) -> Iterator[Running]:
    """A server of these models until the block is left."""
    options = ServeOptions(port=0, folder=folder, **limits)
    listener: socket.socket = open_socket(options)
    app = create_app(estimators, options, key)
    server = Server(app, options)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        while not server.started:
            time.sleep(0.01)
        with httpx.Client(base_url=url, timeout=30) as http:
            yield Running(url, app.state.serving, server, http)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
        assert not folder.exists()


@pytest.fixture(scope="session")
def dots_estimator(dots_model: Path) -> Estimator:
    return Estimator(dots_model, decode=DECODE)


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def served(dots_estimator: Estimator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server that most tests share."""
    folder = tmp_path_factory.mktemp("serve") / "own"
    with running(
        {"dots": dots_estimator, "other": dots_estimator},
        folder,
        max_body_mb=2,
        max_megapixels=4,
        max_video_mb=4,
        max_jobs=64,
    ) as server:
        yield server


@pytest.fixture
def start(dots_estimator: Estimator, tmp_path: Path) -> Iterator[Start]:
    """A server of one's own, with limits of one's own."""
    open_ones: list[Any] = []

    def begin(**limits: Any) -> Running:
        one = running({"dots": dots_estimator}, tmp_path / f"own{len(open_ones)}", **limits)
        open_ones.append(one)
        return one.__enter__()

    yield begin
    for one in open_ones:
        one.__exit__(None, None, None)


def picture(seed: int = 0, count: int = 2, suffix: str = ".png") -> bytes:
    """An image file of dot people."""
    return encoded(draw_dots(some_people(seed, count)), suffix)


def encoded(image: np.ndarray, suffix: str = ".png") -> bytes:
    done, data = cv2.imencode(suffix, image[..., ::-1])
    assert done
    return data.tobytes()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video file of two dot people who walk, 20 frames."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, (320, 240), 25) as video:
        for i in range(20):
            video.write(draw_dots(some_people(1) + np.array([i, 0])), i / 25)
    return path.read_bytes()
