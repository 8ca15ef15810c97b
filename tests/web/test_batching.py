"""Pictures that go through the network together: who goes with whom, and that everybody gets its own maps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dots import draw_dots, some_people

from limbwise.engine.base import Engine, Floats
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.maps import Maps
from limbwise.web.batching import Batcher


class Held(Engine):
    """The real engine, whose runs wait until they are let go; `sizes`: pictures of each."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.sizes, self.gate, self.fails = engine, list[int](), threading.Event(), False

    def run(self, batch: Floats) -> dict[str, Floats]:
        self.sizes.append(len(batch))
        assert self.gate.wait(10)
        if self.fails:
            raise RuntimeError("broken")
        return self.engine.run(batch)


@pytest.fixture
def estimator(dots_model: Path) -> Estimator:
    """One whose engine of streams takes one batch at a time, and is held."""
    estimator = Estimator(dots_model)
    estimator.wide_engine = Held(estimator.engine)
    return estimator


@pytest.fixture
def held(estimator: Estimator) -> Iterator[Held]:
    held = estimator.wide_engine
    assert isinstance(held, Held)
    yield held
    held.gate.set()


IMAGES = [draw_dots(some_people(seed)) for seed in range(6)]
WIDE = [np.ascontiguousarray(draw_dots(some_people(seed), 400, 240)) for seed in range(3)]


def looked_at(estimator: Estimator, images: list[Any], held: Held, max_batch: int, max_wait: float = 0.0) -> list[Maps]:
    """The maps of pictures that come all at once, while the network is held for a moment."""

    async def all_of_them() -> list[Maps]:
        batcher = Batcher(estimator, max_batch, max_wait, lambda count: None)
        tasks = [asyncio.create_task(batcher.look(estimator.prepare(image), image.shape, False)) for image in images]
        await asyncio.sleep(0.05)
        held.gate.set()
        try:
            return [maps for maps, _ in await asyncio.gather(*tasks)]
        finally:
            batcher.close()

    return asyncio.run(all_of_them())


def same(estimator: Estimator, images: list[Any], found: list[Maps]) -> None:
    for image, maps in zip(images, found, strict=True):
        alone = estimator.look(estimator.prepare(image), image.shape)
        assert maps.size == alone.size
        for name, head in alone.heads.items():
            np.testing.assert_allclose(maps.heads[name], head, atol=1e-5)


def test_those_that_wait_go_together(estimator: Estimator, held: Held) -> None:
    found = looked_at(estimator, IMAGES, held, max_batch=4)
    assert held.sizes == [1, 4, 1]  # the first does not wait for others
    same(estimator, IMAGES, found)


def test_others_are_waited_for_where_that_is_wanted(estimator: Estimator, held: Held) -> None:
    found = looked_at(estimator, IMAGES, held, max_batch=3, max_wait=5.0)
    assert held.sizes == [3, 3]
    same(estimator, IMAGES, found)


def test_the_wait_ends(estimator: Estimator, held: Held) -> None:
    held.gate.set()
    looked_at(estimator, IMAGES[:2], held, max_batch=8, max_wait=0.02)
    assert held.sizes == [2]


def test_only_equal_shapes_go_together(estimator: Estimator, held: Held) -> None:
    images = [IMAGES[0], WIDE[0], IMAGES[1], WIDE[1], IMAGES[2], WIDE[2]]
    found = looked_at(estimator, images, held, max_batch=8)
    assert held.sizes == [1, 3, 2]
    same(estimator, images, found)


def test_one_by_one(estimator: Estimator, held: Held) -> None:
    looked_at(estimator, IMAGES, held, max_batch=1)
    assert held.sizes == [1] * 6


def test_several_views(dots_model: Path) -> None:
    estimator = Estimator(dots_model, precise=True, flip=True)
    held = Held(estimator.engine)
    estimator.wide_engine = held
    found = looked_at(estimator, IMAGES[:3], held, max_batch=2)
    assert held.sizes == [1] * 8 + [2] * 8
    same(estimator, IMAGES[:3], found)


def test_a_fault_reaches_everybody_and_the_next_go_on(estimator: Estimator, held: Held) -> None:
    async def try_it() -> None:
        batcher = Batcher(estimator, 4, 0.0, lambda count: None)
        held.fails = True
        held.gate.set()
        looks = [batcher.look(estimator.prepare(image), image.shape, False) for image in IMAGES]
        assert [str(error) for error in await asyncio.gather(*looks, return_exceptions=True)] == ["broken"] * 6
        held.fails = False
        await batcher.look(estimator.prepare(IMAGES[0]), IMAGES[0].shape, False)
        batcher.close()

    asyncio.run(try_it())


def test_who_left_is_not_run(estimator: Estimator, held: Held) -> None:
    async def try_it() -> None:
        batcher = Batcher(estimator, 1, 0.0, lambda count: None)
        tasks = [asyncio.create_task(batcher.look(estimator.prepare(image), image.shape, False)) for image in IMAGES]
        await asyncio.sleep(0.05)
        for task in tasks[1:5]:
            task.cancel()
        held.gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        batcher.close()

    asyncio.run(try_it())
    assert held.sizes == [1, 1]


def test_who_is_alone_gets_all_cores(estimator: Estimator, held: Held) -> None:
    async def try_it() -> None:
        batcher = Batcher(estimator, 4, 10.0, lambda count: None)
        await batcher.look(estimator.prepare(IMAGES[0]), IMAGES[0].shape, True)
        batcher.close()

    asyncio.run(try_it())
    assert held.sizes == []
