"""People and fields to pixels. The room can be called: `limbwise.draw(image, people)` draws people on a copy of an image."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A module that does its main job when called: the public name `draw` is this room's name, too."""

    def __call__(self, image: Any, people: Any, options: Any = None) -> Any:
        from limbwise.draw.people import draw_people

        return draw_people(image, people, options)


sys.modules[__name__].__class__ = _Room
