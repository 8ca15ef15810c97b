"""How alike people are, against pycocotools and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.people import People
from limbwise.similarity import head_distance, iou, oks
from limbwise.skeletons import COCO_17


def crowd(rng: np.random.Generator, count: int, missing: float) -> People:
    xy = rng.uniform(0, 200, (count, 17, 2)).astype(np.float32)
    xy[rng.random((count, 17)) < missing] = np.nan
    return People(COCO_17, xy, np.ones((count, 17)))


def test_oks_is_cocos(capsys: pytest.CaptureFixture[str]) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    rng = np.random.default_rng(0)
    truth, found = crowd(rng, 4, 0.3), crowd(rng, 3, 0)
    found = People(COCO_17, np.nan_to_num(truth.xy[[2, 0, 3]], nan=9) + rng.normal(0, 5, (3, 17, 2)), np.ones((3, 17)))
    areas = rng.uniform(500, 9000, 4)

    def record(people: People, i: int) -> dict:
        flags = 2 * people.visible[i]
        return {"id": i + 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": float(areas[i]), "bbox": [0, 0, 200, 200],
                "num_keypoints": int(people.visible[i].sum()),
                "keypoints": np.column_stack([np.nan_to_num(people.xy[i]), flags]).ravel().tolist()}  # fmt: skip

    base = coco.COCO()
    base.dataset = {
        "images": [{"id": 1}],
        "categories": [{"id": 1}],
        "annotations": [record(truth, i) for i in range(4)],
    }
    base.createIndex()
    results = [{**record(found, i), "score": 1 - i / 10} for i in range(3)]
    evaluation = cocoeval.COCOeval(base, base.loadRes(results), "keypoints")
    evaluation.evaluate()
    expected = evaluation.computeOks(1, 1)
    np.testing.assert_allclose(oks(found, truth, areas), expected, atol=1e-5)


def test_oks_of_nobody() -> None:
    rng = np.random.default_rng(0)
    nobody, some = People.empty(COCO_17), crowd(rng, 2, 0)
    assert oks(nobody, some).shape == (0, 2)
    assert oks(some, nobody).shape == (2, 0)
    unmarked = People(COCO_17, np.full((1, 17, 2), np.nan), np.zeros((1, 17)))
    assert oks(some, unmarked, np.ones(1)).tolist() == [[0], [0]]


def test_iou_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 0, 0], [np.nan] * 4])
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(iou(boxes, others), [[1, 1 / 3, 0], [0, 0, 0], [0, 0, 0]])


def test_head_distance() -> None:
    truth = People(COCO_17, np.zeros((1, 17, 2)), np.ones((1, 17)))
    found = People(COCO_17, np.full((1, 17, 2), (3, 4)), np.ones((1, 17)))
    np.testing.assert_allclose(head_distance(found, truth, np.array([10.0])), np.full((1, 1, 17), 0.5))
