"""People: checked at birth, sliced, converted, shown."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.people import People, Person
from limbwise.skeletons import BODY_25, COCO_17, LSP_14, OPENPOSE_18


def people(count: int = 3, seed: int = 0) -> People:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (count, 17, 2)).astype(np.float32)
    xy[rng.random((count, 17)) < 0.2] = np.nan
    return People(COCO_17, xy, rng.uniform(0.1, 1, (count, 17)), ids=np.arange(count) + 7)


def test_missing_keypoints_score_nothing() -> None:
    p = people()
    assert (p.scores[~p.visible] == 0).all()
    assert np.isnan(p.xy[~p.visible]).all()
    half = People(COCO_17, np.where(np.arange(2) == 0, np.nan, np.ones((1, 17, 2))), np.ones((1, 17)))
    assert np.isnan(half.xy).all()  # one coordinate alone is no place


def test_person_score_is_the_mean_of_what_is_there() -> None:
    p = people()
    expected = [row[row > 0].mean() for row in p.scores]
    assert p.person_scores == pytest.approx(expected)


@pytest.mark.parametrize(
    ("xy", "scores", "message"),
    [
        (np.zeros((2, 16, 2)), np.zeros((2, 17)), r"xy: expected shape \(2, 17, 2\) for coco_17, got \(2, 16, 2\)"),
        (np.zeros((2, 17, 2)), np.zeros((3, 17)), r"scores: expected shape \(2, 17\)"),
        (np.zeros((2, 17, 3)), np.zeros((2, 17)), "xy"),
    ],
)
def test_wrong_shapes_say_what_was_expected(xy: np.ndarray, scores: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        People(COCO_17, xy, scores)


def test_slicing() -> None:
    p = people(4)
    assert isinstance(p[1], Person)
    assert (p[-1].id, len(p[1:3]), p[np.array([True, False, True, False])].ids.tolist()) == (10, 2, [7, 9])
    assert p["left_wrist"].shape == (4, 3)
    assert [person.id for person in p] == [7, 8, 9, 10]
    with pytest.raises(IndexError):
        p[4]
    with pytest.raises(KeyError, match="left_wrist"):
        p["left_wirst"]


def test_boxes_hold_the_keypoints() -> None:
    p = people()
    for person in p:
        left, top, right, bottom = person.box_xyxy
        xy = person.xy[person.visible]
        assert (left, top, right, bottom) == (*xy.min(0), *xy.max(0))
    nobody = People(COCO_17, np.full((1, 17, 2), np.nan), np.zeros((1, 17)))
    assert np.isnan(nobody.boxes_xyxy).all()


def test_there_and_back_through_another_skeleton() -> None:
    p = people()
    back = p.as_skeleton(OPENPOSE_18).as_skeleton(COCO_17)
    np.testing.assert_array_equal(back.xy, p.xy)
    np.testing.assert_array_equal(back.scores, p.scores)
    assert (back.ids == p.ids).all()


def test_neck_is_the_middle_of_the_shoulders() -> None:
    xy = np.full((1, 17, 2), np.nan, np.float32)
    xy[0, 5], xy[0, 6] = (10, 20), (30, 40)
    scores = np.where(np.isnan(xy[..., 0]), 0, 0.5)
    scores[0, 5] = 0.25
    there = People(COCO_17, xy, scores).as_skeleton(BODY_25)
    assert there["neck"].tolist() == [[20, 30, 0.25]]
    assert np.isnan(there["mid_hip"][0, :2]).all()
    assert not there.as_skeleton(LSP_14).visible[0, 13]


def test_moved_by_a_matrix() -> None:
    p = people()
    moved = p.moved(np.array([[2.0, 0, 1], [0, 2, -1]]))
    np.testing.assert_allclose(moved.xy, p.xy * 2 + (1, -1), rtol=1e-6)


def test_nobody_and_notebooks() -> None:
    assert len(People.empty(COCO_17)) == 0
    assert People.empty(COCO_17).boxes_xyxy.shape == (0, 4)
    assert "nobody" in People.empty(COCO_17)._repr_html_()
    assert people()._repr_html_().count("<line") > 5
