"""Walkers: people of one real pose who move as they are told."""

from __future__ import annotations

import numpy as np
import pytest
from walking import POSE, Walkers

from limbwise.people import People
from limbwise.skeletons import COCO_17


@pytest.fixture
def walkers() -> Walkers:
    """walkers((x, y), ..., score=0.8): one person at each centre."""

    def build(*centres: tuple[float, float], score: float = 0.8) -> People:
        xy = np.array([POSE + centre for centre in centres]).reshape(-1, 17, 2)
        return People(COCO_17, xy, np.full(xy.shape[:2], score))

    return build
