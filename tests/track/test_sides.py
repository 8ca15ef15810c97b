"""Left and right: swaps are found by group, lasting ones are believed, and nothing is done without evidence."""

from __future__ import annotations

import numpy as np
import pytest
from walking import POSE

from limbwise.skeleton import Skeleton
from limbwise.skeletons import BODY_25, COCO_17, FACE_70, OPENPOSE_130
from limbwise.track import motion
from limbwise.track.groups import groups
from limbwise.track.sides import exchange, exchanged, find_swaps, judge

NAMES = list(groups(COCO_17))
SCORES = np.full((1, 17), 0.8)
OWNER = np.zeros(1, np.intp)
WIDE = POSE * 3  # 300 pixels high
MOVED = np.array([8, 3])


def track_of(xy: np.ndarray) -> tuple:
    persons, joints = motion.begin(xy[None].copy(), SCORES, np.array(COCO_17.sigmas))
    for _ in range(3):
        motion.advance(persons, joints, 0.04)
        motion.correct(persons, joints, OWNER, xy[None].copy(), SCORES, np.array(COCO_17.sigmas))
    return persons, joints


def swapped(xy: np.ndarray, which: set[str]) -> np.ndarray:
    order = exchange(np.array([[name in which for name in NAMES]]), COCO_17)
    return np.asarray(exchanged(xy[None], order)[0])


def test_groups_by_name() -> None:
    assert groups(COCO_17) == {
        "face": ((1, 2), (3, 4)),
        "arms": ((5, 6), (7, 8), (9, 10)),
        "legs": ((11, 12), (13, 14), (15, 16)),
    }
    assert len(groups(BODY_25)["legs"]) == 6
    assert len(groups(OPENPOSE_130)["arms"]) == 3 + 21
    assert groups(Skeleton("bird", ("left_wing", "right_wing"), (), (0.1, 0.1))) == {"others": ((0, 1),)}


@pytest.mark.parametrize("which", [set(), {"arms"}, {"legs"}, {"face"}, {"face", "arms", "legs"}])
def test_swaps_are_found_and_undone(which: set[str]) -> None:
    rng = np.random.default_rng(1)
    seen = swapped(WIDE, which) + MOVED + rng.normal(0, 1, WIDE.shape)
    found = find_swaps(*track_of(WIDE), OWNER, seen[None], SCORES, COCO_17)
    assert {name for name, swap in zip(NAMES, found[0], strict=True) if swap} == which
    np.testing.assert_allclose(exchanged(seen[None], exchange(found, COCO_17))[0], WIDE + MOVED, atol=5)


def test_a_side_view_says_nothing() -> None:
    thin = WIDE * (0.05, 1)
    assert not find_swaps(*track_of(thin), OWNER, swapped(thin, set(NAMES))[None], SCORES, COCO_17).any()


def test_one_missing_side_is_enough_to_tell() -> None:
    seen = swapped(WIDE, {"legs"})
    seen[[11, 13, 15]] = np.nan
    found = find_swaps(*track_of(WIDE), OWNER, seen[None], SCORES, COCO_17)
    assert found[0].tolist() == [False, False, True]


def test_nobody_and_no_sides() -> None:
    none = np.zeros((0, 17, 2))
    assert find_swaps(*track_of(WIDE), np.zeros(0, np.intp), none, none[..., 0], COCO_17).shape == (0, 3)
    assert groups(FACE_70).keys() == {"face"}


def test_a_swap_that_stays_is_believed() -> None:
    streak, mended = np.zeros((1, 3), np.int64), []
    for frame in range(9):
        mend, turn, streak = judge(np.array([[False, True, False]]), streak, np.array([20 + frame]))
        mended.append(bool(mend[0, 1]))
    assert (
        mended == [True] * 6 + [False] + [True] * 2
    )  # 6 in a row, then the track turns, and the next swaps are new ones
    assert not turn.any()


def test_a_young_track_is_believed_less() -> None:
    mend, _, streak = judge(np.array([[True] * 3]), np.zeros((1, 3), np.int64), np.array([1]))
    assert mend.all()
    mend, turn, streak = judge(np.array([[True] * 3]), streak, np.array([2]))
    assert turn.all()
    assert not mend.any()
    assert (streak == 0).all()


def test_words_within_words_tell_nothing() -> None:
    dog = Skeleton(
        "dog",
        ("left_ear", "right_ear", "left_rear_knee", "right_rear_knee", "left_knee2", "right_knee2"),
        (),
        (0.1,) * 6,
    )
    assert groups(dog) == {"face": ((0, 1),), "legs": ((2, 3), (4, 5))}
