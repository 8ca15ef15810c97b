"""One real pose, and what the fixture that makes people of it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from limbwise.people import People

# A standing person of 100 pixels, seen from the front: the person's left is at the image's right.
POSE = np.array([(0, -46), (3, -48), (-3, -48), (6, -47), (-6, -47), (11, -35), (-11, -35), (15, -17), (-15, -17), (17, 0), (-17, 0),
                 (7, 2), (-7, 2), (8, 27), (-8, 27), (9, 50), (-9, 50)], float)  # fmt: skip

Walkers = Callable[..., People]
