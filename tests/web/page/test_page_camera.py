"""The camera in the page: a fake device that plays a real clip, people with ids over it, and its end."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import defaultdict
from typing import Any

from browsing import saved, shown

from limbwise.media.image import decode_image


def test_the_camera_is_drawn_with_ids_and_stops_with_escape(page: Any) -> None:
    answers: list[Any] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: answers.append(json.loads(text))))
    page.click("#camera")
    page.wait_for_selector("#view[data-frame]")
    while _frame(page) < 5:
        page.wait_for_timeout(50)
    page.wait_for_selector("#facts:has-text('frames/s')")
    assert page.inner_text("#title") == "Camera"
    assert shown(page).std() > 10, "a picture, not a plain ground"
    assert [answer["frame"] for answer in answers] == sorted(answer["frame"] for answer in answers)
    assert any(person["id"] is not None for answer in answers for person in answer["people"])
    assert float(page.inner_text("#time-network")) > 0
    assert page.evaluate("video.srcObject.getVideoTracks()[0].readyState") == "live"
    page.evaluate("window.track = video.srcObject.getVideoTracks()[0]")
    page.keyboard.press("Escape")
    page.wait_for_selector("text=Drop a photo or a clip")
    assert page.evaluate("window.track.readyState") == "ended"
    assert page.evaluate("document.activeElement.id") == "camera"
    count = len(answers)
    page.wait_for_timeout(400)
    assert len(answers) <= count + 2, "what was on its way may come, but nothing more is asked"


def test_a_picture_of_the_camera_is_kept_and_saved(page: Any) -> None:
    page.click("#camera")
    page.wait_for_selector("#view[data-frame]")
    name, png = saved(page, "png")
    width, height = page.evaluate("[video.videoWidth, video.videoHeight]")
    assert decode_image(png, name).shape == (height, width, 3)
    name, text = saved(page, "openpose")
    assert name == "camera_keypoints.json"
    assert json.loads(text)["version"] == 1.3
    page.click("#keep")
    page.wait_for_selector("#title:has-text('camera.png')")
    page.wait_for_selector("#view[data-people]")
    assert page.get_attribute("body", "data-source") == "photo"


def test_in_step_shows_the_picture_that_people_were_found_in(page: Any) -> None:
    page.click("#camera")
    page.wait_for_selector("#view[data-frame]")
    assert max(map(len, _pictures(page).values())) > 1, "live: the picture goes on under the people"
    page.check("[data-setting=step]")
    before = _frame(page)
    while _frame(page) < before + 2:  # the first of which has come in step
        page.wait_for_timeout(50)
    pictures = _pictures(page)
    assert len(pictures) > 1
    assert {frame: len(shown) for frame, shown in pictures.items()} == dict.fromkeys(pictures, 1)


def _frame(page: Any) -> int:
    """Number of the frame whose people are drawn."""
    return int(page.get_attribute("#view", "data-frame"))


def _pictures(page: Any) -> dict[str, list[Any]]:
    """Which pictures were shown with the people of each frame; painted twice, one may differ from itself by roundings."""
    pictures: dict[str, list[Any]] = defaultdict(list)
    for _ in range(25):
        frame, url = page.evaluate("[view.dataset.frame, view.toDataURL('image/jpeg')]")
        picture = decode_image(b64decode(url.partition(",")[2]), "canvas").astype(int)
        if all(picture.shape != known.shape or abs(picture - known).mean() > 0.2 for known in pictures[frame]):
            pictures[frame].append(picture)
    return pictures


def test_a_camera_that_is_not_allowed_is_named(page: Any) -> None:
    refuse = (
        "void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')))"
    )
    page.evaluate(refuse)
    page.click("#camera")
    page.wait_for_selector("text=The camera is not allowed for this page.")
