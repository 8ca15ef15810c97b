"""limbwise: people in images and videos, limb by limb.

    import limbwise as lw
    people = lw.estimate("photo.jpg")
    lw.draw(image, people)

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limbwise.errors import LimbwiseError
from limbwise.people import People, Person
from limbwise.skeleton import Skeleton

if TYPE_CHECKING:
    from limbwise.draw.people import draw_people as draw
    from limbwise.estimate.estimator import Estimator, estimate
else:
    from limbwise import draw, estimate  # rooms that can be called

__version__ = "0.1.0"
__all__ = ["Estimator", "LimbwiseError", "People", "Person", "Skeleton", "__version__", "draw", "estimate"]


def __getattr__(name: str) -> Any:
    if name == "Estimator":
        from limbwise.estimate.estimator import Estimator

        return Estimator
    raise AttributeError(f"module 'limbwise' has no attribute {name!r}")
