"""Colours: the same for the same thing, different for different things."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from limbwise.draw.palette import id_colour, is_face, keypoint_colours, limb_colours, oklch, vivid
from limbwise.skeleton import Skeleton
from limbwise.skeletons import BODY_25, COCO_17, HAND_21, OPENPOSE_18, OPENPOSE_130, SKELETONS


@pytest.mark.parametrize(
    ("lightness", "chroma", "hue", "colour"),
    [(1.0, 0.0, 0, (255, 255, 255)), (0.0, 0.0, 0, (0, 0, 0)), (0.628, 0.2577, 29.23, (255, 0, 0)),
     (0.8664, 0.2948, 142.5, (0, 255, 0)), (0.452, 0.3132, 264.05, (0, 0, 255)), (0.5999, 0.0, 0, (128, 128, 128))],
)  # fmt: skip
def test_oklch_of_known_colours(lightness: float, chroma: float, hue: float, colour: tuple[int, int, int]) -> None:
    """The corners of sRGB in OKLCh, as CSS Color 4 gives them."""
    assert np.abs(np.subtract(oklch(lightness, chroma, hue), colour)).max() <= 20  # chroma goes in steps of 0.005


def test_the_colour_of_an_id_is_pinned() -> None:
    """A video that goes on tomorrow has today's colours."""
    assert (
        np.abs(np.subtract([id_colour(n) for n in range(3)], [(254, 87, 72), (3, 130, 228), (183, 194, 0)])).max() <= 2
    )


def test_ids_that_follow_each_other_look_different() -> None:
    for first in (0, 17, 1000):
        for a, b in itertools.combinations([id_colour(first + i) for i in range(6)], 2):
            assert np.linalg.norm(np.subtract(a, b)) > 50


def test_any_id_has_a_colour() -> None:
    assert all(0 <= v <= 255 for n in (-1, -(2**63), 2**63 - 1) for v in id_colour(n))


def test_sides_differ_for_every_pair() -> None:
    for skeleton in (COCO_17, OPENPOSE_18, BODY_25):
        colours = keypoint_colours(skeleton)
        for left, right in skeleton.pairs:
            assert np.linalg.norm(np.subtract(colours[left], colours[right])) > 60, skeleton.keypoints[left]
    assert id_colour(5, "left") != id_colour(5, "right")


def test_a_place_has_the_same_colour_in_every_skeleton() -> None:
    seen: dict[str, tuple[int, int, int]] = {}
    for skeleton in (COCO_17, OPENPOSE_18, BODY_25, OPENPOSE_130):
        for name, colour in zip(skeleton.keypoints, keypoint_colours(skeleton), strict=True):
            assert seen.setdefault(name, colour) == colour


def test_limbs_of_a_body_have_many_colours() -> None:
    for skeleton in SKELETONS.values():
        assert len(limb_colours(skeleton)) == len(skeleton.limbs)
    assert len(set(limb_colours(OPENPOSE_18))) == 17
    assert len(set(keypoint_colours(HAND_21)[1:])) == 5


def test_own_keypoints_get_colours_by_side() -> None:
    own = Skeleton("dog", ("tail", "left_paw", "right_paw", "snout"), ((0, 1), (0, 2)), (0.1,) * 4)
    assert len(set(keypoint_colours(own))) == 4
    left, right = (keypoint_colours(own)[i] for i in (1, 2))
    assert right[0] > left[0]  # right is warm


def test_the_wheel_is_about_evenly_light() -> None:
    luma = [np.dot(vivid(hue), (0.299, 0.587, 0.114)) for hue in range(0, 360, 10)]
    assert min(luma) > 80


def test_head_and_face_are_told_from_the_body() -> None:
    assert all(map(is_face, ("nose", "left_eye", "right_ear", "face_12", "left_pupil", "head_top")))
    assert not any(map(is_face, ("neck", "left_wrist", "head_bottom", "left_thumb_1", "mid_hip")))
