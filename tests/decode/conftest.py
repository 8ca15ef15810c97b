"""People drawn as a perfect network would see them, for the decoders' tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.skeletons import OPENPOSE_18
from limbwise.spec import Head, ModelSpec

Floats = npt.NDArray[np.float32]
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16),
    (0, 15), (15, 17), (2, 16), (5, 17),
)  # fmt: skip

# A person of 200 x 400 pixels that stands and looks at us, in OpenPose-18's order.
STANDING = np.array(
    [(100, 40), (100, 90), (60, 92), (45, 150), (38, 205), (140, 88), (155, 148), (165, 204), (75, 210), (70, 290), (68, 370),
     (125, 211), (131, 292), (133, 371), (91, 30), (109, 31), (78, 36), (122, 37)], np.float32,
)  # fmt: skip


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    """OpenPose-18 with the limbs of the published networks."""
    heads = {"heatmaps": Head("heatmaps", tuple(range(19))), "pafs": Head("pafs", tuple(range(38)))}
    return ModelSpec("drawn", OPENPOSE_18, heads, limbs=LIMBS)


@pytest.fixture(scope="session")
def standing() -> Floats:
    """(18, 2) a person in network-input pixels, about 140 x 340 of them, from (38, 30) on."""
    return STANDING.copy()


Draw = Callable[..., tuple[Floats, Floats]]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """(people (K, 2) pixels with NaN for what is missing, (h, w) cells) -> heatmaps and PAFs, stride 8; overlapping limbs are averaged."""

    def draw_maps(people: Sequence[Floats], size: tuple[int, int] = (50, 60)) -> tuple[Floats, Floats]:
        yy, xx = np.mgrid[: size[0], : size[1]].astype(np.float32)
        heatmaps, pafs = np.zeros((19, *size), np.float32), np.zeros((38, *size), np.float32)
        count = np.zeros((len(LIMBS), *size), np.float32)
        for person in people:
            cells = (np.asarray(person, np.float32) - 3.5) / 8
            for k in np.flatnonzero(~np.isnan(cells[:, 0])):
                distance2 = (xx - cells[k, 0]) ** 2 + (yy - cells[k, 1]) ** 2
                heatmaps[k] = np.maximum(heatmaps[k], np.exp(-distance2 * 64 / (2 * 7**2)))
            for limb, (a, b) in enumerate(LIMBS):
                along = cells[b] - cells[a]
                length = np.hypot(*along)
                if np.isnan(length) or length == 0:
                    continue
                x, y = xx - cells[a, 0], yy - cells[a, 1]
                on, off = (x * along[0] + y * along[1]) / length, (x * along[1] - y * along[0]) / length
                inside = (abs(off) <= 1) & (on >= -1) & (on <= length + 1)
                pafs[2 * limb : 2 * limb + 2] += inside * (along / length)[:, None, None]
                count[limb] += inside
        pafs /= np.maximum(np.repeat(count, 2, axis=0), 1)
        heatmaps[18] = 1 - heatmaps[:18].max(0)
        return heatmaps, pafs

    return draw_maps
