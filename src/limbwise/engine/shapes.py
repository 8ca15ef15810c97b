"""Compiled networks by input shape: no compiling for every new size, and no slower network for sizes that come often."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Shape = tuple[int, ...]
T = TypeVar("T")


class CompiledShapes(Generic[T]):
    """`compile` makes a network for one shape, or for any (None), which runs slower.

    The first shape is compiled exactly (a video or one photo knows no other). Another one runs through the network for any
    shape until it has come `patience` times; then it has lost by that about what compiling costs, and is compiled exactly as
    well. The `kept` latest used stay. With `patience` 0 every shape is compiled exactly (devices that know no open shapes).
    """

    def __init__(self, compile: Callable[[Shape | None], T], patience: int, kept: int = 4) -> None:
        self._compile = compile
        self._patience = patience
        self._kept = kept
        self._exact: OrderedDict[Shape, T] = OrderedDict()
        self._seen: Counter[Shape] = Counter()
        self._any: T | None = None

    def __getitem__(self, shape: Shape) -> T:
        """The network that shall run an input of that shape."""
        if shape in self._exact:
            self._exact.move_to_end(shape)
            return self._exact[shape]
        self._seen[shape] += 1
        if not self._exact or self._seen[shape] > self._patience:
            return self._keep(shape)
        if self._any is None:
            self._any = self._compile(None)
        return self._any

    def _keep(self, shape: Shape) -> T:
        self._exact[shape] = self._compile(shape)
        del self._seen[shape]
        while len(self._exact) > self._kept:
            self._exact.popitem(last=False)
        return self._exact[shape]
