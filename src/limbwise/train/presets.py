"""The recipes that `limbwise train` knows by name: one function each, with the figures of the system that it comes from."""

from __future__ import annotations

from collections.abc import Callable

from limbwise.augment.scene import SceneOptions
from limbwise.augment.spatial import SpatialOptions
from limbwise.errors import UsageError
from limbwise.train.recipe import Recipe, Stage
from limbwise.train.samples import DataOptions


def mobile() -> Recipe:
    """Our own network from nothing: small inputs first, the end at 320 pixels; a constant rate with a cool-down."""
    stages = (Stage(0.4, 128, 16), Stage(0.3, 192, 12), Stage(0.3, 320, 8))
    scene = SceneOptions(spatial=SpatialOptions(person=(0.5, 1.4)), mosaic=0.1, paste=0.4)
    return Recipe("mobile", steps=100_000, stages=stages, data=DataOptions(scene=scene))


PRESETS: dict[str, Callable[[], Recipe]] = {"mobile": mobile}


def preset(name: str) -> Recipe:
    """A recipe by its name; raises UsageError that lists the names."""
    if name not in PRESETS:
        raise UsageError(f"there is no recipe {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]()
