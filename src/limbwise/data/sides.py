"""Whether left and right of a person's labels contradict each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limbwise.skeleton import Skeleton

Floats = npt.NDArray[np.float64]

CLEARLY = 0.2  # a trunk is seen from the front or the back when both ends are at least this share of its length wide


def trunk_sides(xy: npt.NDArray[np.floating], seen: npt.NDArray[np.bool_], skeleton: Skeleton) -> Floats:
    """(3,) how far shoulders, hips and eyes run from left to right across the trunk of a person, as shares of its length.

    Positive where the left side lies to the right of the trunk's way up, as in a person who looks at the camera. 0 where a pair is
    not SEEN. Of a true person shoulders, hips and eyes have one sign but for great turns, so one finding may be wrong, many are not.
    """
    names, joints = skeleton.keypoints, ("shoulder", "hip", "eye")
    middles, spans = np.zeros((2, 3, 2))
    for i, joint in enumerate(joints):
        pair = [names.index(name) for side in ("left", "right") if (name := f"{side}_{joint}") in names]
        if len(pair) == 2 and seen[pair].all():
            middles[i], spans[i] = xy[pair].mean(0), xy[pair[0]] - xy[pair[1]]
    up = middles[0] - middles[1]
    if not spans[:2].any(1).all() or not up.any():
        return np.zeros(3)
    return np.asarray(spans @ np.array([-up[1], up[0]]) / (up**2).sum())


def is_twisted(xy: npt.NDArray[np.floating], seen: npt.NDArray[np.bool_], skeleton: Skeleton) -> bool:
    """Whether shoulders and hips run clearly opposite ways, which no trunk does: the sides of one of them are swapped."""
    shoulders, hips, _ = trunk_sides(xy, seen, skeleton)
    return bool(min(abs(shoulders), abs(hips)) >= CLEARLY and shoulders * hips < 0)
