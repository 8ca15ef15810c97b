"""The camera in the page: a fake device that plays a real clip, people with ids over it, and its end."""

from __future__ import annotations

import json
import time
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


def _until(page: Any, true: str) -> None:
    """Wait; Playwright's own way is nothing that the page's policy allows."""
    end = time.monotonic() + 20
    while not page.evaluate(true):
        assert time.monotonic() < end, true
        page.wait_for_timeout(50)


def _pictures(page: Any) -> dict[str, list[Any]]:
    """Which pictures were shown with the people of each frame; painted twice, one may differ from itself by roundings."""
    pictures: dict[str, list[Any]] = defaultdict(list)
    for _ in range(25):
        frame, url = page.evaluate("[view.dataset.frame, view.toDataURL('image/jpeg')]")
        picture = decode_image(b64decode(url.partition(",")[2]), "canvas").astype(int)
        if all(picture.shape != known.shape or abs(picture - known).mean() > 0.2 for known in pictures[frame]):
            pictures[frame].append(picture)
    return pictures


def test_a_camera_that_is_not_allowed_is_named_and_asked_for_again(page: Any) -> None:
    page.evaluate(
        """() => {
            const devices = navigator.mediaDevices;
            const ask = devices.getUserMedia.bind(devices);
            devices.getUserMedia = (wanted) => {
                devices.getUserMedia = ask;
                return Promise.reject(new DOMException("no", "NotAllowedError"));
            };
        }"""
    )
    page.click("#camera")
    page.wait_for_selector("text=The camera is not allowed for this page.")
    assert page.is_disabled("#keep")
    assert page.inner_text("#count-line").strip() == "No result"
    page.click("text=Try again")
    page.wait_for_selector("#view[data-frame]")
    assert page.is_enabled("#keep")


def test_a_camera_that_was_taken_away_can_be_opened_again(page: Any) -> None:
    page.click("#camera")
    page.wait_for_selector("#view[data-frame]")
    page.evaluate(
        """() => {
            const [track] = video.srcObject.getVideoTracks();
            track.stop();
            track.dispatchEvent(new Event("ended"));
        }"""
    )
    page.wait_for_selector("text=The camera was unplugged or taken away.")
    assert page.is_disabled("#keep")
    page.click("text=Try again")
    _until(page, "video.srcObject?.getVideoTracks()[0].readyState === 'live'")
    page.wait_for_selector("#keep:enabled")


def test_a_permission_that_comes_late_disturbs_nobody(page: Any) -> None:
    page.evaluate(
        """() => {
            const devices = navigator.mediaDevices;
            const ask = devices.getUserMedia.bind(devices);
            devices.getUserMedia = async (wanted) => {
                devices.getUserMedia = ask;
                await new Promise((allow) => (window.allow = allow));
                return (window.late = await ask(wanted));
            };
        }"""
    )
    page.click("#camera")
    _until(page, "Boolean(window.allow)")
    page.keyboard.press("Escape")
    page.click("#camera")
    page.wait_for_selector("#view[data-frame]")
    page.evaluate("allow()")
    _until(page, "window.late?.getVideoTracks()[0].readyState === 'ended'")
    _until(page, f"Number(view.dataset.frame) > {_frame(page)}")
    assert page.evaluate("video.srcObject.getVideoTracks()[0].readyState") == "live"


def test_the_mirror_is_for_cameras_that_look_at_their_user(page: Any) -> None:
    page.evaluate("void (MediaStreamTrack.prototype.getSettings = () => ({ facingMode: window.facing }))")
    for facing, mirrored in (
        (None, False),
        ("user", True),
        ("user", False),  # after a person has switched it off
        ("environment", False),
        ("user", True),
        ("environment", False),
    ):
        page.evaluate("(facing) => void (window.facing = facing)", facing)
        page.click("#camera")
        page.wait_for_selector("#view[data-people]")
        assert page.is_checked("[data-setting=mirror]") == mirrored
        page.uncheck("[data-setting=mirror]")
        page.keyboard.press("Escape")


def test_nothing_is_sent_while_the_way_is_full(page: Any) -> None:
    page.evaluate(
        """() => {
            [window.sent, window.waiting] = [0, 0];
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) { window.sent += 1; send.call(this, data); };
            Object.defineProperty(WebSocket.prototype, "bufferedAmount", { get: () => window.waiting });
        }"""
    )
    page.click("#camera")
    _until(page, "sent > 2")
    page.evaluate("void (window.waiting = 1)")
    page.wait_for_timeout(300)  # what was on its way out
    before = page.evaluate("sent")
    page.wait_for_timeout(700)
    assert page.evaluate("sent") == before
    page.evaluate("void (window.waiting = 0)")
    _until(page, f"sent > {before + 2}")


def test_slow_answers_are_waited_for(page: Any) -> None:
    sockets: list[Any] = []
    frames: list[Any] = []

    def take(socket: Any) -> None:
        sockets.append(socket)
        socket.on_message(lambda frame: frames.append(frame))

    page.route_web_socket("**/v1/stream*", take)
    page.reload()
    page.wait_for_selector("#model option", state="attached")
    page.evaluate("document.querySelector('[data-setting=step]').click()")  # hidden until the camera is on
    page.click("#camera")
    page.wait_for_timeout(4000)
    assert len(frames) == 2
    person = {"id": 1, "keypoints": [[20, 20, 0.9]] * 17}
    sockets[0].send(json.dumps({"frame": 0, "width": 640, "people": [person], "milliseconds": {}}))
    page.wait_for_selector('#view[data-frame="0"][data-people="1"]')
