"""Pictures of many requests through one network: those that wait at the same time and have equal shapes go together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from limbwise.engine.base import Engine, Floats
from limbwise.engine.prepare import Prepared
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.maps import Maps

Shapes = tuple[tuple[int, ...], ...]
Seen = tuple[Maps, float]  # the maps, and the milliseconds of the network's run that they came from


@dataclass(eq=False)
class _Waiting:
    """A picture on its way: inputs (one a view), shape (H, W, ...), where its maps go, and since when it waits."""

    inputs: list[Prepared]
    shape: tuple[int, ...]
    future: asyncio.Future[Seen]
    since: float

    @property
    def shapes(self) -> Shapes:
        return tuple(view.batch.shape for view in self.inputs)


class _Known(Engine):
    """An engine that has run already: gives one picture's maps of each of its views, in order."""

    def __init__(self, outputs: list[dict[str, Floats]]) -> None:
        self._outputs = iter(outputs)

    def run(self, batch: Floats) -> dict[str, Floats]:
        return next(self._outputs)


class Batcher:
    """One model's network. `look` may be called by many tasks of one event loop at a time.

    As many runs are under way as the engine of streams is made for; whatever waits when one of them ends goes next, up to `max_batch`
    pictures of equal shapes, the oldest first. `max_wait` seconds are given to others to come, where fewer are there. A picture that is
    `alone` gets the engine for single pictures, which uses all cores for it. `note` is told the number of pictures of each run.
    """

    def __init__(self, estimator: Estimator, max_batch: int, max_wait: float, note: Callable[[int], None]) -> None:
        self.estimator, self.max_batch, self.max_wait, self._note = estimator, max_batch, max_wait, note
        self._free = estimator.wide_engine.width
        self._pool = ThreadPoolExecutor(self._free, "network")
        self._waiting: deque[_Waiting] = deque()

    async def look(self, inputs: list[Prepared], shape: tuple[int, ...], alone: bool) -> Seen:
        """The maps of one picture and the milliseconds of its run; see Estimator.look."""
        loop = asyncio.get_running_loop()
        mine = _Waiting(inputs, shape, loop.create_future(), loop.time())
        self._waiting.append(mine)
        self._next(alone)
        return await mine.future

    def close(self) -> None:
        """Nothing more is run."""
        self._pool.shutdown(cancel_futures=True)

    def _next(self, alone: bool = False) -> None:
        """Start runs while there is somebody waiting and a place free."""
        loop = asyncio.get_running_loop()
        while self._free:
            self._waiting = deque(
                w for w in self._waiting if not w.future.done()
            )  # their clients left, or ran out of time
            if not self._waiting:
                return
            batch = self._batch()
            late = self._waiting[0].since + self.max_wait - loop.time()
            if len(batch) < self.max_batch and late > 0 and not alone:
                loop.call_later(late, self._next)
                return
            for picture in batch:
                self._waiting.remove(picture)
            self._start(batch, alone)

    def _batch(self) -> list[_Waiting]:
        """The oldest picture, and those that can go with it."""
        shapes = self._waiting[0].shapes
        return [picture for picture in self._waiting if picture.shapes == shapes][: self.max_batch]

    def _start(self, batch: list[_Waiting], alone: bool) -> None:
        engine = self.estimator.engine if alone else self.estimator.wide_engine
        self._free -= 1
        self._note(len(batch))
        run = asyncio.get_running_loop().run_in_executor(self._pool, self._run, batch, engine)
        run.add_done_callback(lambda done: self._end(batch, done))

    def _end(self, batch: list[_Waiting], run: asyncio.Future[list[Seen]]) -> None:
        self._free += 1
        error = None if run.cancelled() else run.exception()
        for i, picture in enumerate(batch):
            if picture.future.done():
                continue
            if run.cancelled():
                picture.future.cancel()
            elif error is not None:
                picture.future.set_exception(error)
            else:
                picture.future.set_result(run.result()[i])
        self._next()

    def _run(self, batch: list[_Waiting], engine: Engine) -> list[Seen]:
        """In a thread of the pool: all views through the network, and each picture's maps."""
        start = time.perf_counter()
        outputs = [_run_view([picture.inputs[v] for picture in batch], engine) for v in range(len(batch[0].inputs))]
        milliseconds = 1000 * (time.perf_counter() - start)
        return [
            (
                self.estimator.look(picture.inputs, picture.shape, _Known([_one(view, i) for view in outputs])),
                milliseconds,
            )
            for i, picture in enumerate(batch)
        ]


def _run_view(inputs: list[Prepared], engine: Engine) -> dict[str, Floats]:
    return engine.run(inputs[0].batch if len(inputs) == 1 else np.concatenate([view.batch for view in inputs]))


def _one(outputs: Mapping[str, Floats], i: int) -> dict[str, Floats]:
    return {name: maps[i : i + 1] for name, maps in outputs.items()}
