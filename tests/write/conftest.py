"""Random people, the same in every run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from limbwise.people import People
from limbwise.skeleton import Skeleton

Crowd = Callable[..., People]


@pytest.fixture
def crowd() -> Crowd:
    """crowd(seed, skeleton, tracked): 0 to 5 people, some keypoints missing, some people without any, coordinates of all sizes."""

    def build(seed: int, skeleton: Skeleton, tracked: bool = True) -> People:
        random = np.random.default_rng(seed)
        count, k = int(random.integers(0, 6)), len(skeleton)
        xy = random.normal(300, 10.0 ** random.integers(0, 4), (count, k, 2)).astype(np.float32)
        xy[random.random((count, k)) < random.random()] = np.nan
        scores = random.uniform(0.001, 1, (count, k)).astype(np.float32)
        ids = random.permutation(1000)[:count] if tracked and count else None
        return People(skeleton, xy, scores, random.uniform(0, 9, count).astype(np.float32), ids)

    return build
