"""PoseTrack labels: read without loss, and turned from one year's form into the other's and back."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.data.posetrack import convert, files, read_frames
from limbwise.data.posetrack2018 import image_id
from limbwise.data.posetrack_frame import LabelledFrame
from limbwise.errors import InputError, UsageError
from limbwise.evaluate.posetrack import evaluate_posetrack

SMALL = {"annolist": [{
    "image": [{"name": "images/val/000342_mpii/00000007.jpg"}], "imgnum": [8], "is_labeled": [1],
    "ignore_regions": [{"point": [{"x": [1], "y": [2]}, {"x": [30.5], "y": [2]}, {"x": [1], "y": [40]}]}],
    "annorect": [
        {"x1": [10], "y1": [20], "x2": [30], "y2": [60], "track_id": [7], "score": [0.5], "annopoints": [{"point": [
            {"id": [13], "x": [11.25], "y": [22], "score": [0.75], "is_visible": [0]},
            {"id": [0], "x": [0], "y": [90.5], "score": [0.25], "is_visible": [1]}]}]},
        {"track_id": [2000], "annopoints": []},
    ]}]}  # fmt: skip


def same(found: list[LabelledFrame], expected: list[LabelledFrame]) -> None:
    """All but what 2018 cannot hold: people without a list of keypoints, numbers of its own for frames."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.name == other.name
        assert one.ids == other.ids
        assert [person.score for person in one.people] == [person.score for person in other.people]
        np.testing.assert_array_equal(one.points, other.points)
        np.testing.assert_allclose(one.heads, other.heads, rtol=1e-12)
        assert [polygon.tolist() for polygon in one.regions] == [polygon.tolist() for polygon in other.regions]


def test_nothing_is_lost_in_2018_and_back(tmp_path: Path) -> None:
    source, there, back = (tmp_path / name for name in ("a.json", "b.json", "c.json"))
    source.write_text(json.dumps(SMALL))
    assert convert(source, there) == 2018
    assert convert(there, back) == 2017
    same(read_frames(there)[1], read_frames(source)[1])
    same(read_frames(back)[1], read_frames(source)[1])
    written = json.loads(back.read_text())["annolist"][0]
    assert written["image"] == SMALL["annolist"][0]["image"]
    assert written["imgnum"] == [8]
    assert written["is_labeled"] == [1]
    assert written["annorect"][0]["annopoints"][0]["point"][1] == SMALL["annolist"][0]["annorect"][0]["annopoints"][0]["point"][0]  # type: ignore[index]  # fmt: skip


def test_2018_as_poseval_writes_it(tmp_path: Path) -> None:
    """Numbers of images, boxes of people and heads by the rules of systems.md F1."""
    (tmp_path / "a.json").write_text(json.dumps(SMALL))
    convert(tmp_path / "a.json", tmp_path / "b.json")
    content = json.loads((tmp_path / "b.json").read_text())
    image, annotation = content["images"][0], content["annotations"][0]
    assert image["id"] == image["frame_id"] == annotation["image_id"] == 10_003_420_007
    assert (image["vid_id"], image["nframes"], image["is_labeled"]) == ("000342", 1, True)
    assert image["ignore_regions_x"] == [[1, 30.5, 1]]
    assert annotation["id"] == 1_000_342_000_700
    assert annotation["keypoints"][:3] == [11.25, 22, 0]
    assert annotation["scores"][0] == 0.75
    assert annotation["bbox_head"] == [10, 20, 20, 40]
    np.testing.assert_allclose(annotation["bbox"], [-1.6875, 11.725, 14.625, 89.05])
    assert content["categories"][0]["keypoints"][:5] == ["nose", "head_bottom", "head_top", "left_ear", "right_ear"]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("images/val/300000_mpii_test/000013.jpg", 13_000_000_013),
        ("images/bonn/000001_bonn/00000001.jpg", 20_000_010_001),
        ("x/024177_mpiinew_test/000000_a.jpg", 30_241_770_000),
        ("clip.mp4", None),
        ("images/300000_other/000001.jpg", None),
        ("images/300000_mpii/frame.jpg", None),
    ],
)
def test_numbers_of_images(name: str, number: int | None) -> None:
    assert image_id(name) == number


@pytest.mark.parametrize("year", [2017, 2018])
def test_real_sequences_score_the_same_in_the_other_form(tmp_path: Path, shared: Path, year: int) -> None:
    folder = shared / "oracles" / "poseval" / str(year)
    for kind in ("gt", "pred"):
        for path in files(folder / kind):
            assert convert(path, tmp_path / kind / path.name) == 4035 - year
    expected, found = (
        evaluate_posetrack(folder / "gt", folder / "pred"),
        evaluate_posetrack(tmp_path / "gt", tmp_path / "pred"),
    )
    for measure, values in vars(expected.total).items():
        np.testing.assert_allclose(getattr(found.total, measure), values, rtol=0, atol=1e-6, err_msg=measure)


def test_a_year_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(SMALL))
    assert convert(tmp_path / "a.json", tmp_path / "b.json", 2017) == 2017
    with pytest.raises(UsageError, match="2019"):
        convert(tmp_path / "a.json", tmp_path / "b.json", 2019)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "an object is expected"),
        ("{}", "neither annolist"),
        ('{"annolist": [{"image": [{"name": "a"}], "annorect": [{"annopoints": [{"point": [{"id": [99]}]}]}]}]}', "99 is not"),
        ('{"annolist": [{"image": [{"name": "a"}], "annorect": [{"x1": ["left"]}]}]}', r"annorect\[0\]\.x1"),
        ('{"images": [{"id": 1}, {"id": 1}]}', "1 comes twice"),
        ('{"images": [{"id": 1}], "annotations": [{"image_id": 2}]}', "2 is not one of the images"),
        ('{"images": [{"id": 1}], "annotations": [{"image_id": 1, "keypoints": [1, 2, 3]}]}', "17 keypoints"),
        ('{"images": [], "categories": [{"keypoints": ["tail"]}]}', "not PoseTrack's"),
        ('{"images": [{"id": 1, "ignore_regions_x": [[1]], "ignore_regions_y": []}]}', "do not fit"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_frames(tmp_path / "a.json")


@pytest.mark.parametrize("year", [2017, 2018])
def test_damaged_files_are_read_or_refused(tmp_path: Path, year: int) -> None:
    source, broken = tmp_path / "a.json", tmp_path / "broken.json"
    source.write_text(json.dumps(SMALL))
    if year == 2018:
        convert(source, source)
    content, chance, refused = json.loads(source.read_text()), random.Random(0), 0
    for _ in range(300):
        broken.write_text(json.dumps(damaged(content, chance)))
        try:
            read_frames(broken)
        except InputError as error:
            refused += 1
            assert str(broken) in str(error)
    assert 50 < refused < 300


def damaged(value: Any, chance: random.Random) -> Any:
    """The value with something else in one place, now and then in several."""
    if chance.random() < 0.06:
        return chance.choice([None, [], {}, "x", -1, 1e308, 10**30, True, [1, 2], float("inf")])
    if isinstance(value, dict):
        return {name: damaged(one, chance) for name, one in value.items()}
    return [damaged(one, chance) for one in value] if isinstance(value, list) else value
