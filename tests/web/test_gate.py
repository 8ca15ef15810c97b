"""Who may come in, what every answer carries, and what is too much: always a status and one line."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import httpx
import numpy as np
import pytest
from web.conftest import Running, Start, encoded, picture
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def locked(served: Running, dots_estimator: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from web.conftest import running

    with running({"dots": dots_estimator}, tmp_path_factory.mktemp("locked") / "own", key="s3cret é") as server:
        yield server


KEY = "s3cret é".encode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": b"wrong"}, 401),
        ({"Authorization": b"Bearer wrong"}, 401),
        ({"Authorization": b"Basic " + KEY}, 401),
        ({"X-API-Key": KEY}, 200),
        ({"Authorization": b"Bearer " + KEY}, 200),
        ({"Authorization": b"bearer  " + KEY}, 200),
    ],
)
def test_the_key(headers: dict, status: int, locked: Running) -> None:
    for path in ("/v1/models", "/metrics", "/openapi.json"):
        assert locked.http.get(path, headers=headers).status_code == status
    answer = locked.http.post("/v1/people", content=picture(), headers=headers)
    assert answer.status_code == status
    assert "people" in answer.json() or "key" in answer.json()["error"]


def test_what_needs_no_key(locked: Running) -> None:
    assert locked.http.get("/healthz").json() == {"status": "ok"}
    assert locked.http.get("/page/none.js").status_code == 404
    for path in ("/v1/jobs/1", "/nothing", "/page", "//page/../v1/models", "/healthz/../v1/models"):
        assert httpx.get(httpx.URL(locked.url).copy_with(raw_path=path.encode())).status_code in (401, 404)


def test_the_key_of_a_live_stream(locked: Running) -> None:
    for query in ("", "?key=wrong"):
        with pytest.raises(InvalidStatus) as refused:
            connect(locked.live + query)
        assert refused.value.response.status_code == 401
    with connect(locked.live + "?key=s3cret%20%C3%A9") as stream:
        stream.send(picture())
        assert "people" in stream.recv(timeout=10)


def test_every_answer_has_the_strict_headers(served: Running) -> None:
    for answer in (
        served.http.get("/healthz"),
        served.http.get("/nothing"),
        served.http.post("/v1/people", content=b"x"),
        served.http.put("/v1/people"),
        served.http.get("/page/../../answers.py"),
    ):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' ws: wss:"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/page/../options.py", "/page/..%2foptions.py", "/page/%2e%2e/app.py", "/page//etc/passwd"]
)
def test_nothing_but_the_page_is_shown(path: str, served: Running) -> None:
    answer = httpx.get(httpx.URL(served.url).copy_with(raw_path=path.encode()))
    assert answer.status_code == 404
    assert answer.json().keys() == {"error"}


def test_pages_of_other_hosts_may_not_ask(served: Running) -> None:
    evil = {"Origin": "https://evil.example"}
    assert served.http.post("/v1/people", content=picture(), headers=evil).status_code == 403
    assert served.http.post("/v1/people", content=picture(), headers={"Origin": "null"}).status_code == 403
    assert served.http.post("/v1/people", content=picture(), headers={"Origin": served.url}).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        connect(served.live, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    with connect(served.live, origin=served.url):
        pass


def test_pages_that_may_ask(start: Start) -> None:
    server, friend = start(origins="https://a.example, https://b.example/"), {"Origin": "https://b.example"}
    answer = server.http.post("/v1/people", content=picture(), headers=friend)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    asked = {**friend, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    assert server.http.options("/v1/people", headers=asked).status_code == 200
    assert server.http.post("/v1/people", content=picture(), headers={"Origin": "https://c.example"}).status_code == 403
    with connect(server.live, origin="https://a.example"):
        pass


def test_too_large_a_body(served: Running) -> None:
    large = bytes(30_000_000)  # more than sockets hold: the refusal must reach a client that still sends
    for sent in ({"content": large}, {"files": {"file": large}}, {"content": iter([large[:1_000_000]] * 30)}):
        answer = served.http.post("/v1/people", **sent)
        assert answer.status_code == 413
        assert "2 MB" in answer.json()["error"]
    assert served.http.post("/v1/people", content=picture()).status_code == 200


def test_a_refusal_reaches_a_client_that_looks_only_when_it_has_sent_all(served: Running) -> None:
    """As browsers do, and Python's own client."""
    host, port = httpx.URL(served.url).netloc.decode().split(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    connection.request("POST", "/v1/people", bytes(30_000_000))
    assert connection.getresponse().status == 413
    connection.close()


def test_too_many_pixels(served: Running) -> None:
    answer = served.http.post("/v1/people", content=encoded(np.zeros((2001, 2000, 3), np.uint8)))
    assert answer.status_code == 413
    assert "2000 x 2001" in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("multipart/form-data", b"x", "boundary"),
        ("multipart/form-data; boundary=a", b"x", "form"),
        (
            "multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc',
            "cut short",
        ),
        (
            "multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--a--\r\n',
            "no field",
        ),
    ],
)
def test_forms_that_cannot_be_read(kind: str, body: bytes, says: str, served: Running) -> None:
    answer = served.http.post("/v1/people", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_more_than_may_wait(start: Start) -> None:
    server, data = start(max_waiting=2), encoded(np.zeros((1200, 1600, 3), np.uint8))
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: server.http.post("/v1/people", content=data), range(48)))
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert "waiting" in refused.json()["error"]
    assert server.http.post("/v1/people", content=data).status_code == 200
    assert server.serving.pipeline.waiting == 0


