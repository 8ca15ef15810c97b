from __future__ import annotations

import numpy as np
import pytest

from limbwise.metric.pck import pck, torso_lengths
from limbwise.skeletons import COCO_17

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
