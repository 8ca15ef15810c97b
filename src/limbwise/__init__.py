"""limbwise: people in images and videos, limb by limb.

    import limbwise as lw
    people = lw.estimate("photo.jpg")
    lw.draw(image, people)

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from limbwise.errors import LimbwiseError
from limbwise.people import People, Person
from limbwise.skeleton import Skeleton

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from limbwise.draw.people import DrawOptions
    from limbwise.estimate.estimator import Estimator

__version__ = "0.1.0"
__all__ = ["Estimator", "LimbwiseError", "People", "Person", "Skeleton", "__version__", "draw", "estimate"]


def estimate(image: str | Path | npt.NDArray[np.uint8], **options: Any) -> People:
    """The people of an image file or of an RGB uint8 (H, W, 3) image, by the default model or `model=`.

    Other options are Estimator's. The estimator is kept, so that the next call with the same options is fast.
    """
    return _estimator(**options)(image)


def draw(image: npt.NDArray[np.uint8], people: People, options: DrawOptions | None = None) -> npt.NDArray[np.uint8]:
    """A copy of an RGB uint8 (H, W, 3) image with the people drawn on it."""
    from limbwise.draw.people import DrawOptions, draw_people

    return draw_people(image, people, options or DrawOptions())


@cache
def _estimator(**options: Any) -> Estimator:
    from limbwise.estimate.estimator import Estimator

    return Estimator(**options)


def __getattr__(name: str) -> Any:
    if name == "Estimator":
        from limbwise.estimate.estimator import Estimator

        return Estimator
    raise AttributeError(f"module 'limbwise' has no attribute {name!r}")
