"""Steps side by side: order, errors, early leaving, bounded waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from limbwise.estimate.stream import Abreast, overlap


def test_order_and_values() -> None:
    assert list(overlap(range(50), lambda x: x + 1, lambda x: x * 2)) == [(x + 1) * 2 for x in range(50)]
    assert list(overlap([], lambda x: x)) == []
    assert list(overlap([1, None, 2])) == [1, None, 2]


class Inside:
    """A slow step that counts how many threads are in it at most; it takes every second number `between` seconds, the others 0.02."""

    def __init__(self, between: float = 0.02) -> None:
        self.lock, self.now, self.most, self.between = threading.Lock(), 0, 0, between

    def __call__(self, x: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02 if x % 2 else self.between)
        with self.lock:
            self.now -= 1
        return x


def test_steps_run_side_by_side() -> None:
    inside = Inside()
    start = time.perf_counter()
    assert len(list(overlap(range(10), inside, inside, inside))) == 10
    assert time.perf_counter() - start < 0.45  # one after the other: 0.6 s
    assert inside.most == 3


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_comes_out_where_it_belongs(place: int) -> None:
    def fails(x: int) -> int:
        if x == 3:
            raise KeyError("three")
        return x

    steps = [lambda x: x, lambda x: x]
    steps[place] = fails
    seen = []
    with pytest.raises(KeyError, match="three"):
        for x in overlap(range(100), *steps):
            seen.append(x)
    assert seen == [0, 1, 2]


def test_an_error_of_the_source() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    stream = overlap(source(), lambda x: x)
    assert next(stream) == 1
    with pytest.raises(OSError, match="gone"):
        next(stream)


def test_leaving_early_stops_threads_and_closes_the_source() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.append(threading.current_thread().name)

    before = threading.active_count()
    stream = overlap(source(), lambda x: x)
    assert next(stream) == 0
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(closed) == 1


def test_only_a_few_items_wait() -> None:
    made = []

    def source() -> Iterator[int]:
        for i in range(1000):
            made.append(i)
            yield i

    stream = overlap(source(), lambda x: x, depth=2)
    next(stream)
    time.sleep(0.1)
    assert len(made) < 12
    stream.close()  # type: ignore[attr-defined]


def test_several_at_a_time_come_out_in_order() -> None:
    inside = Inside(between=0.001)
    start = time.perf_counter()
    assert list(overlap(range(40), Abreast(inside, 4), lambda x: x)) == list(range(40))
    assert time.perf_counter() - start < 0.35  # one after the other: 0.42 s
    assert inside.most == 4


def test_an_error_among_several() -> None:
    seen = []
    with pytest.raises(ZeroDivisionError):
        for x in overlap([4, 2, 1, 0, 1], Abreast(lambda x: 4 // x, 3)):
            seen.append(x)
    assert seen == [1, 2, 4]
