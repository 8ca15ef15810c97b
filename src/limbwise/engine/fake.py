"""A network that is not one: maps that the caller gives, for tests of what comes after an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from limbwise.engine.base import Engine, Floats

Maps = Mapping[str, Floats]


class FakeEngine(Engine):
    """Gives `outputs` for every batch: arrays (C, h, w), the same for each image, or (N, C, h, w); or what the function
    `outputs` makes of the batch. `batches` are the shapes that it was asked for."""

    def __init__(self, outputs: Maps | Callable[[Floats], Maps]) -> None:
        self._outputs = outputs
        self.batches: list[tuple[int, ...]] = []

    def run(self, batch: Floats) -> dict[str, Floats]:
        self.batches.append(batch.shape)
        outputs = self._outputs(batch) if callable(self._outputs) else self._outputs
        return {name: _for_each(maps, len(batch)) for name, maps in outputs.items()}


def _for_each(maps: Floats, count: int) -> Floats:
    if maps.ndim == 3:
        maps = np.repeat(maps[None], count, axis=0)
    if len(maps) != count:
        raise ValueError(f"outputs: maps of {count} images are needed, got {maps.shape}")
    return np.array(maps, np.float32)
