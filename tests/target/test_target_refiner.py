"""False poses: which keypoints go wrong, how often and how far."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.engine.posed import spread
from limbwise.skeletons import LSP_14
from limbwise.target.refiner import Corruptions, corrupt

NEVER = Corruptions(clean=0, swap=0, foreign=0, missing=0, near=0, astray=0, far=0)
POSE = np.random.default_rng(0).uniform(0, 100, (14, 2))
NOBODY = np.zeros((0, 14, 2))


def many(options: Corruptions, others: np.ndarray = NOBODY, pose: np.ndarray = POSE, count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.array([corrupt(pose, others, 10.0, LSP_14, options, rng) for _ in range(count)])


@pytest.mark.parametrize("options", [NEVER, Corruptions(clean=1)], ids=["never", "clean"])
def test_nothing_happens(options: Corruptions) -> None:
    np.testing.assert_array_equal(many(options, count=5), np.tile(POSE, (5, 1, 1)))


@pytest.mark.parametrize(("astray", "reach"), [(0.0, 3.0), (1.0, 20.0)])
def test_keypoints_are_shifted_every_way_no_further_than_they_may(astray: float, reach: float) -> None:
    moved = many(Corruptions(0, 0, 0, 0, near=0.3, astray=astray, far=2)) - POSE
    length = np.hypot(*moved.reshape(-1, 2).T)
    assert 0.97 * reach < length.max() <= reach
    assert length.mean() == pytest.approx(reach / 2, rel=0.05)
    np.testing.assert_allclose(moved.mean((0, 1)), 0, atol=0.05 * reach)


def test_missing_ones_are_as_many_as_asked_for_and_never_all() -> None:
    gone = np.isnan(many(Corruptions(0, 0, 0, 0.3, 0, 0, 0))[..., 0])
    assert gone.mean() == pytest.approx(0.3, abs=0.02)
    assert (~np.isnan(many(Corruptions(0, 0, 0, 1.0, 0, 0, 0), count=20)[..., 0])).sum(1).tolist() == [1] * 20


def test_left_and_right_change_places() -> None:
    false = many(Corruptions(0, 0.25, 0, 0, 0, 0, 0))
    left, right = LSP_14.index("left_knee"), LSP_14.index("right_knee")
    taken = [(false[:, k] == POSE[other]).all(-1) for k, other in ((left, right), (right, left))]
    assert (taken[0] | taken[1]).mean() == pytest.approx(0.25, abs=0.06)
    assert (taken[0] & taken[1]).mean() == pytest.approx(0.125, abs=0.05)
    np.testing.assert_array_equal(false[:, LSP_14.index("neck")], np.tile(POSE[LSP_14.index("neck")], (400, 1)))


def test_a_neighbour_s_keypoint_of_the_same_kind() -> None:
    others = np.stack([POSE + 1000, POSE + 2000])
    others[0, 3] = np.nan
    false = many(Corruptions(0, 0, 0.2, 0, 0, 0, 0), others)
    by = false - POSE
    assert (by[..., 0] > 500).mean() == pytest.approx(0.2, abs=0.03)
    assert set(by[..., 0].round().ravel()) == {0.0, 1000.0, 2000.0}


def test_a_missing_keypoint_stays_missing_unless_it_is_taken_from_elsewhere() -> None:
    pose = POSE.copy()
    pose[LSP_14.index("neck")] = np.nan
    assert np.isnan(many(Corruptions(clean=0), pose=pose)[:, LSP_14.index("neck")]).all()


def test_spread_is_not_changed_by_a_few_wrong_keypoints() -> None:
    wrong = POSE.copy()
    wrong[:3] = 1e6
    wrong[3] = np.nan
    assert spread(wrong) == pytest.approx(spread(POSE), rel=0.35)
    assert np.isnan(spread(np.full((14, 2), np.nan)))


def test_rates_are_chances() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Corruptions(missing=1.5)
