"""The networks that can be trained, by the name that a recipe gives."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from limbwise.errors import UsageError
from limbwise.net.mobile import Mobile, mobile_spec
from limbwise.spec import ModelSpec

NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], ModelSpec]]] = {"mobile": (Mobile, mobile_spec)}


def find_network(name: str) -> tuple[Callable[[], nn.Module], ModelSpec]:
    """What makes the network, and its spec; raises UsageError that lists the names."""
    if name not in NETWORKS:
        raise UsageError(f"network: there is no {name!r}; there are {', '.join(NETWORKS)}")
    network, spec = NETWORKS[name]
    return network, spec()
