"""COCO results: pycocotools takes them, and they come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.people import People
from limbwise.skeletons import BODY_25, COCO_17, HAND_21
from limbwise.write import CocoWriter, Record, read_coco

OPENPOSE_TO_COCO = [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]  # published index list, BODY_25 to COCO


def photo(i: int) -> Record:
    return Record(f"photo{i}", f"photo{i}.jpg", 100 + i, None, None, 640, 480)


def frame(i: int) -> Record:
    return Record("clip", "clip.mp4", 200 + i, i, i / 25, 1280, 720)


def test_results_and_images_as_others_expect_them(tmp_path: Path) -> None:
    xy = np.full((1, 17, 2), np.nan, np.float32)
    xy[0, 0], xy[0, 16] = (1.23456, 2), (0, 0)
    people = People(COCO_17, xy, np.ones((1, 17), np.float32), np.array([0.5], np.float32))
    with CocoWriter(tmp_path / "coco.json") as writer:
        writer.add(photo(1), people)
        writer.add(frame(3), People(COCO_17, people.xy, people.scores, people.person_scores, np.array([9])))
        writer.add(photo(2), People.empty(COCO_17))
    keypoints = [1.235, 2, 1, *[0] * 45, 0, 0, 1]
    assert json.loads((tmp_path / "coco.json").read_text()) == [
        {"image_id": 101, "category_id": 1, "keypoints": keypoints, "score": 0.5},
        {"image_id": 203, "category_id": 1, "keypoints": keypoints, "score": 0.5, "track_id": 9},
    ]
    assert json.loads((tmp_path / "coco_images.json").read_text()) == [
        {"id": 101, "file_name": "photo1.jpg", "width": 640, "height": 480},
        {"id": 203, "file_name": "clip.mp4", "width": 1280, "height": 720, "frame_id": 3, "time": 0.12},
        {"id": 102, "file_name": "photo2.jpg", "width": 640, "height": 480},
    ]


def test_pycocotools_finds_a_perfect_result_perfect(tmp_path: Path, crowd: Any, capsys: Any) -> None:
    """The labels are made here from the arrays, in COCO's order by the published index list; the writer must agree."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    labels: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    with CocoWriter(tmp_path / "coco.json") as writer:
        for i in range(8):
            people = crowd(i, BODY_25)
            writer.add(photo(i), people)
            for xy in people.xy[:, OPENPOSE_TO_COCO]:
                there = ~np.isnan(xy[:, :1])
                keypoints = np.concatenate([np.nan_to_num(xy), 2 * there], axis=1).ravel().tolist()
                labels["annotations"].append({"id": len(labels["annotations"]) + 1, "image_id": 100 + i, "category_id": 1, "iscrowd": 0,
                    "keypoints": keypoints, "num_keypoints": int(there.sum()), "area": 1e4, "bbox": [0, 0, 100, 100]})  # fmt: skip
    labels["images"] = json.loads((tmp_path / "coco_images.json").read_text())
    (tmp_path / "truth.json").write_text(json.dumps(labels))
    truth = coco.COCO(str(tmp_path / "truth.json"))
    results = truth.loadRes(str(tmp_path / "coco.json"))
    evaluation = COCOeval(truth, results, "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()
    assert len(results.anns) == len(labels["annotations"]) > 10
    assert evaluation.stats[0] == pytest.approx(1)


@pytest.mark.parametrize("skeleton", [COCO_17, HAND_21], ids=lambda s: s.name)
def test_there_and_back(tmp_path: Path, crowd: Any, skeleton: Any) -> None:
    crowds = {100 + i: crowd(i, skeleton, tracked=i % 2 == 0) for i in range(20)}
    with CocoWriter(tmp_path / "coco.json") as writer:
        for image_id, people in crowds.items():
            writer.add(photo(image_id - 100), people)
    back = read_coco(tmp_path / "coco.json", skeleton)
    assert list(back) == [image_id for image_id, people in crowds.items() if len(people)]
    for image_id, people in back.items():
        expected = crowds[int(image_id)]
        np.testing.assert_allclose(people.xy, expected.xy, rtol=1e-6, atol=5.1e-4)
        np.testing.assert_allclose(people.person_scores, expected.person_scores, atol=1e-6)
        assert np.array_equal(people.visible, expected.visible)
        assert (people.ids is None) == (expected.ids is None)
        assert people.ids is None or np.array_equal(people.ids, expected.ids)


def test_alphapose_is_read(tmp_path: Path) -> None:
    keypoints = [10.5, 20.5, 0.75] * 17
    people = [
        {
            "image_id": "a.jpg",
            "category_id": 1,
            "keypoints": keypoints,
            "score": 2.9,
            "box": [1, 2, 3, 4],
            "idx": [0.0],
        },
        {"image_id": "b.jpg", "category_id": 1, "keypoints": keypoints, "score": 1.9, "idx": [[3]]},
        {"image_id": "b.jpg", "category_id": 1, "keypoints": [-1, -1, 0] * 16 + [1, 2, 1.01], "score": None, "idx": 4},
    ]
    (tmp_path / "alpha.json").write_text(json.dumps(people))
    found = read_coco(tmp_path / "alpha.json")
    assert {image: found[image].ids.tolist() for image in found} == {"a.jpg": [0], "b.jpg": [3, 4]}
    assert found["a.jpg"].scores[0, 0] == 0.75
    assert found["b.jpg"].visible.sum(1).tolist() == [17, 1]
    assert found["b.jpg"].person_scores.tolist() == pytest.approx([1.9, 1])


GOOD = {"image_id": 1, "keypoints": [1, 2, 1] * 17}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"annotations": []}, "a list is expected"),
        ([3], r"\[0\]: an object is expected"),
        ([GOOD, {**GOOD, "image_id": None}], r"\[1\].image_id: missing"),
        ([{**GOOD, "image_id": 1.5}], "image_id: a whole number"),
        ([{**GOOD, "keypoints": [1, 2, 1] * 16}], "keypoints: 17 keypoints are expected, not 16"),
        ([{**GOOD, "keypoints": None}], "keypoints: a list"),
        ([{**GOOD, "score": "high"}], 'score: a number is expected, not "high"'),
        ([{**GOOD, "track_id": [1, 2]}], "track_id: a number"),
    ],
)
def test_nonsense_is_named_by_file_and_field(tmp_path: Path, content: object, message: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"x\.json: .*{message}|x\.json: {message}"):
        read_coco(tmp_path / "x.json")
