"""The ledger of a cluster: order, bounds, and what happens to the work of lost workers, without any machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from limbwise.errors import UsageError
from limbwise.estimate.ledger import LOSSES, Entry, Ledger
from limbwise.estimate.machines import share
from limbwise.estimate.shards import Found, Shard
from limbwise.media.pieces import Piece
from limbwise.media.sources import Source

SIZE = (0.0, 10, 10)


def image(name: str) -> Source:
    return Source("image", f"{name}.png", name)


def images(*names: str) -> Shard:
    return Shard(tuple(image(name) for name in names))


def video(name: str, lengths: list[int]) -> list[Shard]:
    firsts = np.cumsum([0, *lengths]).tolist()
    source = Source("video", f"{name}.mp4", name)
    return [
        Shard((source,), Piece(first, tuple(range(first, first + length)), first == firsts[-2]))
        for first, length in zip(firsts, lengths, strict=False)
    ]


def steps(shard: Shard, whole: int = 0) -> list[Found]:
    """All that a worker finds in a shard; `whole`: frames of the video, where its rest is read in one."""
    found = []
    for source in shard.sources:
        numbers = [0] if shard.piece is None else range(shard.piece.first, shard.piece.stop or whole)
        found += [Found(source, (number, *SIZE)) for number in numbers]
        if shard.piece is None or shard.piece.last:
            found.append(Found(source))
    return found


def told(found: Found) -> tuple[str, int | str | None]:
    return found.source.name, found.error or (None if found.frame is None else found.frame[0])


def drain(ledger: Ledger) -> Iterator[tuple[str, int | str | None]]:
    while (found := ledger.take()) is not None:
        yield told(found)


def work(
    ledger: Ledger, seed: int, loss: float = 0.0, poison: str = "", unsplit: tuple[str, int] | None = None
) -> list[tuple[str, int | str | None]]:
    """Three workers that answer in any order, a few steps at a time, and are lost now and then; what is taken meanwhile."""
    rng = np.random.default_rng(seed)
    taken: list[tuple[str, int | str | None]] = []
    crew: dict[int, Entry | None] = dict.fromkeys(range(3))
    fresh = 3
    for _ in range(100_000):
        taken += drain(ledger)
        if ledger.finished:
            return taken
        for worker, busy in crew.items():
            if busy is None:
                crew[worker] = ledger.give(worker)
        worker = rng.choice([w for w, busy in crew.items() if busy is not None])
        entry = crew[worker]
        assert entry is not None
        names = [source.name for source in entry.shard.sources[entry.ends :]]
        if rng.random() < loss or poison in names:
            ledger.lost(entry)
            del crew[worker]
            crew[fresh], fresh = None, fresh + 1
            continue
        todo = steps(entry.shard, 200)[entry.got :]
        some = todo[: rng.integers(1, 8)]
        piece = entry.shard.piece
        breaks = (
            unsplit is not None
            and piece is not None
            and piece.stamps
            and piece.first == unsplit[1]
            and names == [unsplit[0]]
        )
        ledger.arrived(entry, some, len(some) == len(todo) and not breaks)
        if breaks:
            ledger.unsplit(entry)
        crew[worker] = None
    raise AssertionError("never done")


SHARDS = [images("a", "b", "c"), *video("v", [40, 33, 60]), images("d"), *video("w", [5]), images("e", "f")]
ALL = [told(found) for shard in SHARDS for found in steps(shard)]


@pytest.mark.parametrize("seed", range(5))
def test_everything_once_and_in_order(seed: int) -> None:
    assert work(Ledger(iter(SHARDS), 4, 20), seed) == ALL


@pytest.mark.parametrize("seed", range(5))
def test_lost_workers_change_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limbwise.estimate.ledger.LOSSES", 10**6)
    assert work(Ledger(iter(SHARDS), 4, 20), seed, loss=0.4) == ALL


@pytest.mark.parametrize("name", ["b", "v"])
def test_what_kills_workers_becomes_an_error_and_takes_nothing_with_it(name: str) -> None:
    found = work(Ledger(iter(SHARDS), 4, 20), 0, poison=name)
    assert [step for step in found if step[0] != name] == [step for step in ALL if step[0] != name]
    (own,) = [step for step in found if step[0] == name]
    assert str(own[1]).startswith(f"{name}.{'mp4' if name == 'v' else 'png'}: {LOSSES} workers were lost over it")


@pytest.mark.parametrize("first", [0, 40, 73])
@pytest.mark.parametrize("seed", range(3))
def test_a_piece_that_says_no_is_read_in_one_with_what_follows(first: int, seed: int) -> None:
    ledger = Ledger(iter(SHARDS), 6, 300)
    found = work(ledger, seed, unsplit=("v", first))
    others = [step for step in found if step[0] != "v"]
    assert others == [step for step in ALL if step[0] != "v"]
    assert [step[1] for step in found if step[0] == "v"] == [*range(200), None]


def test_memory_is_bounded() -> None:
    """Nobody may run ahead of what is taken by more than the window and the room of a shard."""
    asked = []

    def coming() -> Iterator[Shard]:
        for i, shard in enumerate(video("v", [100] * 50)):
            asked.append(i)
            yield shard

    ledger = Ledger(coming(), window=4, room=20)
    while (entry := ledger.give("one")) is not None:
        ledger.arrived(entry, steps(entry.shard)[entry.got : entry.got + 10], False)
    assert len(asked) == 4
    assert sum(1 for _ in drain(ledger)) == 20  # of the head; then it waits for more
    entry = ledger.give("one")
    assert entry is not None
    assert entry.got == 20


@pytest.mark.parametrize(
    ("cores", "workers", "expected"),
    [([2], 2, (2, 1)), ([2], 0, (2, 1)), ([1], 0, (1, 1)), ([8], 0, (4, 2)), ([8], 3, (3, 2)), ([4, 2], 2, (2, 2)),
     ([16, 4], 0, (10, 2)), ([3, 3], 2, (2, 3))],
)  # fmt: skip
def test_cores_are_shared_out(cores: list[int], workers: int, expected: tuple[int, int]) -> None:
    assert share([{"CPU": float(count)} for count in cores], workers, 0) == expected


def test_more_workers_than_cores_are_refused() -> None:
    with pytest.raises(UsageError, match="--workers 9: the cluster has 6 cores on 2 machines"):
        share([{"CPU": 4.0}, {"CPU": 2.0}], 9, 0)
    assert share([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}], 0, 1) == (2, 4)
    with pytest.raises(UsageError, match="0 GPUs"):
        share([{"CPU": 8.0}], 0, 1)
