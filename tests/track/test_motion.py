"""Where people will be: a straight walk is foretold, a hidden keypoint goes with the body, and doubt grows with time."""

from __future__ import annotations

import numpy as np
from walking import POSE

from limbwise.skeletons import COCO_17
from limbwise.track import motion

SIGMAS = np.array(COCO_17.sigmas)
SCORES = np.full((1, 17), 0.8)
FIRST = np.zeros(1, np.intp)


def walked(frames: int, velocity: tuple[float, float] = (100, 20), hide: slice = slice(0)) -> tuple:
    """The track of a walker after so many frames at 25 a second; the keypoints `hide` are seen in the first half only."""
    persons, joints = motion.begin(POSE[None].copy(), SCORES, SIGMAS)
    for f in range(1, frames):
        motion.advance(persons, joints, 0.04)
        xy = POSE[None] + np.array(velocity) * f * 0.04
        if f > frames // 2:
            xy[:, hide] = np.nan
        motion.correct(persons, joints, FIRST, xy, SCORES, SIGMAS)
    return persons, joints


def places(persons: np.ndarray, joints: np.ndarray) -> np.ndarray:
    return np.stack([persons["x"][:, None] + joints["x"], persons["y"][:, None] + joints["y"]], -1)


def test_a_straight_walk_is_foretold() -> None:
    persons, joints = walked(40)
    motion.advance(persons, joints, 0.4)
    # Nobody is believed to walk on for ever: after 0.4 s the velocity's decay costs 0.4^2 / 2 / 3 s = 2.7 % of a second's way.
    np.testing.assert_allclose(
        places(persons, joints)[0], POSE + np.array([100, 20]) * (39 * 0.04 + 0.4 - 0.027), atol=2.5
    )


def test_a_hidden_arm_goes_with_the_body() -> None:
    persons, joints = walked(60, hide=slice(7, 11))
    np.testing.assert_allclose(places(persons, joints)[0], POSE + np.array([100, 20]) * 59 * 0.04, atol=6)
    assert joints["place"][0, 9] > 4 * joints["place"][0, 13]


def test_doubt_grows_while_nobody_is_seen_and_shrinks_again() -> None:
    persons, joints = walked(20)
    known = persons["place"][0]
    doubt = []
    for _ in range(5):
        motion.advance(persons, joints, 0.2)
        doubt.append(persons["place"][0])
    assert known < doubt[0] < doubt[1] < doubt[2] < doubt[3] < doubt[4]
    motion.correct(persons, joints, FIRST, POSE[None] + 150, SCORES, SIGMAS)
    assert persons["place"][0] < 0.5 * doubt[4]


def test_steps_of_any_length_lead_to_the_same_place() -> None:
    once, twice = walked(10), walked(10)
    motion.advance(*once, 0.5)
    for _ in range(50):
        motion.advance(*twice, 0.01)
    for name in ("x", "y", "vx"):
        np.testing.assert_allclose(once[0][name], twice[0][name], rtol=1e-9)
        np.testing.assert_allclose(once[1][name], twice[1][name], rtol=1e-9)
    np.testing.assert_allclose(once[0]["place"], twice[0]["place"], rtol=0.1)


def test_a_keypoint_seen_late_and_a_person_without_common_keypoints() -> None:
    upper, lower = POSE[None].copy(), POSE[None].copy()
    upper[:, 11:], lower[:, :11] = np.nan, np.nan
    persons, joints = motion.begin(upper, SCORES, SIGMAS)
    motion.advance(persons, joints, 0.04)
    motion.correct(persons, joints, FIRST, lower, SCORES, SIGMAS)
    np.testing.assert_allclose(places(persons, joints)[0], POSE, atol=1e-9)
    assert joints["known"].all()


def test_a_person_of_one_keypoint_has_a_size() -> None:
    xy = np.full((1, 17, 2), np.nan)
    xy[0, 0] = 5, 5
    persons, joints = motion.begin(xy, SCORES, SIGMAS)
    motion.advance(persons, joints, 0.04)
    motion.correct(persons, joints, FIRST, xy, SCORES, SIGMAS)
    assert persons["size"][0] == 1
    assert all(np.isfinite(table[name]).all() for table in (persons, joints) for name in table.dtype.names)
