"""`POST /v1/video`: the same people as `limbwise predict` finds, with progress, an end, and nothing left behind."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from dots import DOTS, draw_dots, some_people
from web.conftest import Running, Start, picture

from limbwise.errors import InputError
from limbwise.estimate.estimator import Estimator
from limbwise.media.video_writer import VideoWriter
from limbwise.web.clip import check_clip
from limbwise.web.options import ServeOptions
from limbwise.write import read_coco, read_csv, read_openpose


def send(served: Running, data: bytes, **query: Any) -> str:
    answer = served.http.post("/v1/video", content=data, params=query)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "waiting"
    return answer.json()["job"]


def until(served: Running, job: str, *states: str) -> dict[str, Any]:
    end = time.monotonic() + 20
    while True:
        answer = served.http.get(f"/v1/jobs/{job}").json()
        if answer["state"] in states:
            return answer
        assert time.monotonic() < end, answer
        time.sleep(0.02)


def result(served: Running, job: str, format: str = "limbwise") -> httpx.Response:
    return served.http.get(f"/v1/jobs/{job}/result", params={"format": format})


@pytest.fixture(scope="module")
def done(served: Running, clip: bytes) -> str:
    job = send(served, clip)
    answer = until(served, job, "done", "failed")
    assert answer == {"job": job, "state": "done", "frames": 20, "total": 20, "error": None}
    return job


@pytest.fixture(scope="module")
def expected(dots_estimator: Estimator, clip: bytes, tmp_path_factory: pytest.TempPathFactory) -> list:
    path = tmp_path_factory.mktemp("same") / "clip.mp4"
    path.write_bytes(clip)
    return [people for _, people in dots_estimator.stream(str(path), track=True)]


def test_the_same_people_as_without_a_server(served: Running, done: str, expected: list) -> None:
    answer = result(served, done).json()
    frames = answer["frames"]
    assert (answer["width"], answer["height"]) == (320, 240)
    assert [frame["frame"] for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame["time"] for frame in frames], np.arange(20) / 25, atol=1e-6)
    for frame, people in zip(frames, expected, strict=True):
        assert [person["id"] for person in frame["people"]] == people.ids.tolist()
        np.testing.assert_allclose(
            [p["keypoints"] for p in frame["people"]], np.dstack([people.xy, people.scores]), atol=1e-3
        )


def test_files_are_those_of_the_writers(served: Running, done: str, expected: list, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(result(served, done, "csv").content)
    table = list(read_csv(path, DOTS).values())
    path.write_bytes(result(served, done, "coco").content)
    coco = [people for _, people in sorted(read_coco(path, DOTS).items())]
    archive = zipfile.ZipFile(io.BytesIO(result(served, done, "openpose").content))
    assert archive.namelist() == [f"clip_{i:012d}_keypoints.json" for i in range(20)]
    for i, people in enumerate(expected):
        path.write_bytes(archive.read(f"clip_{i:012d}_keypoints.json"))
        for read in (table[i], coco[i], read_openpose(path, DOTS)):
            np.testing.assert_allclose(read.xy, people.xy, atol=1e-2)
            np.testing.assert_array_equal(read.ids, people.ids)


def test_as_a_form_and_without_ids(served: Running, clip: bytes) -> None:
    answer = served.http.post("/v1/video?track=false&threshold=0.1", files={"file": ("../../../tmp/x.mp4", clip)})
    job = answer.json()["job"]
    until(served, job, "done")
    assert {person["id"] for frame in result(served, job).json()["frames"] for person in frame["people"]} == {None}
    assert served.http.delete(f"/v1/jobs/{job}").status_code == 204
    assert served.http.get(f"/v1/jobs/{job}").status_code == 404


def test_the_upload_goes_when_the_work_ends(served: Running, done: str) -> None:
    folder = served.serving.jobs.folder / done
    assert "clip" not in {path.name for path in folder.iterdir()}


def long_clip(path: Path, frames: int = 400) -> bytes:
    with VideoWriter(path, (320, 240), 25) as video:
        for i in range(frames):
            video.write(draw_dots(some_people(1) + np.array([i % 20, 0])), i / 25)
    return path.read_bytes()


def test_cancelling(served: Running, tmp_path: Path) -> None:
    data = long_clip(tmp_path / "long.mp4")
    running, waiting = send(served, data), send(served, data)
    until(served, running, "running")
    answer = result(served, waiting)
    assert answer.status_code == 409
    assert "waiting" in answer.json()["error"]
    for job in (waiting, running):
        assert served.http.delete(f"/v1/jobs/{job}").status_code == 204
        assert served.http.get(f"/v1/jobs/{job}").status_code == 404
    folder, end = served.serving.jobs.folder, time.monotonic() + 10
    while any((folder / job).exists() for job in (running, waiting)):
        assert time.monotonic() < end, "the work goes on"
        time.sleep(0.02)


def test_a_damaged_clip_fails_in_one_line(served: Running, clip: bytes) -> None:
    damaged = clip[: len(clip) // 2] + bytes(200) + clip[len(clip) // 2 + 200 :]
    job = send(served, damaged)
    answer = until(served, job, "failed", "done")
    assert answer["state"] == "failed"
    assert answer["error"].startswith("clip: ")
    assert str(served.serving.jobs.folder) not in answer["error"]
    assert result(served, job).status_code == 409


# Files that make FFmpeg open other files or hosts where one lets it.
ELSEWHERE = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile %s\n",
    "dash": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>%s</BaseURL></MPD>',
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\na=%s\n",
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_playlists_are_never_followed(kind: str, served: Running, clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(clip)
    for place in (f"file://{tmp_path}/secret.mp4", "secret.mp4", f"{tmp_path}/secret.mp4", served.url + "/v1/models"):
        before = served.http.get("/metrics").text.count("/v1/models")
        answer = served.http.post("/v1/video", content=ELSEWHERE[kind] % place.encode())
        assert answer.status_code == 422, answer.text
        assert served.http.get("/metrics").text.count("/v1/models") == before
    assert served.http.get("/metrics").text.count('limbwise_jobs{state="running"} 0.0') == 1


@pytest.mark.parametrize(("kind", "name"), [("hls", "list.m3u8"), ("concat", "list.ffconcat")])
def test_playlists_that_ffmpeg_would_follow(kind: str, name: str, clip: bytes, tmp_path: Path) -> None:
    import av

    (tmp_path / "part.mp4").write_bytes(clip)
    (tmp_path / name).write_bytes(ELSEWHERE[kind] % b"part.mp4")
    options = {"allowed_segment_extensions": "ALL", "extension_picky": "0"} if kind == "hls" else {}
    with av.open(str(tmp_path / name), options=options) as followed:
        assert followed.streams.video[0].width == 320
    with pytest.raises(InputError, match="not a video"):
        check_clip(tmp_path / name, ServeOptions())


@pytest.mark.parametrize(
    "data", [b"", b"hello", picture(), b"RIFF....AVI LIST"], ids=["empty", "text", "picture", "head"]
)
def test_what_is_no_clip(data: bytes, served: Running) -> None:
    answer = served.http.post("/v1/video", content=data)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("clip: ")
    assert str(served.serving.jobs.folder) not in answer.text


def test_limits(start: Start, clip: bytes) -> None:
    assert start(max_video_mb=0.001).http.post("/v1/video", content=clip).status_code == 413
    for limits, says in (
        ({"max_frames": 5}, "5 frames"),
        ({"max_video_seconds": 0.1}, "0.1 s"),
        ({"max_megapixels": 0.01}, "10,000"),
    ):
        answer = start(**limits).http.post("/v1/video", content=clip)
        assert answer.status_code == 413
        assert says in answer.json()["error"]


def test_a_header_that_says_less(start: Start, tmp_path: Path) -> None:
    """An elementary stream does not tell its length: the limit holds while it is worked on."""
    with VideoWriter(tmp_path / "a.mp4", (320, 240), 25) as video:
        for _ in range(12):
            video.write(draw_dots(some_people(1)), None)
    import av

    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(tmp_path / "a.h264"), "w", format="h264") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    server = start(max_frames=8)
    check_clip(tmp_path / "a.h264", ServeOptions(max_frames=8))
    answer = until(server, send(server, (tmp_path / "a.h264").read_bytes(), track=False), "failed", "done")
    assert (answer["state"], answer["frames"]) == ("failed", 8)
    assert "8 frames" in answer["error"]


def test_only_so_many_at_a_time(start: Start, tmp_path: Path) -> None:
    server, data = start(max_jobs=2), long_clip(tmp_path / "long.mp4", 100)
    jobs = [send(server, data) for _ in range(2)]
    answer = server.http.post("/v1/video", content=data)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    server.http.delete(f"/v1/jobs/{jobs[0]}")
    server.http.delete(f"/v1/jobs/{jobs[1]}")


def test_results_are_kept_for_a_while(start: Start, clip: bytes) -> None:
    server = start(keep_minutes=0.005)
    job, end = send(server, clip), time.monotonic() + 20
    folder = server.serving.jobs.folder / job
    while folder.exists():  # nobody asks for it, and it goes
        assert time.monotonic() < end, "the result is kept for ever"
        time.sleep(0.05)
    assert server.http.get(f"/v1/jobs/{job}").status_code == 404


def test_no_timer_is_left(start: Start, clip: bytes) -> None:
    server = start()
    jobs, gone, kept = server.serving.jobs, send(server, clip), send(server, clip)
    for job in (gone, kept):
        until(server, job, "done")
    end = time.monotonic() + 5
    while len(jobs._timers) < 2:  # the loop hears of the end a little later
        assert time.monotonic() < end
        time.sleep(0.01)
    server.http.delete(f"/v1/jobs/{gone}")
    assert list(jobs._timers) == [kept]
    timer = jobs._timers[kept]
    server.server.should_exit = True
    while server.serving.jobs.folder.exists():
        assert time.monotonic() < end + 20
        time.sleep(0.05)
    assert timer.cancelled()


@pytest.mark.parametrize("job", ["none", "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "0" * 90])
def test_jobs_that_are_not_there(job: str, served: Running) -> None:
    for method, path in (("GET", ""), ("GET", "/result"), ("DELETE", "")):
        answer = served.http.request(method, f"/v1/jobs/{job}{path}")
        assert answer.status_code in (404, 405)
        assert json.loads(answer.content).keys() == {"error"}
