"""People as plain numbers: decimals that come back, nothing that JSON lacks, skeletons by their names."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, HAND_21, MPII_16, OPENPOSE_18, OPENPOSE_130
from limbwise.write.arrays import filed_as, finite, given_ids, is_body, shortest, skeleton_of

OWN = Skeleton("racket", (*COCO_17.keypoints, "racket_tip"), (), (0.1,) * 18)


def test_the_shortest_decimals_read_back_as_the_same_float32() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    back = np.array(shortest(values), np.float32)
    assert np.array_equal(back.view(np.uint32), values.view(np.uint32))
    assert shortest(np.array([[0.1, np.nan]], np.float32)) == [[0.1, None]]


def test_what_is_not_finite_is_missing() -> None:
    xy = np.zeros((1, 17, 2), np.float32)
    xy[0, 0], xy[0, 1, 1], xy[0, 2] = np.inf, -np.inf, np.nan
    scores = np.ones((1, 17), np.float32)
    scores[0, 3] = np.nan
    people = finite(People(COCO_17, xy, scores, np.array([np.inf], np.float32)))
    assert (~people.visible[0]).nonzero()[0].tolist() == [0, 1, 2]
    assert people.scores[0, :4].tolist() == [0, 0, 0, 0]
    assert people.person_scores.tolist() == [0]


@pytest.mark.parametrize(
    ("skeleton", "body"), [(COCO_17, True), (MPII_16, True), (OPENPOSE_130, True), (HAND_21, False), (OWN, False)]
)
def test_bodies_are_converted_and_own_keypoints_are_never_lost(skeleton: Skeleton, body: bool) -> None:
    assert is_body(skeleton) is body
    filed = filed_as(People.empty(skeleton), OPENPOSE_18)
    assert filed.skeleton == (OPENPOSE_18 if body else skeleton)


@pytest.mark.parametrize(
    ("ids", "given"),
    [(None, [0, 1, 2, 3]), ([7, -1, 0, -1], [7, -1, 0, -2]), ([-1, -1, -1, -1], [-1, -2, -3, -4])],
)
def test_strangers_get_numbers_that_no_track_has(ids: list[int] | None, given: list[int]) -> None:
    points = np.ones((4, 17, 2), np.float32), np.ones((4, 17), np.float32)
    assert given_ids(People(COCO_17, *points, ids=None if ids is None else np.array(ids))) == given


def test_a_skeleton_is_known_by_its_names() -> None:
    assert skeleton_of(OPENPOSE_18.keypoints, "x") is OPENPOSE_18
    own = skeleton_of(("nose", "tail"), "dog")
    assert (own.name, own.keypoints, own.limbs, own.sigmas) == ("dog", ("nose", "tail"), (), (0.026, 0.08))
    with pytest.raises(ValueError, match="twice"):
        skeleton_of(("nose", "nose"), "dog")
