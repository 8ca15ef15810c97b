from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from toy_training import ToyMaker

from limbwise.errors import InputError
from limbwise.train.batches import TRIES, Batch, Order, batches, make_batch, orders

PLAN = [(32, 4), (32, 4), (40, 2)]


def made(wanted: list[Order], workers: int = 0, **options: object) -> list[Batch]:
    return list(batches(ToyMaker(), wanted, workers, **options))


def test_orders_of_a_run() -> None:
    assert list(orders(iter(PLAN), 100)) == [Order(100, 4, 32, 4), Order(104, 4, 32, 4), Order(108, 2, 40, 2)]


def test_processes_share_each_batch() -> None:
    whole = made(list(orders(iter(PLAN), 7)))
    parts = [made(list(orders(iter(PLAN), 7, rank, 2))) for rank in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert torch.equal(batch.images, torch.cat([first.images, second.images]))
        assert batch.names == first.names + second.names
        assert batch.total == first.total == second.total


def test_the_number_of_workers_changes_nothing() -> None:
    wanted = list(orders(iter(PLAN * 3), 0))
    before = torch.get_rng_state()
    by_workers = made(wanted, 2, ahead=2)
    assert torch.equal(before, torch.get_rng_state())  # a resumed run starts its workers at another step
    for here, there in zip(made(wanted), by_workers, strict=True):
        assert here.names == there.names
        assert torch.equal(here.images, there.images)
        assert all(torch.equal(here.targets[name], there.targets[name]) for name in here.targets)


def test_a_damaged_sample_stops_or_is_replaced_and_counted() -> None:
    make, order = ToyMaker(damaged=(5, 6)), Order(4, 4, 32, 4)
    with pytest.raises(InputError, match=r"5\.jpg: cut short"):
        make_batch(make, order)
    batch = make_batch(make, order, "skip")
    assert batch.skipped == ["5.jpg: cut short", "6.jpg: cut short"]
    assert len(batch.images) == 4
    assert torch.equal(batch.images, make_batch(make, order, "skip").images)


def test_a_damaged_sample_in_a_worker_is_named_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^5\.jpg: cut short$"):
        list(batches(ToyMaker(damaged=(5,)), [Order(4, 4, 32, 4)], 1))


def test_nothing_but_damaged_samples_ends_even_with_skip() -> None:
    def broken(number: int, attempt: int, size: int) -> Iterator[None]:
        raise InputError(f"{number}.jpg: missing")

    with pytest.raises(InputError, match=f"{TRIES} damaged samples in a row, the last: 0.jpg: missing"):
        make_batch(broken, Order(0, 1, 32, 1), "skip")
