"""Whole bodies: where the crops are, and that every keypoint of face and hands comes back on the photo where it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError, UsageError
from limbwise.estimate.crops import Crop, cut, find_crops, unit_length
from limbwise.estimate.estimator import ModelOptions
from limbwise.estimate.wholebody import PartAlone, PartOptions, WholeBody, open_estimator
from limbwise.geometry import apply
from limbwise.media.image import read_image, write_image
from limbwise.people import People
from limbwise.skeletons import COCO_17, FACE_70, HAND_21, LEFT_HAND_21, OPENPOSE_18, OPENPOSE_130
from limbwise.spec import InputSpec
from limbwise.write import read_openpose

AHEAD = 12  # input pixels; see markers
SPOTS = np.array(
    [(-0.5, -0.35), (0.45, 0.1), (-0.1, 0.5)]
)  # of three keypoints, in units of the body, from the crop's middle


@pytest.fixture(scope="module")
def markers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Networks that mark spots of colour: face, hand, and a hand that marks beside them."""
    pytest.importorskip("onnx")
    from markers import write_marker

    folder = tmp_path_factory.mktemp("markers")
    return {
        "face": write_marker(folder, "face", FACE_70),
        "hand": write_marker(folder, "hand", HAND_21),
        "beside": write_marker(folder, "beside", HAND_21, AHEAD),
    }


@pytest.fixture(scope="module")
def whole(dots_model: Path, markers: dict[str, Path]) -> WholeBody:
    return WholeBody(dots_model, face=markers["face"], hand=markers["hand"])


def body(unit: float = 60.0, at: tuple[float, float] = (0, 0), **other: tuple[float, float] | None) -> People:
    """Somebody who stands upright with stretched arms, nose at `at`; `other` moves keypoints (in units from the nose) or hides them."""
    places: dict[str, tuple[float, float] | None] = {
        "nose": (0, 0), "neck": (0, 0.85), "left_eye": (0.15, -0.1), "right_eye": (-0.15, -0.1),
        "left_hip": (0.3, 3.03), "right_hip": (-0.3, 3.03), "left_shoulder": (0.6, 0.85), "right_shoulder": (-0.6, 0.85),
        "left_elbow": (1.6, 1.0), "right_elbow": (-1.6, 1.0), "left_wrist": (2.6, 1.0), "right_wrist": (-2.6, 1.0),
    }  # fmt: skip
    places |= other
    xy = np.full((1, 18, 2), np.nan, np.float32)
    for name, place in places.items():
        if place is not None:
            xy[0, OPENPOSE_18.index(name)] = np.array(at) + unit * np.array(place)
    return People(OPENPOSE_18, xy, np.isfinite(xy[..., 0]).astype(np.float32))


def crops(people: People, size: tuple[int, int] = (2000, 2000)) -> dict[str, Crop]:
    return {crop.part: crop for crop in find_crops(people, ("face", "left_hand", "right_hand"), size)}


def middle(crop: Crop) -> tuple[float, float]:
    return crop.left + (crop.side - 1) / 2, crop.top + (crop.side - 1) / 2


def test_crops_are_where_the_rules_say() -> None:
    found = crops(body(100, (600, 500)))
    unit = unit_length(body(100).xy[0].astype(float))
    assert unit == pytest.approx(100, rel=0.01)
    assert found["face"].side == round(2 * unit)
    assert middle(found["face"]) == pytest.approx((600, 500 - 0.2 * unit), abs=0.5)
    assert found["left_hand"].side == round(1.9 * unit)
    assert middle(found["left_hand"]) == pytest.approx((600 + 290, 600), abs=0.5)  # 0.3 of the forearm beyond the wrist
    assert middle(found["right_hand"]) == pytest.approx((600 - 290, 600), abs=0.5)


def test_missing_keypoints_are_not_at_the_origin() -> None:
    """The old code measured limbs with a hidden end from (0, 0): a hidden hip made everything huge far from there."""
    whole, hidden = body(100, (1500, 1500)), body(100, (1500, 1500), left_hip=None, left_elbow=None)
    a, b = crops(whole), crops(hidden)
    assert b["face"].side == pytest.approx(a["face"].side, rel=0.01)
    assert middle(b["left_hand"]) == pytest.approx((1760, 1600), abs=0.5)  # the wrist itself, without an elbow
    assert crops(body(100, (300, 300), left_wrist=None)).keys() == {"face", "right_hand"}


