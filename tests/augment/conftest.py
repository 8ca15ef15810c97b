"""Samples whose pixels tell where their keypoints are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from limbwise.people import People
from limbwise.sample import SEEN, Sample
from limbwise.skeletons import LSP_14

STANDING = np.array([[40, 90], [40, 70], [42, 52], [58, 52], [60, 70], [60, 90], [30, 55], [32, 42], [40, 28], [60, 28],
                     [68, 42], [70, 55], [50, 25], [50, 10]], np.float32)  # fmt: skip


def standing(seed: int = 0, at: tuple[float, float] = (20, 10)) -> Sample:
    """One person on 140 x 120 pixels of soft noise, every joint lit: the left ones green, the right ones red, the middle blue."""
    image = np.random.default_rng(seed).integers(60, 100, (120, 140, 3)).astype(np.uint8)
    xy = STANDING + np.array(at, np.float32)
    for name, (x, y) in zip(LSP_14.keypoints, xy.round().astype(int), strict=True):
        channel = 1 if name.startswith("left") else 0 if name.startswith("right") else 2
        image[y - 2 : y + 3, x - 2 : x + 3] = np.eye(3, dtype=np.uint8)[channel] * 255
    box = np.concatenate([xy.min(0) - 5, xy.max(0) + 5]).astype(np.float32)[None]
    ignore = np.zeros((120, 140), bool)
    ignore[:, 120:] = True
    people = People(LSP_14, xy[None], np.ones((1, 14), np.float32))
    return Sample(
        image, people, np.full((1, 14), SEEN, np.int8), np.array([2500], np.float32), box, ignore, f"sample {seed}"
    )


@pytest.fixture
def make() -> Callable[..., Sample]:
    return standing


@pytest.fixture
def sample() -> Sample:
    return standing()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
