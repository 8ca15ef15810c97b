"""Images to people. The room can be called: `limbwise.estimate("photo.jpg")` gives the people of one image."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A module that does its main job when called: the public name `estimate` is this room's name, too."""

    def __call__(self, image: Any, **options: Any) -> Any:
        from limbwise.estimate.estimator import estimate

        return estimate(image, **options)


sys.modules[__name__].__class__ = _Room
