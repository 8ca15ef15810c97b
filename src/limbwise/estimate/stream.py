"""Steps of work side by side: each in a thread of its own, a short queue between two, order kept, memory bounded."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

DEPTH = 2  # items waiting before each step: enough to hide jitter, little enough for a live picture


@dataclass(frozen=True)
class Abreast:
    """A step that takes `width` items at a time, each in a thread of its own; they still come out in order."""

    step: Callable[[Any], Any]
    width: int


Step = Callable[[Any], Any]


def overlap(items: Iterable[Any], *steps: Step | Abreast, depth: int = DEPTH) -> Generator[Any, None, None]:
    """`steps` applied to each item in turn; reading the items and every step run in threads of their own.

    The heavy steps (video decoding, network, compiled grouping) release Python's lock, so they really run side by side. An
    exception in a step or in the iterable comes out here; leaving early stops the threads, and the iterable is closed in its own.
    """
    stop = threading.Event()
    with ExitStack() as pools:
        works = [work for step in steps for work in _works(step, depth, pools)]
        queues: list[queue.Queue[Any]] = [queue.Queue(room) for room in (depth, *(room for _, room in works))]
        threads = [threading.Thread(target=_read, args=(items, queues[0], stop), daemon=True)]
        for (step, _), source, target in zip(works, queues, queues[1:], strict=False):
            threads.append(threading.Thread(target=_work, args=(step, source, target, stop), daemon=True))
        for thread in threads:
            thread.start()
        try:
            while (message := _get(queues[-1], stop)) is not None:
                value, error = message
                if error is not None:
                    raise error
                yield value
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _works(step: Step | Abreast, depth: int, pools: ExitStack) -> list[tuple[Step, int]]:
    """What the threads of a step do, each with the room for what it has done: one thread, or one that hands items to a pool and
    one that takes results in order."""
    if not isinstance(step, Abreast):
        return [(step, depth)]
    if step.width == 1:
        return [(step.step, depth)]
    pool = pools.enter_context(ThreadPoolExecutor(step.width))
    return [(lambda item: pool.submit(step.step, item), step.width - 1), (_result, depth)]


def _result(future: Future[Any]) -> Any:
    return future.result()


def _read(items: Iterable[Any], target: queue.Queue[Any], stop: threading.Event) -> None:
    """Items one after the other into the first queue; a generator is closed by the thread that ran it."""
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(target, (item, None), stop):
                return
        _put(target, None, stop)
    except BaseException as error:
        _put(target, (None, error), stop)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _work(
    step: Callable[[Any], Any], source: queue.Queue[Any], target: queue.Queue[Any], stop: threading.Event
) -> None:
    """One step: takes from its queue until the end or an error, which it hands on."""
    while (message := _get(source, stop)) is not None:
        value, error = message
        if error is None:
            try:
                value = step(value)
            except BaseException as caught:
                error = caught
        if not _put(target, (value, error), stop) or error is not None:
            return
    _put(target, None, stop)


def _put(target: queue.Queue[Any], message: Any, stop: threading.Event) -> bool:
    """False where everything stops before there is room."""
    while not stop.is_set():
        try:
            target.put(message, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False


def _get(source: queue.Queue[Any], stop: threading.Event) -> Any:
    """The next message, None at the end and when everything stops."""
    while not stop.is_set():
        try:
            return source.get(timeout=0.1)
        except queue.Empty:
            continue
    return None
