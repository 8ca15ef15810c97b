"""decode/rank: scores and who is kept, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limbwise.decode.rank import SCORES, rank_people

# Peaks 0 to 2 are one person's, 3 and 4 another's, 5 is alone.
PEAKS = np.array([(0, 0, 0.5), (10, 0, 0.5), (0, 10, 0.5), (0, 0, 0.9), (30, 40, 0.9), (5, 5, 0.2)], np.float32)
PARTS = np.array([(0, 1, 2), (3, 4, -1), (5, -1, -1)])
SUMS, MERGES = np.array([1.0, 0.4, 0], np.float32), np.array([0.25, 0, 0], np.float32)


def ranked(
    kind: str = "sum", merges: bool = False, size: float = 0.0, fewest: int = 1, least: float = 0.0
) -> dict[int, float]:
    """First peaks of the people that are kept, in order, and their scores."""
    parts, scores = rank_people(PARTS, SUMS, MERGES, PEAKS, SCORES[kind], merges, size, 100, fewest, least)
    return dict(zip(parts[:, 0].tolist(), scores.tolist(), strict=True))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sum", {0: 2.5, 3: 2.2, 5: 0.2}),
        ("mean", {3: 1.1, 0: 2.5 / 3, 5: 0.2}),
        ("by_parts", {0: 7.5, 3: 4.4, 5: 0.2}),
        ("peaks", {3: 1.8, 0: 1.5, 5: 0.2}),
    ],
)
def test_scores(kind: str, expected: dict[int, float]) -> None:
    found = ranked(kind)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected)


def test_who_is_kept() -> None:
    assert list(ranked(fewest=2)) == [0, 3]
    assert list(ranked(fewest=3)) == [0]
    assert list(ranked(least=1.0)) == [3]
    assert ranked(fewest=4) == {}
    assert ranked("mean", merges=True)[0] == pytest.approx(2.5 / 3.25)


def test_large_people_come_first_where_told() -> None:
    sizes = {0: math.sqrt(101), 3: math.sqrt(1201), 5: 1.0}
    expected = {first: score + 0.5 * math.log(sizes[first] / 100) for first, score in ranked().items()}
    found = ranked(size=0.5)
    assert list(found) == [3, 0, 5]
    assert found == pytest.approx(expected, abs=1e-6)
