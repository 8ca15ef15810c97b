"""Colours of keypoints, limbs and people: hues in OKLCh, where equal steps look equal, as RGB 0 to 255.

By limb, the right side of the body is warm (leg pink, arm red to yellow) and the left side cool (arm green to cyan, leg blue),
the head is violet and the trunk lime, so that sides are told apart at a glance; a place on the body has the same colour in
every skeleton. By id, hues are golden-ratio steps apart: any few successive ids lie far from each other on the wheel.
OKLCh: B. Ottosson, "A perceptual color space for image processing", 2020.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from limbwise.skeleton import Skeleton, place

Colour = tuple[int, int, int]

GOLDEN = (5**0.5 - 1) / 2
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
OUTLINE: Colour = (16, 16, 24)
FACE_WHITE: Colour = (236, 236, 244)

# Hue in degrees of each joint, (right, left); feet go on from the ankle.
_SIDED = {"shoulder": (28, 138), "elbow": (58, 160), "wrist": (90, 190), "hip": (338, 218), "knee": (354, 242),
          "ankle": (12, 264), "heel": (20, 272), "big_toe": (4, 256), "small_toe": (348, 248),
          "eye": (326, 288), "ear": (332, 280)}  # fmt: skip
_MIDDLE = {"nose": 308, "head_top": 314, "neck": 114, "thorax": 114, "chest": 114, "mid_hip": 114}
_FINGERS = ("thumb", "index", "middle", "ring", "little")
_FACE = ("nose", "eye", "ear", "head_top", "pupil", "face")


@lru_cache(maxsize=4096)
def oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """The RGB colour of a lightness 0 to 1, a chroma (0 grey, 0.3 vivid) and a hue in degrees.

    The chroma is lowered until the colour is one that a screen can show.
    """
    angle = np.deg2rad(hue)
    for c in np.arange(chroma, 0, -0.005):
        linear = _linear_rgb(lightness, c * np.cos(angle), c * np.sin(angle))
        if linear.min() >= -1e-4 and linear.max() <= 1.0001:
            break
    else:
        linear = _linear_rgb(lightness, 0, 0)
    linear = np.clip(linear, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(v) for v in np.rint(255 * srgb))
    return red, green, blue


def _linear_rgb(lightness: float, a: float, b: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(3,) linear RGB of an OKLab colour (Ottosson's matrices)."""
    cones = lightness + np.array([[0.3963377774, 0.2158037573], [-0.1055613458, -0.0638541728],
                                  [-0.0894841775, -1.2914855480]]) @ (a, b)  # fmt: skip
    return np.array([[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
                     [-0.0041960863, -0.7034186147, 1.7076147010]]) @ cones**3  # fmt: skip


def vivid(hue: float) -> Colour:
    """A colour of the wheel at nearly even lightness; yellow stays lighter than blue, or it would be olive."""
    return oklch(round(float(0.74 + 0.12 * np.cos(np.deg2rad(hue - 110))), 3), 0.26, round(hue, 1))


def id_colour(number: int, side: str = "") -> Colour:
    """The colour of a person with this id, the same in every picture; limbs of the "left" side are darker, "right" ones lighter."""
    hue = 360 * ((0.08 + number * GOLDEN) % 1)
    lightness = (0.68, 0.6, 0.78)[number % 3] + {"left": -0.1, "right": 0.08}.get(side, 0.0)
    return oklch(round(lightness, 3), 0.24, round(hue, 1))


def side_of(keypoint: str) -> str:
    """ "left", "right" or "" of a keypoint's name."""
    return next((side for side in ("left", "right") if side in keypoint), "")


def is_face(keypoint: str) -> bool:
    """Whether a keypoint belongs to the head, where lines are finer."""
    return _bare(keypoint).startswith(_FACE)


@lru_cache(maxsize=64)
def keypoint_colours(skeleton: Skeleton) -> tuple[Colour, ...]:
    """K colours by place on the body; names that are not known get steps of the warm (right), cool (left) or whole wheel."""
    return tuple(_keypoint_colour(name, i, len(skeleton)) for i, name in enumerate(skeleton.keypoints))


@lru_cache(maxsize=64)
def limb_colours(skeleton: Skeleton) -> tuple[Colour, ...]:
    """L colours: a limb has that of its end further from the trunk; one across both sides has the trunk's."""
    joints = keypoint_colours(skeleton)
    return tuple(_limb_colour(skeleton, joints, a, b) for a, b in skeleton.limbs)


def _bare(keypoint: str) -> str:
    """A keypoint's name without its side."""
    return place(keypoint).removeprefix("left_").removeprefix("right_")


def _keypoint_colour(keypoint: str, i: int, count: int) -> Colour:
    bare, side = _bare(keypoint), side_of(keypoint)
    if bare.startswith(("face", "pupil")):
        return FACE_WHITE
    finger = bare.rpartition("_")[0]
    if finger in _FINGERS:
        hue = _spread(side, (_FINGERS.index(finger) + 0.5) / len(_FINGERS))
    elif bare in _SIDED and side:
        hue = _SIDED[bare][side == "left"]
    else:
        hue = _MIDDLE.get(bare, _spread(side, (i + 0.5) / count))
    return vivid(hue)


def _spread(side: str, share: float) -> float:
    """A hue of the side's part of the wheel, `share` 0 to 1 of the way along it."""
    start, width = {"right": (340, 115), "left": (135, 135), "": (0, 360)}[side]
    return (start + share * width) % 360


def _limb_colour(skeleton: Skeleton, joints: tuple[Colour, ...], a: int, b: int) -> Colour:
    names = skeleton.keypoints[a], skeleton.keypoints[b]
    sides = {side_of(name) for name in names}
    if sides == {"left", "right"}:
        return vivid(_MIDDLE["nose" if is_face(names[0]) else "neck"])
    return joints[max((a, b), key=lambda k: _rank(skeleton.keypoints[k]))]


def _rank(keypoint: str) -> int:
    """How far out on the body a keypoint lies; the trunk lies innermost."""
    bare, order = _bare(keypoint), list(_SIDED)
    if bare in order:
        return 10 + order.index(bare)
    return {"neck": 0, "thorax": 0, "chest": 0, "mid_hip": 1, "hand_root": 2}.get(bare, 5)
