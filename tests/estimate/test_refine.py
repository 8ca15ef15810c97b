"""The refiner with a network that answers what was drawn into it, and the files it reads and writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limbwise.decode.refiner import decode_refiner, mirrored_back, probabilities
from limbwise.errors import InputError
from limbwise.estimate.refine import RefineOptions, Refiner
from limbwise.estimate.refine_files import refine_file
from limbwise.export.onnx import export_onnx
from limbwise.media.image import write_image
from limbwise.net.refiner import small_refiner_spec
from limbwise.people import People
from limbwise.skeletons import COCO_17, OPENPOSE_18, POSETRACK_15, POSETRACK_17
from limbwise.target.deepercut import draw
from limbwise.write import (
    CocoWriter,
    OpenPoseWriter,
    PoseTrackWriter,
    Record,
    Writer,
    read_coco,
    read_openpose,
    read_posetrack,
)

SPEC = small_refiner_spec(skeleton=POSETRACK_15)


class Echo(nn.Module):
    """Answers with the discs that it was shown, two pixels to the right of them: a network that is easily seen through."""

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        given = F.avg_pool2d(images[:, 3:], 8)
        sideways = torch.tensor([1.0, 0.0]).repeat(given.shape[1])[:, None, None] / 3
        return [{"part_logits": 8 * given - 1, "offsets": given.repeat_interleave(2, 1) * 0 + sideways}]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("echo") / "echo.onnx"
    export_onnx(Echo(), SPEC, path, half=False)
    return path


@pytest.fixture(scope="module")
def refiner(model: Path) -> Refiner:
    return Refiner(model, RefineOptions(refine_flip=False))


def standing(x: float, y: float, skeleton: Any = POSETRACK_15, ids: list[int] | None = None) -> People:
    rng = np.random.default_rng(int(x))
    xy = rng.uniform(-40, 40, (1, 15, 2)) + np.array([x, y])
    body = People(POSETRACK_15, xy.astype(np.float32), np.full((1, 15), 0.9, np.float32))
    return replace(body.as_skeleton(skeleton), ids=None if ids is None else np.array(ids))


def picture(size: tuple[int, int] = (240, 320)) -> Any:
    return np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)


def pixels(people: People) -> float:
    """How many picture pixels eight input pixels, the width of a cell, are at most."""
    return 8 * max(1.0, float(np.nanmax(people.xy) / 100))


def test_people_stay_where_the_network_sees_them(refiner: Refiner) -> None:
    both = [standing(100, 100), standing(220, 140)]
    people = People(POSETRACK_15, np.concatenate([p.xy for p in both]), np.concatenate([p.scores for p in both]))
    refined = refiner(picture(), people)
    assert np.abs(refined.xy - people.xy).max() < pixels(people)
    assert (refined.scores > 0.3).all()
    assert not np.array_equal(refined.xy, people.xy)
    alone = [refiner(picture(), people[[n]]) for n in range(2)]
    np.testing.assert_allclose(np.concatenate([p.xy for p in alone]), refined.xy, atol=1e-3)  # a batch changes nothing


def test_the_mirror_image_sees_the_same(model: Path, refiner: Refiner) -> None:
    """Two pixels to the right of the discs in a picture are two to the left of them in its mirror image: the mean is where they are."""
    people = standing(160, 120)
    plain = refiner(picture(), people).xy
    both = Refiner(model, RefineOptions(mean_offsets=True))(picture(), people)
    moved = (plain - both.xy)[0, :, 0]
    assert np.median(moved) > 0.5
    np.testing.assert_allclose((plain - both.xy)[0, :, 1], np.median((plain - both.xy)[0, :, 1]), atol=pixels(people))
    assert both.scores.min() > 0.3


def test_turning_maps_twice_changes_nothing() -> None:
    for offset in (None, 4.0):
        spec = replace(SPEC, heads={name: replace(head, offset=offset) for name, head in SPEC.heads.items()})
        rng = np.random.default_rng(0)
        maps = {"part_logits": rng.normal(size=(2, 15, 6, 9)), "offsets": rng.normal(size=(2, 30, 6, 9))}
        again = mirrored_back(mirrored_back(maps, spec), spec)
        for name, value in maps.items():
            np.testing.assert_allclose(again[name], value)


@pytest.mark.parametrize("offset", [None, 4.0])
def test_decoding_inverts_the_targets(offset: float | None) -> None:
    """Also of the mirror image, whose maps are turned back first."""
    spec = replace(SPEC, heads={name: replace(head, offset=offset) for name, head in SPEC.heads.items()})
    xy = np.random.default_rng(3).uniform(12, 84, (2, 15, 2)).astype(np.float32)
    mirrored = np.stack([95 - xy[..., 0], xy[..., 1]], axis=-1)[:, spec.skeleton.flip]
    shift = 3.5 if offset is None else offset
    for poses, turn in ((xy, False), (mirrored, True)):
        discs = [draw(pose[None], (12, 12), 8, shift, 8.0, False) for pose in poses]
        maps: dict[str, Any] = {
            "part_logits": np.stack([20 * one.parts - 10 for one in discs]),
            "offsets": np.stack([one.offsets for one in discs]),
        }
        found, scores = decode_refiner(mirrored_back(maps, spec) if turn else maps, spec, [(96, 96)] * 2)
        np.testing.assert_allclose(found, xy, atol=1e-3)
        assert scores.min() > 0.99


def test_a_keypoint_may_stay_where_it_was() -> None:
    logits = np.full((1, 15, 12, 12), -10.0)
    logits[:, :, 2, 2], logits[:, :, 9, 9] = 1.0, 2.0
    maps = {"part_logits": logits, "offsets": np.zeros((1, 30, 12, 12))}
    given = np.full((1, 15, 2), 20.0)
    places = [decode_refiner(maps, SPEC, [(96, 96)], given, stay)[0][0, 0].tolist() for stay in (1.0, 0.9, 0.5)]
    assert places == [[75.5, 75.5], [75.5, 75.5], [19.5, 19.5]]
    assert decode_refiner(maps, SPEC, [(40, 40)])[0][0, 0].tolist() == [19.5, 19.5]  # beyond is padding
    assert probabilities(np.array([1000.0, -1000.0])).tolist() == pytest.approx([1, 0])


def test_missing_weak_and_foreign_keypoints(model: Path, refiner: Refiner) -> None:
    people = standing(160, 120, COCO_17)
    eyes = COCO_17.index("left_eye")
    xy, scores = people.xy.copy(), people.scores.copy()
    xy[0, eyes], scores[0, eyes] = (150, 90), 0.6
    people = People(COCO_17, xy, scores)
    refined = refiner(picture(), people)
    np.testing.assert_array_equal(refined.xy[0, eyes], [150, 90])  # the network knows no eyes
    assert refined.scores[0, eyes] == np.float32(0.6)
    assert refined.visible[0, COCO_17.index("left_wrist")]
    sure = Refiner(model, RefineOptions(preset="mota", refine_flip=False))
    strict = sure(picture(), People(COCO_17, np.where(np.arange(17)[None, :, None] == 9, np.nan, xy), scores))
    assert not strict.visible[0, 9]  # nothing was drawn for it: its probability is that of nothing
    kept = Refiner(model, RefineOptions(keep_scores=True, refine_flip=False))(picture(), people)
    np.testing.assert_array_equal(kept.scores, people.scores)
    np.testing.assert_array_equal(kept.person_scores, people.person_scores)
    nobody = refiner(picture(), People.empty(COCO_17))
    assert len(nobody) == 0


def test_no_refiner_is_refused(dots_model: Path) -> None:
    with pytest.raises(InputError, match="no refiner"):
        Refiner(dots_model)


def test_a_wrong_number_of_channels_is_refused(refiner: Refiner) -> None:
    with pytest.raises(ValueError, match="18, H, W"):
        refiner.engine.run(np.zeros((1, 3, 64, 64), np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Poses of two pictures in every form, and the pictures."""
    for i in range(2):
        write_image(tmp_path / "images" / f"p{i}.png", picture())
    skeletons = {"posetrack2017": POSETRACK_15, "posetrack2018": POSETRACK_17, "openpose": OPENPOSE_18, "coco": COCO_17}
    pred = tmp_path / "pred"
    writers: dict[str, Writer] = {f"posetrack{year}": PoseTrackWriter(pred / str(year), year) for year in (2017, 2018)}
    writers |= {"openpose": OpenPoseWriter(pred / "openpose"), "coco": CocoWriter(pred / "coco.json")}
    for name, writer in writers.items():
        with writer:
            for i in range(2):
                people = standing(100 + 60 * i, 120, skeletons[name], [7]) if i else People.empty(skeletons[name])
                writer.add(Record(f"p{i}", f"p{i}.png", i + 1, None, None, 320, 240), people)
    return tmp_path


