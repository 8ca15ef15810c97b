from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.metric.coco_ap import coco_ap, results
from limbwise.metric.coco_table import complete_people
from limbwise.people import People
from limbwise.skeletons import COCO_17, OPENPOSE_18

pytest.importorskip("pycocotools")
AREA = 100.0 * 100.0


def stick(x: float, y: float) -> np.ndarray:
    """Seventeen points on a grid of 20 pixels."""
    return np.array([[x + 20 * (i % 4), y + 20 * (i // 4)] for i in range(17)], np.float32)


def people(*xy: np.ndarray, scores: list[float] | None = None) -> People:
    points = np.stack(xy)
    each = np.ones(points.shape[:2], np.float32)
    return People(COCO_17, points, each, np.array(scores or [1.0] * len(xy), np.float32))


def truth(images: dict[int, list[np.ndarray]]) -> dict[str, Any]:
    rows = []
    for image, sticks in images.items():
        for xy in sticks:
            xyv = np.concatenate([xy, np.full((17, 1), 2)], axis=1).ravel().tolist()
            box = [float(xy[0, 0]), float(xy[0, 1]), 60.0, 80.0]
            rows.append(
                {"id": len(rows) + 1, "image_id": image, "category_id": 1, "keypoints": xyv, "area": AREA, "bbox": box}
            )
    return {"images": [{"id": image, "width": 400, "height": 300} for image in images], "annotations": rows}


A, B = stick(20, 20), stick(200, 100)


def test_truth_itself_is_perfect() -> None:
    numbers = coco_ap({1: people(A, B)}, truth({1: [A, B]}))
    assert (numbers.ap, numbers.ap50, numbers.ar, numbers.ap_large) == pytest.approx((1, 1, 1, 1))
    assert numbers.ap_medium == -1  # nobody of that size was there


def test_half_of_the_people_found_is_a_recall_of_a_half() -> None:
    numbers = coco_ap({1: people(A)}, truth({1: [A, B]}))
    assert numbers.ar == pytest.approx(0.5)
    assert numbers.ap == pytest.approx(51 / 101)  # precision 1 at the recall thresholds 0, 0.01, ... 0.50


def test_shift_with_a_known_oks() -> None:
    """All points shifted by d: OKS = mean exp(-d^2 / (2 (2 sigma)^2 area)); it passes the thresholds below it."""
    sigmas = np.array(COCO_17.sigmas)
    for d in (3.0, 6.0, 10.0):
        oks = np.exp(-(d**2) / (2 * (2 * sigmas) ** 2 * AREA)).mean()
        passed = sum(oks >= 0.5 + 0.05 * i - 1e-12 for i in range(10))
        numbers = coco_ap({1: people(A + np.float32([d, 0]))}, truth({1: [A]}))
        assert numbers.ap == pytest.approx(passed / 10)


def test_a_false_person_with_a_higher_score_halves_the_precision() -> None:
    numbers = coco_ap({1: people(B, A, scores=[0.9, 0.1])}, truth({1: [A]}))
    assert numbers.ap == pytest.approx(0.5)
    assert coco_ap({1: people(B, A, scores=[0.1, 0.9])}, truth({1: [A]})).ap == pytest.approx(1)


def test_nobody_found_and_images_left_out() -> None:
    assert coco_ap({}, truth({1: [A]})).ap == 0
    assert coco_ap({1: people(A)}, truth({1: [A], 2: [B]}), ids=[1]).ap == pytest.approx(1)
    assert coco_ap({1: people(A)}, truth({1: [A], 2: [B]})).ar == pytest.approx(0.5)


def test_other_skeletons_are_mapped_by_name() -> None:
    assert coco_ap({1: people(A).as_skeleton(OPENPOSE_18)}, truth({1: [A]})).ap == pytest.approx(1)


def test_missing_keypoints_are_zeros_as_in_the_file_that_predict_writes() -> None:
    hidden = A.copy()
    hidden[5:] = np.nan
    row = results(7, people(hidden))[0]
    xy = np.array(row["keypoints"]).reshape(17, 3)
    assert row["image_id"] == 7
    assert (xy[5:] == 0).all()
    assert results(7, replace(people(A), xy=np.full((1, 17, 2), np.nan, np.float32))) == []


def test_a_file_that_is_not_cocos(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match=r"a\.json: not a COCO keypoint file"):
        coco_ap({}, tmp_path / "a.json")


@pytest.mark.parametrize("category", [0, 2])
def test_people_may_have_any_category_and_stand_beside_other_objects(category: int) -> None:
    table = truth({1: [A]})
    table["annotations"][0] |= {"category_id": category, "id": 0}
    table["annotations"].append(
        {"id": 5, "image_id": 1, "category_id": 9, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}
    )
    table["categories"] = [
        {"id": 9, "name": "tree"},
        {"id": category, "name": "p", "keypoints": list(COCO_17.keypoints)},
    ]
    assert coco_ap({1: people(A)}, table).ap == pytest.approx(1)


@pytest.mark.parametrize("field", ["area", "bbox", "id", "category_id"])
def test_what_files_may_lack(field: str) -> None:
    table = truth({1: [A]})
    del table["annotations"][0][field]
    assert coco_ap({1: people(A)}, table).ap == pytest.approx(1)


def test_people_with_too_few_numbers_are_named() -> None:
    table = truth({1: [A]})
    table["annotations"][0]["keypoints"] = [1, 2, 2]
    with pytest.raises(InputError, match="17 keypoints as x, y, v; one has 3 numbers"):
        coco_ap({}, table)


def test_categories_with_the_same_keypoints_are_people_and_others_are_nobody() -> None:
    table = truth({1: [A, B]})
    names = list(COCO_17.keypoints)
    table["categories"] = [{"id": 1, "keypoints": names}, {"id": 2, "keypoints": names}, {"id": 3, "keypoints": ["a"]}]
    table["annotations"][1]["category_id"] = 2
    table["annotations"].append({"id": 3, "image_id": 1, "category_id": 3, "keypoints": [1, 2, 2], "area": 100})
    table["annotations"].append({"id": 4, "image_id": 1, "category_id": 3, "iscrowd": 1, "bbox": [0, 0, 9, 9]})
    assert coco_ap({1: people(A, B, scores=[0.1, 0.9])}, table).ap == pytest.approx(1)
    assert len(complete_people(table, 17, "table")) == 2


def test_no_place_where_nothing_is_marked_is_no_label() -> None:
    table = truth({1: [A]})
    table["annotations"][0]["keypoints"][-3:] = [None, None, 0]
    del table["annotations"][0]["bbox"]
    (person,) = complete_people(table, 17, "table")
    assert person["num_keypoints"] == 16
    assert person["bbox"] == [20, 20, 60, 60]
    assert coco_ap({1: people(A)}, table).ap == pytest.approx(1)