HIDDEN = dict.fromkeys(
    "neck left_hip right_hip left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist".split()
)


def test_a_face_without_a_body() -> None:
    """Nose, eyes and ears are enough, and of those what there is."""
    ears: Any = {"left_ear": (0.35, -0.05), "right_ear": (-0.35, -0.05)}
    face = crops(body(100, (400, 400), **HIDDEN, **ears))["face"]
    assert face.side == pytest.approx(200, rel=0.2)
    assert middle(face) == pytest.approx((400, 380), abs=5)
    from_eyes = crops(body(100, (400, 400), **{**HIDDEN, "nose": None}, **ears))["face"]
    assert middle(from_eyes)[0] == pytest.approx(400, abs=1)
    assert middle(from_eyes)[1] == pytest.approx(370, abs=10)
    nobody = dict.fromkeys(OPENPOSE_18.keypoints)
    assert crops(body(100, (400, 400), **{**nobody, "nose": (0.0, 0.0)})) == {}


def test_coincident_far_and_tiny() -> None:
    assert crops(body(0.0, (50, 50))) == {}
    assert crops(body(1.0, (50, 50))) == {}  # two pixels
    assert "left_hand" not in crops(body(100, (400, 400)), (500, 1000))  # its crop begins beyond the border


@pytest.mark.parametrize("side", [30, 300, 900])
@pytest.mark.parametrize("part", ["face", "left_hand"])
@pytest.mark.parametrize("at", [(200, 150), (-20, -10), (570, 430)])
def test_a_pixel_of_the_crop_is_that_of_the_picture(side: int, part: Any, at: tuple[int, int]) -> None:
    """Brightness is a ramp over the picture, so that each pixel of the input tells where it comes from."""
    ramp = np.add.outer(np.arange(480) * 0.2, np.arange(640) * 0.2).clip(0, 255)
    image = np.repeat(ramp[..., None], 3, 2).astype(np.uint8)
    crop = Crop(part, 0, at[0] - side // 4, at[1] - side // 4, side)
    prepared = cut(image, crop, InputSpec(pad=(0, 0, 0)))
    assert prepared.batch.shape == (1, 3, 368, 368)
    inside = np.stack(np.meshgrid(np.arange(12, 628, 40), np.arange(12, 468, 40)), -1).reshape(-1, 2)
    x, y = np.rint(apply(prepared.frame, inside)).astype(int).T
    seen = (x >= 2) & (x < 366) & (y >= 2) & (y < 366)
    assert seen.any() or side == 30
    np.testing.assert_allclose(prepared.batch[0, 0, y[seen], x[seen]], ramp[inside[seen, 1], inside[seen, 0]], atol=1.3)


PLACES = [((310, 200), 40), ((140, 60), 45), ((470, 420), 50), ((25, 18), 60), ((585, 400), 60), ((300, 230), 210)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("at", "unit"), PLACES)
def test_keypoints_of_hands_come_back_on_the_photo(
    shared: Path, whole: WholeBody, at: tuple[int, int], unit: int, side: str
) -> None:
    """Also those of crops over the border; of the left hand, which the network sees mirrored."""
    sign = 1 if side == "left" else -1
    wrist = body(unit, **{f"{side}_wrist": (2.6 * sign, 1.0)})[f"{side}_wrist"][0, :2]
    people = body(unit, tuple(at - wrist), **{f"{side}_elbow": None})
    photo, spots, seen = marked(shared, np.array(at), unit)
    found = whole.complete(photo, people)
    check(found, f"{side}_hand", spots, seen)
    body_of = slice(*OPENPOSE_130.parts["body"])
    np.testing.assert_array_equal(found.xy[:, body_of], people.xy)  # the wrist stays where it was


@pytest.mark.parametrize(("at", "unit"), PLACES)
def test_keypoints_of_faces_come_back_on_the_photo(
    shared: Path, whole: WholeBody, at: tuple[int, int], unit: int
) -> None:
    people = body(unit, (at[0], at[1] + 0.2 * unit))
    photo, spots, seen = marked(shared, np.array(at), unit)
    found = whole.complete(photo, people)
    check(found, "face", spots, seen)


def marked(shared: Path, at: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A real photo with a spot of three colours about `at`: photo, spots (3, 2), and which of them lie inside whole."""
    from markers import mark

    photo = read_image(shared / "data" / "photos" / "ballet.jpg")
    spots, radius = np.float32(at + unit * SPOTS), max(1.5, 0.05 * unit)
    high, wide = photo.shape[:2]
    seen = ((spots > radius) & (spots < np.array([wide, high]) - 1 - radius)).all(1)
    assert seen.any()
    return mark(photo, spots, radius), spots, seen


def check(found: People, part: str, spots: np.ndarray, seen: np.ndarray) -> None:
    """Every keypoint of a part lies on its spot."""
    xy = found.xy[0, slice(*OPENPOSE_130.parts[part])]
    expected, there = (np.resize(a, (len(xy), *a.shape[1:])) for a in (spots, seen))
    assert np.isfinite(xy[there]).all()
    assert np.linalg.norm(xy[there] - expected[there], axis=1).max() < 1


@pytest.mark.parametrize(("side", "sign"), [("left", -1), ("right", 1)])
def test_left_hands_are_mirrored(
    shared: Path, dots_model: Path, markers: dict[str, Path], side: str, sign: int
) -> None:
    """A network that marks what lies to the right of a spot marks what lies to the left of it in a left hand."""
    unit, at = 60, np.array((310, 230))
    wrist = body(unit)[f"{side}_wrist"][0, :2]
    photo, spots, _ = marked(shared, at, unit)
    people = body(unit, tuple(at - wrist), **{f"{side}_elbow": None})
    found = WholeBody(dots_model, hand=markers["beside"]).complete(photo, people)
    assert np.isnan(found.xy[:, slice(*OPENPOSE_130.parts["face"])]).all()  # no network for it
    shift = (sign * AHEAD * round(1.9 * unit_length(people.xy[0].astype(float))) / 368, 0)
    check(found, f"{side}_hand", np.float32(spots + shift), np.ones(3, bool))


def test_all_crops_go_together(whole: WholeBody, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many people, more than go at once, each their own; a whole on COCO's keypoints keeps its ids and scores."""
    from markers import mark

    image, bodies = np.full((300, 2300, 3), 90, np.uint8), []
    for i in range(21):
        at = (60 + 105 * i, 120 + 3 * i)
        bodies.append(body(40, at, left_wrist=None, right_wrist=None))
        image = mark(image, np.array(at) + [(0.0, i - 10.0)] * 3, 3) if i != 5 else image
    one = People(OPENPOSE_18, np.concatenate([b.xy for b in bodies]), np.concatenate([b.scores for b in bodies]))
    people = People(
        COCO_17, one.as_skeleton(COCO_17).xy, one.as_skeleton(COCO_17).scores, np.arange(21) / 21, np.arange(21)
    )
    shapes: list[int] = []
    assert whole.face is not None
    monkeypatch.setattr(whole.face.engine, "run", counted(whole.face.engine.run, shapes))
    found = whole.complete(image, people)
    assert shapes == [16, 5]
    assert (found.ids == people.ids).all()
    assert (found.person_scores == people.person_scores).all()
    pupils = found["left_pupil"]
    assert np.isnan(pupils[5]).any()  # nothing was marked there
    expected = np.array([(60 + 105 * i, 120 + 4 * i - 10) for i in range(21)])
    blue = np.delete(found.xy[:, OPENPOSE_130.index("face_2")] - expected, 5, 0)  # the last colour drawn lies on top
    assert np.abs(blue).max() < 1


def counted(run: Callable[..., Any], shapes: list[int]) -> Callable[..., Any]:
    def counting(batch: np.ndarray) -> Any:
        shapes.append(len(batch))
        return run(batch)

    return counting


@pytest.mark.parametrize("part", ["face", "hand_left", "hand_right"])
def test_a_part_alone(shared: Path, markers: dict[str, Path], part: str) -> None:
    photo, spots, _ = marked(shared, np.array((310, 230)), 100)
    network = markers["face" if part == "face" else "beside"]
    people = PartAlone(part, network)(photo)
    assert len(people) == 1
    scale = 368 / 465
    shift = {"face": 0, "hand_left": -AHEAD / scale, "hand_right": AHEAD / scale}[part]
    expected = np.resize(spots + np.array((shift, 0)), people.xy[0].shape)
    assert np.linalg.norm(people.xy[0] - expected, axis=1).max() < 1
    if part == "hand_left":
        assert people.skeleton == LEFT_HAND_21
    assert len(PartAlone(part, network)(np.zeros((100, 80, 3), np.uint8))) == 0


def test_what_is_refused(dots_model: Path, markers: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"70 keypoints \(face_70\) are needed, it has 21"):
        WholeBody(dots_model, face=markers["hand"])
    with pytest.raises(InputError, match="21 keypoints"):
        PartAlone("hand_left", dots_model)
    with pytest.raises(UsageError, match="--hand"):
        open_estimator(ModelOptions(), PartOptions(part="hand_left", face="x"))
    with pytest.raises(UsageError, match="flip"):
        PartAlone("face", markers["face"], flip=True)
    with pytest.raises(ValueError, match="part"):
        PartOptions(part="face", wholebody=True)


def predict(*arguments: object) -> int:
    from limbwise.cli import main

    sys.argv = ["limbwise", "predict", *map(str, arguments), "--no-progress"]
    with pytest.raises(SystemExit) as done:
        main()
    return int(done.value.code or 0)


def test_predict_writes_all_three_groups(
    tmp_path: Path,
    shared: Path,
    markers: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real network's bodies on a real photo, with spots on their faces and hands."""
    from markers import mark

    from limbwise.estimate.estimator import Estimator

    monkeypatch.setattr(sys, "argv", sys.argv)
    network = shared / "weights" / "mobilenet_v2_small.pb"
    photo = read_image(shared / "data" / "photos" / "ballet.jpg")
    bodies = Estimator(network)(photo)
    for name in ("nose", "left_wrist", "right_wrist"):
        for x, y, score in bodies[name]:
            photo = mark(photo, np.full((3, 2), (x, y)), 2) if score else photo
    write_image(tmp_path / "photo.png", photo)
    options = [
        "--model",
        network,
        "--wholebody",
        "--face",
        markers["face"],
        "--hand",
        markers["hand"],
        "--json",
        "openpose,csv",
    ]
    assert predict(tmp_path / "photo.png", "-o", tmp_path / "out", "--part-candidates", "--draw", *options) == 0
    assert capsys.readouterr().err == ""
    file = tmp_path / "out" / "openpose" / "photo_keypoints.json"
    persons = json.loads(file.read_text())["people"]
    lengths = {"pose": 18, "face": 70, "hand_left": 21, "hand_right": 21}
    for key, count in lengths.items():
        assert {len(person[f"{key}_keypoints_2d"]) for person in persons} == {3 * count}
        assert any(value for person in persons for value in person[f"{key}_keypoints_2d"])
    again = read_openpose(file)
    assert again.skeleton == OPENPOSE_130
    whole = WholeBody(network, face=markers["face"], hand=markers["hand"])(photo)
    np.testing.assert_allclose(again.xy, whole.xy, atol=0.01)


def test_predict_without_part_networks(
    tmp_path: Path,
    dots_model: Path,
    markers: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dots import draw_dots, some_people

    monkeypatch.setattr(sys, "argv", sys.argv)
    write_image(tmp_path / "a.png", draw_dots(some_people(0)))
    options = ["--model", dots_model, "--wholebody", "--min-parts", 2]
    assert predict(tmp_path / "a.png", "-o", tmp_path / "out", *options) == 0
    said = capsys.readouterr().err
    assert "no face network is given (--face FILE)" in said
    assert "no hand network is given (--hand FILE)" in said
    assert predict(tmp_path / "a.png", "-o", tmp_path / "hands", "--part", "hand_left", "--hand", markers["hand"]) == 0
    assert predict(tmp_path / "a.png", "-o", tmp_path / "x", "--part", "hand_left") == 2
    assert "--hand" in capsys.readouterr().err
    assert (
        predict(
            tmp_path / "a.png", "-o", tmp_path / "x", "--part", "face", "--face", markers["face"], "--part-candidates"
        )
        == 2
    )


def test_the_hand_of_a_part_alone_is_filed_as_that_hand(tmp_path: Path) -> None:
    xy = np.random.default_rng(0).uniform(1, 99, (1, 21, 2)).astype(np.float32)
    people = People(LEFT_HAND_21, xy, np.ones((1, 21), np.float32))
    people.save(tmp_path / "a.json")
    person = json.loads((tmp_path / "a.json").read_text())["people"][0]
    assert len(person["hand_left_keypoints_2d"]) == 63
    assert person["pose_keypoints_2d"] == []
    assert read_openpose(tmp_path / "a.json").skeleton == LEFT_HAND_21