@pytest.mark.parametrize("name", ["2017/images.json", "2018/images.json", "openpose/p1_keypoints.json", "coco.json"])
def test_files_come_out_as_they_came_in_but_better(folder: Path, refiner: Refiner, name: str) -> None:
    source, out = folder / "pred" / name, folder / "out" / name
    read = read_coco if "coco" in name else read_openpose if "openpose" in name else read_posetrack
    assert refine_file(source, folder / "images", out, refiner) == 1

    def only(found: Any) -> People:
        people: People = found if isinstance(found, People) else found[2] if isinstance(found, dict) else found[1][1]
        return people

    before, after = only(read(source)), only(read(out))
    assert after.skeleton == before.skeleton
    if before.ids is not None:
        assert after.ids is not None
        assert after.ids.tolist() == [7]
    expected = refiner(picture(), before)
    np.testing.assert_allclose(after.xy, expected.xy, rtol=2e-3, atol=0.05)
    if name != "coco.json":
        np.testing.assert_allclose(after.scores, expected.scores, rtol=1e-3)
    content, was = json.loads(out.read_text()), json.loads(source.read_text())
    assert len(content) == len(was)


def test_what_lies_beside_poses(folder: Path, refiner: Refiner) -> None:
    names, out = folder / "pred/coco_images.json", folder / "out.json"
    assert refine_file(names, folder / "images", out, refiner) == 0
    assert json.loads(out.read_text()) == json.loads(names.read_text())
    (folder / "run.json").write_text('{"model": "x"}')
    assert refine_file(folder / "run.json", folder, folder / "never.json", refiner) is None
    assert not (folder / "never.json").exists()


