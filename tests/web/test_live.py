"""`WS /v1/stream`: people of every frame that is looked at, with ids; late frames dropped; what is wrong said."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
from dots import draw_dots, some_people
from web.conftest import Running, Start, encoded
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect


def frame(step: int, suffix: str = ".png") -> bytes:
    return encoded(draw_dots(some_people(1) + np.array([2 * step, 0])), suffix)


def ask(socket: ClientConnection, message: bytes | str) -> dict[str, Any]:
    socket.send(message)
    return json.loads(socket.recv(timeout=10))


def test_people_keep_their_ids(served: Running) -> None:
    with connect(served.live) as socket:
        answers = [ask(socket, frame(i, suffix)) for i, suffix in enumerate((".png", ".jpg", ".webp") * 4)]
    assert [answer["frame"] for answer in answers] == list(range(12))
    for i, answer in enumerate(answers):
        assert (answer["width"], answer["height"], answer["dropped"]) == (320, 240, 0)
        assert sorted(person["id"] for person in answer["people"]) == [0, 1]
        first = min(answer["people"], key=lambda person: person["id"])
        np.testing.assert_allclose(first["keypoints"][0][0] - answers[0]["people"][0]["keypoints"][0][0], 2 * i, atol=4)


def test_without_ids(served: Running) -> None:
    with connect(served.live + "?track=false&model=other&threshold=0.1") as socket:
        assert [person["id"] for person in ask(socket, frame(0))["people"]] == [None, None]


def test_somebody_new_is_shown_before_an_id_is_sure(served: Running) -> None:
    with connect(served.live) as socket:
        for _ in range(3):
            ask(socket, encoded(np.zeros((240, 320, 3), np.uint8)))
        ids = [[person["id"] for person in ask(socket, frame(i))["people"]] for i in range(3)]
    assert ids[0] == [None, None]
    assert sorted(ids[2]) == [0, 1]


def test_late_frames_are_dropped_and_the_newest_is_looked_at(served: Running) -> None:
    with connect(served.live, max_size=None) as socket:
        count = 60
        for i in range(count):
            socket.send(frame(i % 20, ".jpg"))
        answers = [json.loads(socket.recv(timeout=10))]
        while answers[-1]["frame"] < count - 1:
            answers.append(json.loads(socket.recv(timeout=10)))
    numbers = [answer["frame"] for answer in answers]
    assert numbers == sorted(set(numbers))
    assert len(answers) < count
    assert answers[-1]["dropped"] == count - len(answers)


def test_what_is_no_image_is_said_and_the_socket_stays_open(served: Running) -> None:
    with connect(served.live) as socket:
        for i, bad in enumerate((b"hello", b"", "text", frame(0)[:-20])):
            answer = ask(socket, bad)
            assert answer.keys() == {"frame", "error"}
            assert answer["frame"] == i
        assert len(ask(socket, frame(0))["people"]) == 2


def test_too_big_a_frame_closes(served: Running) -> None:
    with connect(served.live, max_size=None) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.send(bytes(2_100_000))  # the server may hang up before all of it is sent
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize("query", ["?model=none", "?threshold=2", "?track=perhaps"])
def test_what_cannot_be_meant(query: str, served: Running) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(served.live + query)
    assert 400 <= refused.value.response.status_code < 500


def test_only_so_many(start: Start) -> None:
    server = start(max_streams=1)
    with connect(server.live) as socket:
        ask(socket, frame(0))
        with pytest.raises(InvalidStatus) as refused:
            connect(server.live)
        assert refused.value.response.status_code == 503
    end = time.monotonic() + 5
    while server.serving.streams:
        assert time.monotonic() < end
        time.sleep(0.01)
    with connect(server.live) as socket:
        assert ask(socket, frame(0))["frame"] == 0


def test_a_client_that_leaves_in_the_middle(served: Running) -> None:
    for _ in range(5):
        with connect(served.live) as socket:
            socket.send(frame(0))
    with connect(served.live) as socket:
        socket.send(frame(0))
        socket.socket.close()
    assert served.http.get("/healthz").json() == {"status": "ok"}
