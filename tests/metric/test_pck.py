from __future__ import annotations

import numpy as np
import pytest

from limbwise.errors import UsageError
from limbwise.metric.pck import PckTally, box_lengths, by_joint, joint_groups, pck, torso_lengths
from limbwise.skeletons import COCO_17, HAND_21, MPII_14, MPII_16

TRUTH = np.zeros((2, 3, 2))
SEEN = np.ones((2, 3), bool)
LENGTHS = np.array([10.0, 100.0])


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ([[0, 0, 0], [0, 0, 0]], 1.0),
        ([[2, 2, 2], [20, 20, 20]], 1.0),  # on the border counts
        ([[2.1, 2, 2], [20, 20, 21]], 4 / 6),
        ([[np.nan, 0, 0], [0, 0, 0]], 5 / 6),  # not found is wrong
    ],
)
def test_share_within_a_fifth_of_the_torso(moved: list[list[float]], expected: float) -> None:
    found = TRUTH + np.array(moved)[..., None] * [0.6, 0.8]
    assert pck(found, TRUTH, SEEN, LENGTHS).pck == pytest.approx(expected)


def test_a_skeleton_without_a_torso_says_so() -> None:
    with pytest.raises(UsageError, match="has no torso"):
        torso_lengths(np.zeros((1, 21, 2)), np.ones((1, 21), bool), HAND_21)


def test_what_does_not_count() -> None:
    found = TRUTH + 1000.0
    visible = np.array([[True, False, False], [True, True, False]])
    numbers = pck(found, TRUTH, visible, np.array([np.nan, 1.0]))
    assert numbers.counted.tolist() == [1, 1, 0]
    assert numbers.keypoints[:2].tolist() == [0, 0]
    assert np.isnan(numbers.keypoints[2])


def test_nobody() -> None:
    assert pck(TRUTH[:0], TRUTH[:0], SEEN[:0], LENGTHS[:0]).pck == 0


def test_torso_is_left_shoulder_to_right_hip() -> None:
    xy = np.zeros((2, 17, 2))
    xy[:, COCO_17.index("left_shoulder")] = 3, 4
    visible = np.ones((2, 17), bool)
    visible[1, COCO_17.index("right_hip")] = False
    assert torso_lengths(xy, visible, COCO_17)[0] == pytest.approx(5)
    assert np.isnan(torso_lengths(xy, visible, COCO_17)[1])


def test_box_is_about_the_visible_keypoints() -> None:
    xy = np.array([[[0, 0], [30, 10], [500, 500]], [[0, 0], [1, 1], [2, 9]], [[np.nan, 0], [5, 5], [6, 6]]], float)
    visible = np.array([[True, True, False], [True, True, True], [True, True, False]])
    lengths = box_lengths(xy, visible)
    assert lengths[:2].tolist() == [30, 9]
    assert np.isnan(lengths[2])  # one keypoint has no box


def test_groups_are_those_of_the_published_code() -> None:
    wanted = {"ankle": [0, 5], "knee": [1, 4], "hip": [2, 3], "wrist": [6, 11], "elbow": [7, 10], "shoulder": [8, 9],
              "neck": [12], "head_top": [13]}  # fmt: skip
    assert joint_groups(MPII_14.keypoints) == wanted


def test_a_joint_is_the_mean_of_its_sides_and_the_total_that_of_the_keypoints() -> None:
    names = ("left_knee", "right_knee", "neck", "left_hip")
    truth, found = np.zeros((4, 4, 2)), np.zeros((4, 4, 2))
    found[0, 0] = found[:3, 1] = found[:2, 2] = 9  # 3/4, 1/2 of 2, 1/2 right
    visible = np.ones((4, 4), bool)
    visible[:2, 1] = visible[:, 3] = False
    numbers = pck(found, truth, visible, np.ones(4), 0.5)
    joints = by_joint(numbers, names)
    assert (joints["knee"], joints["neck"]) == (0.625, 0.5)
    assert np.isnan(joints["hip"])
    assert numbers.mean == pytest.approx((0.75 + 0.5 + 0.5) / 3)
    assert numbers.pck == 0.6


@pytest.mark.parametrize(("by", "right"), [("torso", 1), ("head", 0), ("box", 1)])
def test_the_tally_judges_by_the_length_that_is_asked_for(by: str, right: int) -> None:
    xy = np.full((17, 2), np.nan)
    xy[[5, 12, 0]] = [[0, 0], [0, 50], [0, -20]]  # left shoulder, right hip, nose: torso 50, box 70
    found = xy + np.array([9, 0])
    tally = PckTally(COCO_17, COCO_17)
    tally.add(found, xy, ~np.isnan(xy[:, 0]), by, head_size=40)  # type: ignore[arg-type]
    assert tally.numbers(0.2).pck == right
    assert tally.numbers(0.2).counted.sum() == 3


def test_the_same_place_under_another_name_counts() -> None:
    assert set(PckTally(MPII_14, MPII_16).names) >= {"upper_neck", "left_wrist"}