def test_out_of_time(start: Start) -> None:
    answer = start(seconds=0.002).http.post("/v1/people", content=encoded(np.zeros((1500, 2000, 3), np.uint8)))
    assert answer.status_code in (408, 503)
    assert "0.002 s" in answer.json()["error"]


def test_a_body_that_never_comes(start: Start) -> None:
    server = start(seconds=0.2)
    with socket.create_connection(httpx.URL(server.url).netloc.decode().split(":")) as client:  # type: ignore[arg-type]
        client.sendall(b"POST /v1/people HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
        client.settimeout(5)
        assert b"408" in client.recv(100)


def test_clients_that_leave_are_not_worked_for(start: Start) -> None:
    """Of many who wait and hang up, only those who were at work already are finished."""
    server = start()
    data = encoded(np.zeros((1200, 1600, 3), np.uint8))
    head = f"POST /v1/people HTTP/1.1\r\nHost: a\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    host, port = httpx.URL(server.url).netloc.decode().split(":")
    for _ in range(40):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head + data)
    assert server.http.post("/v1/people", content=picture()).status_code == 200
    text = server.http.get("/metrics").text
    assert float(text.split('limbwise_stage_seconds_count{stage="network"} ')[1].split()[0]) < 30


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.01)


def test_what_runs_is_finished_when_the_server_stops(start: Start, clip: bytes) -> None:
    server = start(stop_seconds=20)
    job = server.http.post("/v1/video", content=clip).json()["job"]
    with connect(server.live) as stream, httpx.Client(base_url=server.url) as other:
        stream.send(picture())
        stream.recv(timeout=10)
        until(lambda: server.http.get(f"/v1/jobs/{job}").json()["state"] != "waiting")
        server.signal()
        until(lambda: other.get("/healthz").status_code == 503)
        refused = other.post("/v1/people", content=picture())
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        until(lambda: other.get(f"/v1/jobs/{job}").json()["state"] == "done")
        assert len(other.get(f"/v1/jobs/{job}/result").json()["frames"]) == 20
    until(lambda: not server.serving.jobs.folder.exists())


def test_metrics(start: Start) -> None:
    server = start()
    for body in (picture(), picture(1, 3), b"no image"):
        server.http.post("/v1/people", content=body)
    text = server.http.get("/metrics").text
    for line in (
        'limbwise_requests_total{path="/v1/people",status="200"} 2.0',
        'limbwise_requests_total{path="/v1/people",status="422"} 1.0',
        "limbwise_people_total 5.0",
        "limbwise_waiting 0.0",
        'limbwise_jobs{state="running"} 0.0',
        'limbwise_stage_seconds_count{stage="network"} 2.0',
        'limbwise_request_seconds_count{path="/v1/people"} 3.0',
    ):
        assert line in text
