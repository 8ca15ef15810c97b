"""A photo in the page: drawn where the server found people, in the colours of `limbwise.draw`, and saved as the server says it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Site, give, people_drawn, saved, shown

from limbwise.draw.palette import id_colour, keypoint_colours, limb_colours
from limbwise.media.image import decode_image, read_image
from limbwise.skeletons import COCO_17, SKELETONS
from limbwise.write.coco import read_coco
from limbwise.write.openpose import read_openpose
from limbwise.write.table import read_csv


def test_people_are_drawn_where_the_server_found_them(page: Any, site: Site, ski: Path) -> None:
    page.set_input_files("#file", ski)
    people_drawn(page)
    found = json.loads(site.ask("v1/people", ski.read_bytes()))
    name, png = saved(page, "png")
    drawn = decode_image(png, "png")
    assert name == "ski_people.png"
    assert drawn.shape == read_image(ski).shape
    assert page.inner_text("#count-line") == f"{len(found['people'])} people"
    right = [
        np.abs(drawn[round(y), round(x)] - np.array(colour)).max() < 12
        for person in found["people"]
        for (x, y, _), colour in zip(filter(None, person["keypoints"]), _colours(person), strict=True)
    ]
    assert np.mean(right) > 0.6, "the others lie under joints and limbs of others"
    assert (drawn == read_image(ski)).mean() > 0.7, "all else is as it was"


def _colours(person: dict[str, Any]) -> list[Any]:
    """Colours of the keypoints that are there."""
    return [c for point, c in zip(person["keypoints"], keypoint_colours(COCO_17), strict=True) if point]


@pytest.mark.parametrize("format", ["openpose", "coco", "csv"])
def test_what_is_saved_is_what_the_server_says(page: Any, site: Site, ski: Path, tmp_path: Path, format: str) -> None:
    page.set_input_files("#file", ski)
    people_drawn(page)
    name, data = saved(page, format)
    assert data == site.ask(f"v1/people?format={format}", ski.read_bytes())
    file = tmp_path / name
    file.write_bytes(data)
    count = int(page.inner_text("#count"))
    if format == "openpose":
        assert name == "ski_keypoints.json"
        assert len(read_openpose(file)) == count
    elif format == "coco":
        assert len(read_coco(file)[0]) == count
    else:
        assert sum(len(people) for people in read_csv(file).values()) == count


def test_what_to_draw_is_obeyed_at_once(page: Any, ski: Path) -> None:
    page.set_input_files("#file", ski)
    people_drawn(page)
    whole = shown(page)
    page.check("[value=black]")
    black = shown(page)
    assert (black[:5, :5] == 0).all()
    assert black.any()
    page.uncheck("[data-setting=limbs]")
    page.uncheck("[data-setting=joints]")
    assert not shown(page).any()
    page.check("[value=dimmed]")
    assert 0.2 < shown(page).mean() / whole.mean() < 0.6


def test_the_threshold_hides_at_once_and_asks_when_it_rests(page: Any, site: Site, ski: Path) -> None:
    page.set_input_files("#file", ski)
    people_drawn(page)
    with page.expect_response(lambda answer: "threshold=1" in answer.url):
        page.focus("#threshold")
        page.keyboard.press("End")
        page.wait_for_selector('#view[data-people="0"]')
        assert page.inner_text("#threshold-value") == "1.00"
    page.wait_for_selector("text=Nobody found in this picture.")
    with page.expect_response(lambda answer: answer.url.endswith("/v1/people?format=limbwise&model=default")):
        page.click("#threshold-reset")
    people_drawn(page)


def test_a_picture_is_pasted_and_dropped(page: Any, ski: Path) -> None:
    give(page, "ski.jpg", ski.read_bytes(), "paste", "image/jpeg")
    people_drawn(page)
    page.click("#close")
    page.wait_for_selector("text=Drop a photo or a clip")
    give(page, "ski.jpg", ski.read_bytes(), "dragenter")
    page.wait_for_selector("text=Let go to find people")
    give(page, "ski.jpg", ski.read_bytes(), "drop")
    people_drawn(page)
    assert not page.is_visible("text=Let go to find people")


def test_a_photo_that_lies_on_its_side_is_turned_like_the_server_does(page: Any, ski: Path, tmp_path: Path) -> None:
    from PIL import Image

    path, exif = tmp_path / "lying.jpg", Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn to the right
    Image.open(ski).crop((0, 0, 712, 500)).save(path, exif=exif, quality=95)
    page.uncheck("[data-setting=limbs]")
    page.uncheck("[data-setting=joints]")
    page.set_input_files("#file", path)
    page.wait_for_selector("#facts:has-text('500 × 712')")
    drawn = decode_image(saved(page, "png")[1], "png")
    assert drawn.shape == (712, 500, 3)
    assert np.abs(drawn - read_image(path).astype(int)).mean() < 3


def test_nobody_is_said_to_be_there(page: Any, tmp_path: Path) -> None:
    from PIL import Image

    grey = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 90, 90)).save(grey, "PNG")
    page.set_input_files("#file", {"name": "grey.png", "mimeType": "image/png", "buffer": grey.getvalue()})
    page.wait_for_selector("text=Nobody found in this picture.")
    assert page.inner_text("#count-line") == "0 people"
    assert page.inner_text("#live") == "Nobody found"


def test_colours_are_those_of_the_python_package(page: Any) -> None:
    script = """async (skeletons) => {
        const { idColour, keypointColours, limbColours } = await import("/page/palette.js");
        const sides = ["", "left", "right"];
        const ids = Array.from({ length: 100 }, (_, i) => sides.map((side) => idColour(i, side)));
        return [ids, skeletons.map((s) => keypointColours(s)), skeletons.map((s) => limbColours(s))];
    }"""
    plain = [{"keypoints": s.keypoints, "limbs": s.limbs} for s in SKELETONS.values()]
    ids, joints, limbs = page.evaluate(script, plain)
    assert np.array_equal(ids, [[id_colour(i, side) for side in ("", "left", "right")] for i in range(100)])
    for skeleton, joint, limb in zip(SKELETONS.values(), joints, limbs, strict=True):
        assert np.array_equal(joint, keypoint_colours(skeleton)), skeleton.name
        assert np.array_equal(np.reshape(limb, (-1, 3)), np.reshape(limb_colours(skeleton), (-1, 3))), skeleton.name


def test_a_mirror_turns_picture_and_people_around(page: Any) -> None:
    script = """async () => {
        const { drawScene } = await import("/page/draw.js");
        const picture = new OffscreenCanvas(100, 50);
        picture.getContext("2d").fillStyle = "rgb(200 0 0)";
        picture.getContext("2d").fillRect(0, 0, 50, 50);
        const skeleton = { keypoints: ["nose", "neck"], limbs: [[0, 1]] };
        const person = { id: 4, keypoints: [[10, 40, 0.9], [20, 45, 0.9]] };
        const scene = { width: 100, height: 50, picture, people: [person], skeleton, asked: null, mirrored: true };
        const look = { threshold: null, picture: "shown", colours: "limb", limbs: true, joints: true, ids: false, boxes: false };
        const ctx = new OffscreenCanvas(100, 50).getContext("2d");
        const drawn = drawScene(ctx, scene, look);
        return [drawn, ...[[20, 5], [80, 5], [89, 40]].map(([x, y]) => Array.from(ctx.getImageData(x, y, 1, 1).data))];
    }"""
    drawn, left, right, nose = page.evaluate(script)
    assert drawn == 1
    assert left[0] == 0
    assert right[:3] == [200, 0, 0]
    assert nose[2] > 100, "the joint lies where the mirror shows it"


def test_choices_are_remembered(page: Any) -> None:
    page.check("[data-setting=boxes]")
    page.check("[value=person]")
    page.reload()
    assert page.is_checked("[data-setting=boxes]")
    assert page.is_checked("[data-setting=colours][value=person]")
