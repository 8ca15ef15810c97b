"""Batches made by worker processes, the same ones whatever the number of workers or of training processes.

Every sample has a number, counted over the whole run; a `Maker` makes it from that number and the seed alone. So a resumed run
goes on to the bit, and two processes that share a batch see the two halves of what one would see.
"""

from __future__ import annotations

import pickle
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from limbwise.errors import InputError

Floats = npt.NDArray[np.float32]
OnBad = Literal["stop", "skip"]
TRIES = 20  # damaged samples in a row after which even "skip" gives up


@dataclass(frozen=True, eq=False)
class Example:
    """One training sample: `image` (S, S, 3) uint8 in the network's colour order, with the channels of a pose behind for a refiner,
    `targets` and `masks` by head, each (C, h, w) float32, `name` for messages."""

    image: npt.NDArray[np.uint8]
    targets: Mapping[str, Floats]
    masks: Mapping[str, Floats]
    name: str


# (sample number, try, size of the square input) -> Example; raises InputError for a damaged sample.
Maker = Callable[[int, int, int], Example]


@dataclass
class Batch:
    """Examples as tensors: `images` (N, S, S, 3) uint8, `targets` and `masks` by head (N, C, h, w) float32; `skipped`: messages of
    damaged samples that others stand in for; `total`: samples in this batch over all processes."""

    images: Tensor
    targets: dict[str, Tensor]
    masks: dict[str, Tensor]
    names: list[str]
    skipped: list[str] = field(default_factory=list)
    total: int = 0

    def pinned(self) -> Batch:
        """The same batch in memory from which a GPU copies while it computes."""
        targets = {name: maps.pin_memory() for name, maps in self.targets.items()}
        masks = {name: maps.pin_memory() for name, maps in self.masks.items()}
        return Batch(self.images.pin_memory(), targets, masks, self.names, self.skipped, self.total)

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        targets = {name: maps.to(device, non_blocking=True) for name, maps in self.targets.items()}
        masks = {name: maps.to(device, non_blocking=True) for name, maps in self.masks.items()}
        return Batch(self.images.to(device, non_blocking=True), targets, masks, self.names, self.skipped, self.total)


@dataclass(frozen=True)
class Order:
    """What one process makes of one batch: samples `first` to `first + count`, of `size` pixels; `total` over all processes."""

    first: int
    count: int
    size: int
    total: int


def orders(plan: Iterator[tuple[int, int]], seen: int, rank: int = 0, world: int = 1) -> Iterator[Order]:
    """The orders of process `rank` of `world` for a `plan` of (size, batch) a step, after `seen` samples; batch a multiple of `world`."""
    for size, batch in plan:
        share = batch // world
        yield Order(seen + rank * share, share, size, batch)
        seen += batch


class _Made(Dataset[bytes]):
    """Batches by their orders, as the loader's workers see them: pickled to bytes, since tensors would travel as files in shared memory,
    which may be small and end a process when it is full."""

    def __init__(self, make: Maker, on_bad: OnBad) -> None:
        self.make, self.on_bad = make, on_bad

    def __getitem__(self, order: Any) -> bytes:
        return pickle.dumps(make_batch(self.make, order, self.on_bad), pickle.HIGHEST_PROTOCOL)


def make_batch(make: Maker, order: Order, on_bad: OnBad = "stop") -> Batch:
    """One batch; with "skip" the next try of a number stands in for a damaged sample. Raises InputError where that ends too."""
    skipped: list[str] = []
    examples = [_example(make, order.first + i, order.size, on_bad, skipped) for i in range(order.count)]
    first = examples[0]
    return Batch(
        torch.from_numpy(np.stack([example.image for example in examples])),
        {name: torch.from_numpy(np.stack([example.targets[name] for example in examples])) for name in first.targets},
        {name: torch.from_numpy(np.stack([example.masks[name] for example in examples])) for name in first.masks},
        [example.name for example in examples],
        skipped,
        order.total,
    )


def _example(make: Maker, number: int, size: int, on_bad: OnBad, skipped: list[str]) -> Example:
    for attempt in range(TRIES):
        try:
            return make(number, attempt, size)
        except InputError as error:
            if on_bad == "stop":
                raise
            skipped.append(str(error))
    raise InputError(f"{TRIES} damaged samples in a row, the last: {skipped[-1]}")


def batches(
    make: Maker, wanted: list[Order], workers: int, ahead: int = 4, on_bad: OnBad = "stop", pin: bool = False
) -> Iterator[Batch]:
    """The batches of `wanted`, in that order, made by `workers` processes (0: here) up to `ahead` batches each in advance."""
    if not workers:
        yield from (make_batch(make, order, on_bad) for order in wanted)
        return
    # With a generator of its own the loader leaves torch's alone, which a resumed run must find as it was.
    loader = DataLoader(_Made(make, on_bad), batch_size=None, sampler=wanted, num_workers=workers, prefetch_factor=ahead,
                        multiprocessing_context="spawn", worker_init_fn=_begin_worker, generator=torch.Generator())  # fmt: skip
    try:
        for made in loader:
            batch = pickle.loads(made)
            yield batch.pinned() if pin else batch
    except (
        InputError
    ) as error:  # the loader has put the worker's traceback into the message; its last line is for people
        raise InputError(str(error).strip().split("\n")[-1].partition("InputError: ")[2] or str(error)) from None


def _begin_worker(_: int) -> None:
    """A worker is one of several processes: its libraries take one thread each; and Ctrl-C is for the process that it works for."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def timed(source: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch with the seconds that were waited for it."""
    while True:
        start = time.perf_counter()
        try:
            batch = next(source)
        except StopIteration:
            return
        yield batch, time.perf_counter() - start
