"""Sample: checked at birth."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.people import People
from limbwise.sample import SEEN, Sample
from limbwise.skeletons import COCO_17


def test_shapes_are_checked() -> None:
    people = People(COCO_17, np.zeros((2, 17, 2)), np.ones((2, 17)))
    fields = {"image": np.zeros((4, 6, 3), np.uint8), "people": people, "visibility": np.full((2, 17), SEEN, np.int8),
              "areas": np.ones(2, np.float32), "boxes": np.zeros((2, 4), np.float32), "ignore": np.zeros((4, 6), bool),
              "name": "a.jpg"}  # fmt: skip
    assert Sample(**fields).name == "a.jpg"
    for name, wrong in {"image": np.zeros((4, 6), np.uint8), "visibility": np.zeros((2, 16), np.int8),
                        "areas": np.ones(3), "boxes": np.zeros((2, 2)), "ignore": np.zeros((6, 4), bool)}.items():  # fmt: skip
        with pytest.raises(ValueError, match=rf"a\.jpg: {name}"):
            Sample(**{**fields, name: wrong})
