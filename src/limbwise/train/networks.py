"""The networks that can be trained, by the name that a recipe gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from limbwise.errors import UsageError
from limbwise.net.mobile import Mobile, MobileOptions, mobile_spec
from limbwise.skeleton import Skeleton
from limbwise.skeletons import find_skeleton
from limbwise.spec import ModelSpec
from limbwise.train.recipe import Recipe

Built = tuple[Callable[[], nn.Module], ModelSpec]


def _mobile(skeleton: Skeleton | None) -> Built:
    spec = mobile_spec(skeleton=skeleton)
    return partial(Mobile, MobileOptions(len(spec.skeleton), len(spec.limbs))), spec


NETWORKS: dict[str, Callable[[Skeleton | None], Built]] = {"mobile": _mobile}


def find_network(recipe: Recipe) -> Built:
    """What makes a recipe's network, and its spec; raises UsageError that lists the names, InputError for a wrong skeleton."""
    if recipe.network not in NETWORKS:
        raise UsageError(f"network: there is no {recipe.network!r}; there are {', '.join(NETWORKS)}")
    return NETWORKS[recipe.network](find_skeleton(recipe.skeleton) if recipe.skeleton else None)