@pytest.mark.parametrize("third", [1, 2, 0.9])
def test_keypoints_of_2018_are_there_by_whatever_is_above_0(folder: Path, refiner: Refiner, third: float) -> None:
    source = folder / "pred/2018/images.json"
    content = json.loads(source.read_text())
    flat = content["annotations"][0]["keypoints"]
    flat[2::3] = [third if v else 0 for v in flat[2::3]]
    source.write_text(json.dumps(content))
    assert refine_file(source, folder / "images", folder / "out.json", refiner) == 1


def test_scores_may_be_kept(folder: Path, refiner: Refiner, model: Path) -> None:
    source, out = folder / "pred/2018/images.json", folder / "out.json"
    refine_file(source, folder / "images", out, Refiner(model, RefineOptions(keep_scores=True)), keep_scores=True)
    before, after = (json.loads(path.read_text())["annotations"][0] for path in (source, out))
    assert after["scores"] == before["scores"]
    assert after["score"] == before["score"]
    assert after["keypoints"] != before["keypoints"]
    assert after["bbox"] == before["bbox"]


def test_people_of_2017_without_keypoints_go_and_those_of_2018_stay(folder: Path, refiner: Refiner) -> None:
    """As published: systems.md D4."""
    for year, change in (
        (2017, ["annolist", 1, "annorect", 0, "annopoints", 0, "point"]),
        (2018, ["annotations", 0, "keypoints"]),
    ):
        path = folder / "pred" / str(year) / "images.json"
        content = json.loads(path.read_text())
        at: Any = content
        for step in change[:-1]:
            at = at[step]
        at[change[-1]] = [] if year == 2017 else [0] * 51
        path.write_text(json.dumps(content))
        out = folder / f"{year}.json"
        assert refine_file(path, folder / "images", out, refiner) == 0
        found = [people for _, people in read_posetrack(out)]
        assert len(found[1]) == (0 if year == 2017 else 1)


def test_a_missing_picture_is_named_and_nothing_written(folder: Path, refiner: Refiner) -> None:
    with pytest.raises(InputError, match=r"p1\.png: no such picture"):
        refine_file(folder / "pred/2017/images.json", folder, folder / "out.json", refiner)
    assert not (folder / "out.json").exists()
