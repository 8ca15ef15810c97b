"""`POST /v1/people`: the same people as without a server, in every form; what cannot be meant is one line."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from dots import DOTS, draw_dots, some_people
from web.conftest import Running, encoded, picture

from limbwise.draw.people import draw_people
from limbwise.estimate.estimator import Estimator
from limbwise.write import read_coco, read_csv, read_openpose, save_people

IMAGE = draw_dots(some_people(0))


def post(served: Running, data: bytes = b"", **query: Any) -> httpx.Response:
    return served.http.post("/v1/people", content=data or picture(), params=query)


def test_the_same_people_as_without_a_server(served: Running, dots_estimator: Estimator) -> None:
    answer = post(served).json()
    people = dots_estimator(IMAGE)
    assert (answer["width"], answer["height"]) == (320, 240)
    assert set(answer["milliseconds"]) == {"read", "prepare", "network", "group"}
    assert all(value > 0 for value in answer["milliseconds"].values())
    assert [person["id"] for person in answer["people"]] == [None, None]
    np.testing.assert_allclose(
        [p["keypoints"] for p in answer["people"]], np.dstack([people.xy, people.scores]), atol=1e-3
    )
    np.testing.assert_allclose([p["box"] for p in answer["people"]], people.boxes_xyxy, atol=1e-3)
    np.testing.assert_allclose([p["score"] for p in answer["people"]], people.person_scores, atol=1e-4)


def test_a_missing_keypoint_is_null(served: Running) -> None:
    one = some_people(0, 1)
    image = draw_dots(one)
    cv2.circle(image, one[0, 2].round().astype(int).tolist(), 14, (0, 0, 0), -1)
    (person,) = post(served, encoded(image)).json()["people"]
    assert [point is None for point in person["keypoints"]] == [False, False, True]


@pytest.mark.parametrize("format", ["openpose", "coco", "csv"])
def test_files_are_those_of_the_writers(
    format: str, served: Running, dots_estimator: Estimator, tmp_path: Path
) -> None:
    answer = post(served, format=format)
    people = dots_estimator(IMAGE)
    read: dict[str, Any] = {
        "openpose": lambda path: read_openpose(path, DOTS),
        "coco": lambda path: read_coco(path, DOTS)[0],
        "csv": lambda path: next(iter(read_csv(path, DOTS).values())),
    }
    save_people(people, tmp_path / "image.file", format)
    (tmp_path / "answer").write_bytes(answer.content)
    ours, theirs = (read[format](tmp_path / name) for name in ("answer", "image.file"))
    np.testing.assert_array_equal(ours.xy, theirs.xy)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert answer.headers["content-type"].startswith("text/csv" if format == "csv" else "application/json")


def test_the_table_has_a_head(served: Running) -> None:
    rows = list(csv.DictReader(post(served, format="csv").text.splitlines()))
    assert [row["person"] for row in rows] == ["0", "1"]
    assert rows[0]["source"] == "image"


def test_the_picture_is_drawn(served: Running, dots_estimator: Estimator) -> None:
    answer = post(served, format="png")
    assert answer.headers["content-type"] == "image/png"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(drawn, draw_people(IMAGE, dots_estimator(IMAGE)))


def test_as_a_form(served: Running) -> None:
    expected = post(served).json()["people"]
    for files in (
        {"file": ("../../a.png", picture())},
        {"note": (None, b"hello"), "file": ("a", picture(), "text/plain")},
    ):
        answer = served.http.post("/v1/people", files=files)
        assert answer.json()["people"] == expected


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_kinds_of_images(suffix: str, served: Running) -> None:
    assert len(post(served, picture(suffix=suffix)).json()["people"]) == 2


def test_the_decoder_is_asked(served: Running) -> None:
    assert len(post(served, max_people=1).json()["people"]) == 1
    assert len(post(served, max_people=0).json()["people"]) == 0
    assert len(post(served, threshold=1.0).json()["people"]) == 0
    assert len(post(served, threshold=0.0).json()["people"]) == 2
    assert post(served, model="other").json()["people"] == post(served).json()["people"]


def test_models(served: Running) -> None:
    answer = served.http.get("/v1/models").json()
    skeleton = {"name": "dots", "keypoints": ["head", "hip", "foot"], "limbs": [[0, 1], [1, 2]], "flip": [0, 1, 2]}
    assert answer["default"] == "dots"
    assert answer["models"] == [{"name": name, "skeleton": skeleton, "size": 240} for name in ("dots", "other")]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"format": "xml"}, 422, "format"),
        ({"threshold": 1.5}, 422, "threshold"),
        ({"threshold": "nan"}, 422, "threshold"),
        ({"max_people": -1}, 422, "max_people"),
        ({"model": "../dots"}, 404, "there are dots, other"),
        ({"model": "/etc/passwd"}, 404, "there is no '/etc/passwd'"),
    ],
)
def test_what_cannot_be_meant(query: dict, status: int, says: str, served: Running) -> None:
    answer = post(served, **query)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert says in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_many_at_a_time_get_their_own(served: Running) -> None:
    """Each client gets the people of its own picture, whatever goes through the network with it."""
    files = [picture(seed, 1 + seed % 3) for seed in range(12)]
    alone = [post(served, data).json()["people"] for data in files]
    with ThreadPoolExecutor(12) as clients:
        for _ in range(3):
            together = list(clients.map(lambda data: post(served, data).json()["people"], files))
            assert together == alone


def test_the_description_has_examples(served: Running) -> None:
    description = served.http.get("/openapi.json").json()
    operation = description["paths"]["/v1/people"]["post"]
    examples = operation["responses"]["200"]["content"]["application/json"]["examples"]
    assert set(examples) == {"limbwise", "openpose", "coco"}
    assert {"/v1/video", "/v1/models", "/v1/jobs/{job}", "/v1/jobs/{job}/result", "/healthz", "/metrics"} < set(
        description["paths"]
    )
    assert "multipart/form-data" in operation["requestBody"]["content"]
    assert served.http.get("/docs").status_code == served.http.get("/redoc").status_code == 404
    assert json.dumps(description).count("://") == 0  # nothing from another host
