"""decode/limbs: line integrals against sums worked out by hand, and matchings against every possible one."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.limbs import match_exactly, score_limbs

LIMB = np.array([(0, 1)], np.int64)


def score(pafs: npt.NDArray[np.float32], a: Any, b: Any, **changes: Any) -> float | None:
    """The score of one limb from a to b, None where it is refused; everything passes unless changed."""
    settings = {"samples": 11, "least": 0.0, "validity": 0.0, "near": 0.0, "passing": False, "longest": 1e3, "penalty": 1.0,
                "floor": -9.0, **changes}  # fmt: skip
    peaks, start = np.array([(*a, 1), (*b, 1)], np.float32), np.array([0, 1, 2])
    links, scores = score_limbs(pafs, peaks, start, LIMB, *settings.values())
    assert links.tolist() == [[0, 0, 1]] * len(scores)
    return float(scores[0]) if len(scores) else None


def field(x: float, y: float, size: tuple[int, int] = (10, 21)) -> npt.NDArray[np.float32]:
    return np.broadcast_to(np.array([x, y], np.float32)[:, None, None], (2, *size)).copy()


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((2, 5), (12, 5), 0.6),
        ((12, 5), (2, 5), -0.6),
        ((5, 1), (5, 8), 0.8),
        ((2, 1), (8, 9), 1.0),
        ((2, 1), (9, 1.5), 0.655),
    ],
)
def test_a_field_that_is_everywhere_the_same(a: Any, b: Any, expected: float) -> None:
    assert score(field(0.6, 0.8), a, b) == pytest.approx(expected, abs=2e-3)


def test_between_cells_it_is_bilinear() -> None:
    ramp = field(0, 0)
    ramp[0] = np.arange(21)[None] / 20
    assert score(ramp, (3.25, 4.6), (7.25, 4.6)) == pytest.approx(5.25 / 20, abs=1e-6)


def test_half_a_field() -> None:
    """Six of eleven samples lie in it: share, threshold, and the mean over all or the passing ones."""
    half = field(0, 0)
    half[0, :, :11] = 0.9
    ends = (5, 5), (15, 5)
    assert score(half, *ends) == pytest.approx(0.9 * 6 / 11)
    assert score(half, *ends, passing=True) == pytest.approx(0.9)
    assert score(half, *ends, validity=6 / 11) is not None
    assert score(half, *ends, validity=7 / 11) is None
    assert score(half, *ends, least=0.95, validity=0.1) is None
    assert score(half, *ends, floor=0.4) is not None
    assert score(half, *ends, floor=0.5) is None


def test_length_penalty() -> None:
    """As published: min(reference / length - 1, 0) is added."""
    flat = field(1, 0)
    for length in (4, 8, 10, 16):
        expected = 1 + min(8 / length - 1, 0)
        assert score(flat, (1, 5), (1 + length, 5), longest=8.0) == pytest.approx(expected)
        assert score(flat, (1, 5), (1 + length, 5), longest=8.0, penalty=0.5) == pytest.approx(1 + (expected - 1) / 2)


def test_short_limbs_care_less_for_direction() -> None:
    across = field(0, 1)
    assert score(across, (5, 5), (5, 5)) == 0
    assert score(across, (5, 5), (5, 5), near=1.0) == pytest.approx(1)
    assert score(across, (5, 5), (5.5, 5), near=1.0) == pytest.approx(0.5)
    assert score(across, (5, 5), (6, 5), near=1.0) == pytest.approx(0)


@pytest.mark.parametrize("near", [0.0, 4.0])
@pytest.mark.parametrize("passing", [False, True])
def test_a_floor_leaves_out_what_is_below_it_and_nothing_else(near: float, passing: bool) -> None:
    """A field too weak for the length of a line is told before its samples are taken: the same links as if all were."""
    rng = np.random.default_rng(5)
    pafs = rng.normal(0.2, 0.02, (2, 20, 30)).astype(np.float32)
    peaks = rng.uniform(0, (30, 20, 1), (60, 3)).astype(np.float32)
    rest = (peaks, np.array([0, 30, 60]), LIMB, 10, 0.0, 0.0, near, passing, 8.0, 2.0)
    links, scores = score_limbs(pafs, *rest, -np.inf)
    assert len(links) == 900
    for floor in (-0.5, 0.0, 0.1):
        kept = scores > floor
        assert 0 < kept.sum() < 900
        found, their_scores = score_limbs(pafs, *rest, floor)
        np.testing.assert_array_equal(found, links[kept])
        np.testing.assert_array_equal(their_scores, scores[kept])


def test_damage_and_ends_beyond_the_edge() -> None:
    broken = field(1, 0)
    broken[:, 4:6, 8:10] = np.nan
    assert 0.5 < (score(broken, (-0.4, 5.4), (20.4, 5.4)) or 0) < 1


def tables() -> list[npt.NDArray[np.float64]]:
    rng = np.random.default_rng(4)
    return [
        np.array([[0.9, 0.8], [0.85, 0.1]]),
        *(rng.random((n, m)) for n, m in ((1, 4), (4, 1), (3, 3), (4, 5), (5, 4))),
    ]


def links_of(table: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    pairs = [(7, 10 + i, 30 + j) for i in range(table.shape[0]) for j in range(table.shape[1])]
    return np.array(pairs, np.int64), table.ravel().astype(np.float32)


@pytest.mark.parametrize("table", tables())
def test_exact_matching(table: npt.NDArray[np.float64]) -> None:
    """The sum is that of the best of all matchings, and it is one to one."""
    links, scores = links_of(table)
    keep = match_exactly(links, scores)
    wide = table if table.shape[0] <= table.shape[1] else table.T
    best = max(
        sum(wide[i, j] for i, j in enumerate(chosen)) for chosen in permutations(range(wide.shape[1]), len(wide))
    )
    assert scores[keep].sum() == pytest.approx(best, rel=1e-5)
    for end in (1, 2):
        assert len(set(links[keep, end])) == keep.sum() == len(wide)


def test_exact_matching_keeps_limbs_apart() -> None:
    links, scores = links_of(np.array([[0.9, 0.8], [0.85, 0.1]]))
    other = links.copy()
    other[:, 0] = 3
    keep = match_exactly(np.concatenate([links, other]), np.concatenate([scores, scores]))
    assert keep.tolist() == [False, True, True, False] * 2


def test_exact_matching_of_nothing() -> None:
    assert len(match_exactly(np.zeros((0, 3), np.int64), np.zeros(0, np.float32))) == 0
