"""CLEAR MOT against cases counted by hand and check values of poseval; pairing against all ways tried. (All of poseval: see evaluate.)"""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest

from limbwise.metric.mot import MotCounts, MotTally, assign


def tally(frames: list[tuple[list[int], list[int], Any]]) -> MotCounts:
    counted = MotTally()
    for frame in frames:
        counted.add(*frame)
    return counted.counts


def distances(truth: list[int], found: list[int], pairs: dict[tuple[int, int], float]) -> Any:
    return [[pairs.get((t, f), np.nan) for f in found] for t in truth]


def frame(truth: list[int], found: list[int], pairs: dict[tuple[int, int], float]) -> tuple[list[int], list[int], Any]:
    return truth, found, distances(truth, found, pairs)


def test_swapped_and_back() -> None:
    """systems.md F, check value: 2 people, 3 counted frames, ids swapped in the second and back in the third."""
    straight, crossed = {(1, 7): 1 / 6, (2, 8): 1 / 6}, {(1, 8): 1 / 6, (2, 7): 1 / 6}
    counts = tally([frame([1, 2], [7, 8], pairs) for pairs in (straight, crossed, straight)])
    assert (counts.objects, counts.matches, counts.switches, counts.misses, counts.false_positives) == (6, 6, 4, 0, 0)
    assert 100 * counts.mota == pytest.approx(100 / 3)
    assert 100 * (1 - counts.event_distance / counts.matches) == pytest.approx(55.5555556)
    assert counts.motp == pytest.approx(1 / 6)


def test_a_new_id_for_one_frame() -> None:
    """systems.md F, check value: MOTA 66.7 and poseval's MOTP 63.9."""
    pairs = {(1, 7): 1 / 6, (2, 8): 1 / 6, (2, 9): 1 / 6}
    counts = tally([frame([1, 2], found, pairs) for found in ([7, 8], [7, 9], [7, 8])])
    assert 100 * counts.mota == pytest.approx(66.6666667)
    assert 100 * (1 - counts.event_distance / counts.matches) == pytest.approx(63.8888889)


def test_a_pair_is_kept_though_another_is_nearer() -> None:
    counts = tally([frame([1], [7], {(1, 7): 0.1}), frame([1], [7, 8], {(1, 7): 0.4, (1, 8): 0.0})])
    assert (counts.switches, counts.false_positives, counts.distance) == (0, 1, 0.5)


def test_a_switch_is_one_however_late() -> None:
    nothing = [frame([], [], {})] * 50
    counts = tally([frame([1], [7], {(1, 7): 0.1}), *nothing, frame([1], [8], {(1, 8): 0.1})])
    assert counts.switches == 1


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([], MotCounts()),
        ([frame([], [], {})], MotCounts()),
        ([frame([1, 2], [], {})], MotCounts(objects=2, misses=2)),
        ([frame([], [4, 5], {})], MotCounts(false_positives=2)),
        ([frame([0], [0], {})], MotCounts(objects=1, misses=1, false_positives=1)),
    ],
)
def test_nobody(frames: Any, expected: MotCounts) -> None:
    assert tally(frames) == expected


def test_ratios_of_nothing_are_not_numbers() -> None:
    nothing = MotCounts()
    assert all(np.isnan(value) for value in (nothing.mota, nothing.motp, nothing.precision, nothing.recall))


@pytest.mark.parametrize("seed", range(20))
def test_assign_pairs_as_many_as_possible_at_the_least_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0, 1, rng.integers(1, 5, 2))
    near = {(i, j): d for (i, j), d in np.ndenumerate(costs) if rng.uniform() < 0.5}
    pairs = assign(near)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    rows, columns = costs.shape
    ways = [list(zip(some, order, strict=True)) for n in range(min(rows, columns) + 1)
            for some in combinations(range(rows), n) for order in permutations(range(columns), n)]  # fmt: skip
    best = min((way for way in ways if near.keys() >= set(way)), key=lambda way: (-len(way), sum(near[p] for p in way)))
    assert len(pairs) == len(best)
    assert sum(near[pair] for pair in pairs) == pytest.approx(sum(near[pair] for pair in best))


def test_counts_add_up() -> None:
    one = MotCounts(3, 2, 1, 1, 4, 0.5, 1.5)
    assert one + one == MotCounts(6, 4, 2, 2, 8, 1.0, 3.0)
