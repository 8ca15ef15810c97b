"""From the bytes of a picture to the answer about its people: who may come in, and which thread does what."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from limbwise.decode.deepercut import DeepercutOptions
from limbwise.engine.prepare import Prepared
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.grouping import DecoderOptions, group
from limbwise.estimate.maps import Maps
from limbwise.media.frame import Image
from limbwise.people import People
from limbwise.web.answers import Times
from limbwise.web.batching import Batcher
from limbwise.web.metrics import Metrics
from limbwise.web.options import ServeOptions
from limbwise.web.picture import open_picture
from limbwise.web.refusal import Refusal, busy

T = TypeVar("T")
Render = Callable[[Image, People, Times], T]


@dataclass(frozen=True)
class Ask:
    """What a client wants of a model: the least height of a keypoint's peak, and the most people; None: as the server has it."""

    model: str
    threshold: float | None = None
    max_people: int | None = None

    def decoder(self, estimator: Estimator) -> tuple[DecoderOptions, float]:
        """The options of the decoder, and the threshold of models that see one person."""
        options, threshold = estimator.decode_options, estimator.threshold
        if self.max_people is not None:
            most = self.max_people if options.max_people is None else min(self.max_people, options.max_people)
            options = replace(options, max_people=most)
        if self.threshold is None:
            return options, threshold
        if isinstance(options, DeepercutOptions):
            return replace(options, part_probability=min(max(self.threshold, 0.001), 0.999)), self.threshold
        return replace(options, threshold=self.threshold), self.threshold


@dataclass
class _Step:
    """Stages of one picture, each timed in milliseconds."""

    times: Times = field(default_factory=dict)

    def timed(self, stage: str, step: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = step()
        self.times[stage] = 1000 * (time.perf_counter() - start)
        return result


class Pipeline:
    """Every picture of every client. Reading, preparing and grouping run in threads, the network in a Batcher a model.

    `waiting`: pictures that wait or are worked on, at most `max_waiting`; only a few of them are unpacked at a time, so that memory
    does not grow with the number of clients.
    """

    def __init__(self, estimators: Mapping[str, Estimator], options: ServeOptions, metrics: Metrics) -> None:
        self.options, self.metrics = options, metrics
        cores = os.cpu_count() or 1
        self.batchers = {
            name: Batcher(estimator, options.max_batch, options.max_wait_ms / 1000, metrics.batch)
            for name, estimator in estimators.items()
        }
        widest = max(estimator.wide_engine.width for estimator in estimators.values())
        self._room = asyncio.Semaphore(widest * options.max_batch + cores)
        self._threads = ThreadPoolExecutor(cores, "stages")
        self.waiting = self._inside = 0

    async def find(
        self, data: bytes, ask: Ask, render: Render[T], gone: Callable[[], Awaitable[bool]] | None = None
    ) -> T:
        """What `render` makes, in a thread, of the picture, its people and the milliseconds of read, prepare, network and group.

        `gone`: whether the client has left meanwhile. Raises Refusal (503: too many wait, or it takes too long; 413), InputError.
        """
        if self.waiting >= self.options.max_waiting:
            raise busy(f"{self.waiting} images are waiting; come back in a moment")
        self.waiting += 1
        try:
            async with asyncio.timeout(self.options.seconds):
                return await self._in_turn(data, ask, render, gone)
        except TimeoutError:
            raise busy(f"the image: took more than {self.options.seconds:g} s; come back in a moment") from None
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Nothing more is worked on."""
        for batcher in self.batchers.values():
            batcher.close()
        self._threads.shutdown(cancel_futures=True)

    async def _in_turn(self, data: bytes, ask: Ask, render: Render[T], gone: Callable[[], Awaitable[bool]] | None) -> T:
        came = time.perf_counter()
        async with self._room:
            if gone is not None and await gone():
                raise Refusal(499, "the client has left")
            step = _Step({"wait": 1000 * (time.perf_counter() - came)})
            self._inside += 1
            try:
                return await self._stages(data, ask, render, step)
            finally:
                self._inside -= 1

    async def _stages(self, data: bytes, ask: Ask, render: Render[T], step: _Step) -> T:
        batcher = self.batchers[ask.model]
        image, inputs = await self._thread(_begin, data, batcher.estimator, self.options.max_pixels, step)
        maps, step.times["network"] = await batcher.look(inputs, image.shape, self._inside == 1)
        found: tuple[T, int] = await self._thread(_end, image, maps, batcher.estimator, ask, render, step)
        result, count = found
        self.metrics.stages(step.times)
        self.metrics.people(count)
        return result

    async def _thread(self, function: Callable[..., T], *arguments: Any) -> T:
        result: T = await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        return result


def _begin(data: bytes, estimator: Estimator, max_pixels: int, step: _Step) -> tuple[Image, list[Prepared]]:
    """Bytes to pixels to inputs of the network."""
    image = step.timed("read", lambda: open_picture(data, max_pixels))
    return image, step.timed("prepare", lambda: estimator.prepare(image))


def _end(image: Image, maps: Maps, estimator: Estimator, ask: Ask, render: Render[T], step: _Step) -> tuple[T, int]:
    """Maps to people to the answer, and their number."""
    options, threshold = ask.decoder(estimator)
    people = step.timed("group", lambda: estimator.complete(image, group(maps, options, threshold, estimator.terms)))
    shown = {stage: step.times[stage] for stage in ("read", "prepare", "network", "group")}
    return render(image, people, shown), len(people)
