"""A clip in the page: a job with progress that can be cancelled, then played with people in step with the pictures."""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from browsing import Site, Watch, picture, saved, shown
from clips import read_number, write_clip, write_numbered

from limbwise.media.image import decode_image
from limbwise.write.table import read_csv

FRAMES = 30


@pytest.fixture(scope="module")
def dance(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """The beginning of a real clip."""
    path = tmp_path_factory.mktemp("clip") / "dance.mp4"
    write_clip(path, shared / "data" / "video" / "solo_dance.mp4", FRAMES)
    return path


def open_clip(page: Any, path: Path) -> None:
    page.set_input_files("#file", path)
    page.wait_for_selector("#transport:not([inert])", timeout=30_000)


def job_of(page: Any) -> list[str]:
    """Collects the paths of jobs that the page asks for."""
    jobs: list[str] = []
    page.on(
        "request",
        lambda request: (
            "/v1/jobs/" in request.url and jobs.append("v1" + request.url.partition("/v1")[2].partition("?")[0])
        ),
    )
    return jobs


def test_people_of_a_clip_have_ids_and_are_saved(page: Any, site: Site, dance: Path, tmp_path: Path) -> None:
    jobs = job_of(page)
    open_clip(page, dance)
    frames = json.loads(site.ask(jobs[0] + "/result"))["frames"]
    ids = {person["id"] for frame in frames for person in frame["people"]}
    assert len(frames) == FRAMES
    assert ids
    assert None not in ids
    assert page.get_attribute("#scrub", "max") == str(FRAMES - 1)
    name, table = saved(page, "csv")
    (tmp_path / name).write_bytes(table)
    found = read_csv(tmp_path / name)
    assert name == "dance.csv"
    assert [len(people) for people in found.values()] == [len(frame["people"]) for frame in frames]
    name, archive = saved(page, "openpose")
    assert name == "dance_json.zip"
    assert len(zipfile.ZipFile(BytesIO(archive)).namelist()) == FRAMES
    page.focus("#threshold")
    page.keyboard.press("End")
    page.wait_for_selector('#view[data-people="0"]')
    page.wait_for_selector("text=Only what is drawn has changed, not what is saved.")
    page.click("#close")
    page.wait_for_selector("text=Drop a photo or a clip")


def test_people_are_in_step_with_the_pictures(page: Any, tmp_path: Path) -> None:
    import skimage

    clip = tmp_path / "numbered.mp4"
    write_numbered(clip, skimage.data.astronaut()[:416, :480], FRAMES)
    page.emulate_media(reduced_motion="reduce")  # does not begin to play by itself
    page.uncheck("[data-setting=limbs]")
    page.uncheck("[data-setting=joints]")
    page.uncheck("[data-setting=ids]")
    open_clip(page, clip)
    page.focus("#scrub")
    for key, frame in (("End", FRAMES - 1), ("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("PageUp", None)):
        page.keyboard.press(key)
        if frame is not None:
            page.wait_for_selector(f'#view[data-frame="{frame}"]')
            assert read_number(shown(page), 480) == frame
    page.click("#play")
    page.wait_for_selector('[aria-label="Pause"]')
    for _ in range(3):
        page.wait_for_timeout(150)
        number, url = page.evaluate("[view.dataset.frame, view.toDataURL()]")
        assert read_number(picture(url), 480) == int(number)


def test_people_lie_on_pictures_whose_pixels_are_not_square(page: Any, tmp_path: Path) -> None:
    import skimage

    clip = tmp_path / "wide.mp4"
    write_numbered(clip, skimage.data.astronaut()[:416, :240], 5, pixels=Fraction(2))
    page.emulate_media(reduced_motion="reduce")
    open_clip(page, clip)
    page.wait_for_selector('#view[data-frame="0"]')
    assert page.evaluate("video.videoWidth") == 480
    assert decode_image(saved(page, "png")[1], "png").shape == (416, 240, 3)


def test_a_network_that_fails_for_a_moment_ends_no_job(page: Any, watch: Watch, dance: Path) -> None:
    watch.expected = ("ERR_INTERNET_DISCONNECTED",)
    failures, uploads = ["internetdisconnected"] * 3, []
    page.on("request", lambda request: "/v1/video" in request.url and uploads.append(request.url))
    page.route("**/v1/jobs/*", lambda route: route.abort(failures.pop()) if failures else route.continue_())
    open_clip(page, dance)
    assert not failures
    assert len(uploads) == 1


def test_a_clip_whose_first_picture_is_kept_back_is_played_all_the_same(page: Any) -> None:
    script = """async (then) => {
        const { openVideo } = await import("/page/reel.js");
        const video = { videoWidth: 32, load() { setTimeout(() => { this.onloadedmetadata(); this[then]?.(); }); } };
        return (await openVideo(video, new Blob())) === video;
    }"""
    assert page.evaluate(script, "nothing")
    assert page.evaluate(script, "onloadeddata")
    assert not page.evaluate(script, "onerror")


def test_a_clip_is_cancelled(page: Any, site: Site, shared: Path) -> None:
    jobs = job_of(page)
    page.set_input_files("#file", shared / "data" / "video" / "solo_dance.mp4")
    page.wait_for_selector("text=/Looking for people: [1-9]/", timeout=20_000)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.click("#cancel")
    page.wait_for_selector("text=Cancelled.")
    assert page.is_hidden("#busy")
    with pytest.raises(OSError, match="404"):
        site.ask(jobs[0])
    assert page.is_disabled("[data-save=csv]")


def test_a_clip_that_the_browser_cannot_play_is_shown_on_black(page: Any, shared: Path) -> None:
    open_clip(page, shared / "data" / "video" / "posetrack_5frames.mp4")
    page.wait_for_selector("text=This browser cannot play the clip itself")
    assert page.get_attribute("#scrub", "max") == "4"
    page.focus("#scrub")
    page.keyboard.press("End")
    page.wait_for_selector('#view[data-frame="4"]')
    assert (shown(page)[:4, :4] == 0).all()
