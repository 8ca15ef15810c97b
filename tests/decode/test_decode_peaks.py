"""decode/peaks: where they are, how exactly, and what each option does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel, noise_level

Floats = npt.NDArray[np.float32]


def peaks_of(maps: Floats, sigma: float = 0, **changes: Any) -> list[Floats]:
    """Peaks per map, with plain settings unless changed."""
    settings = {"threshold": 0.1, "noise_gain": 0.0, "kernel": gaussian_kernel(sigma), "raw_score": True, "eight": True,
                "ties": TIES["first"], "method": SUBPIXEL["gaussian"], "apart": 0.0, "limit": 100, **changes}  # fmt: skip
    peaks, start = find_peaks(np.ascontiguousarray(maps, np.float32), len(maps), *settings.values())
    return np.split(peaks, start[1:-1])


def gaussian(size: tuple[int, int], x: float, y: float, sigma: float = 0.875, height: float = 1) -> Floats:
    yy, xx = np.mgrid[: size[0], : size[1]]
    return (height * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * sigma**2))).astype(np.float32)


@pytest.mark.parametrize(("method", "error"), [("none", 0.5), ("parabola", 0.12), ("gaussian", 1e-3)])
@pytest.mark.parametrize("sigma", [0.875, 1.5, 2.5])
def test_position(method: str, error: float, sigma: float) -> None:
    rng = np.random.default_rng(3)
    for x, y in rng.uniform(5, 14, (50, 2)):
        (found,) = peaks_of(gaussian((20, 20), x, y, sigma)[None], method=SUBPIXEL[method])
        assert len(found) == 1
        assert np.abs(found[0, :2] - (x, y)).max() <= error


def test_noise_moves_a_gaussian_fit_little() -> None:
    rng, errors = np.random.default_rng(5), []
    for x, y in rng.uniform(5, 14, (200, 2)):
        maps = gaussian((20, 20), x, y) + rng.normal(0, 0.05, (20, 20))
        errors.append(peaks_of(maps[None], threshold=0.4)[0][0, :2] - (x, y))
    assert np.std(errors) < 0.06


def test_at_the_edge() -> None:
    """A peak in the outermost cells is found, and lies in its cell."""
    for x, y in ((0, 5), (19, 5), (5, 0), (5, 19), (0, 0), (19, 19)):
        (found,) = peaks_of(gaussian((20, 20), x, y)[None])
        np.testing.assert_allclose(found[:, :2], [(x, y)], atol=1e-3)


@pytest.mark.parametrize(("ties", "count"), [("first", 1), ("strict", 0), ("loose", 2)])
def test_two_equal_cells(ties: str, count: int) -> None:
    maps = np.zeros((1, 8, 8), np.float32)
    maps[0, 4, 3:5] = 1
    (found,) = peaks_of(maps, ties=TIES[ties], method=SUBPIXEL["none"])
    assert len(found) == count


def test_first_takes_one_of_every_plateau() -> None:
    maps = np.zeros((1, 12, 12), np.float32)
    maps[0, 1:4, 1:4], maps[0, 7, 2:10], maps[0, 10:, 10:] = 1, 0.5, 0.7
    assert len(peaks_of(maps)[0]) == 3


def test_diagonal_neighbours_count_among_eight() -> None:
    maps = np.zeros((1, 8, 8), np.float32)
    maps[0, 3, 3], maps[0, 4, 4] = 1, 0.9
    assert [len(peaks_of(maps, eight=eight)[0]) for eight in (False, True)] == [2, 1]


def test_smoothing_is_scipys_and_scores_are_of_either_map() -> None:
    rng = np.random.default_rng(1)
    maps = rng.random((1, 30, 40)).astype(np.float32)
    smooth = ndimage.gaussian_filter(maps[0], 1.2, mode="constant")
    (found,) = peaks_of(maps, 1.2, raw_score=False, method=SUBPIXEL["none"])
    (raw,) = peaks_of(maps, 1.2, raw_score=True, method=SUBPIXEL["none"])
    assert 5 < len(found) < 100
    for x, y, score in found:
        x, y = int(x), int(y)
        around = smooth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        assert smooth[y, x] == around.max()
        np.testing.assert_allclose(score, smooth[y, x], rtol=1e-3)
    expected = {(x, y, maps[0, int(y), int(x)]) for x, y, _ in found}
    assert {(x, y, s) for x, y, s in raw} == expected


def test_threshold_noise_apart_and_limit() -> None:
    heights, maps = (1.0, 0.6, 0.3, 0.15), np.zeros((1, 20, 60), np.float32)
    for i, height in enumerate(heights):
        maps[0] = np.maximum(maps[0], gaussian((20, 60), 8 + 13 * i, 10, height=height))
    assert [len(peaks_of(maps, threshold=t)[0]) for t in (0.1, 0.2, 0.5, 0.8)] == [4, 3, 2, 1]
    np.testing.assert_allclose(peaks_of(maps, limit=2)[0][:, 2], heights[:2], atol=1e-5)
    np.testing.assert_allclose(peaks_of(maps, apart=14.0)[0][:, 2], (1.0, 0.3), atol=1e-5)
    noisy = maps + np.random.default_rng(0).normal(0, 0.1, maps.shape)
    assert len(peaks_of(noisy)[0]) > 50
    assert 2 <= len(peaks_of(noisy, noise_gain=4.0)[0]) <= 4
    assert len(peaks_of(maps, noise_gain=4.0)[0]) == 4


@pytest.mark.parametrize("deviation", [0, 0.02, 0.05, 0.1])
def test_noise_level(deviation: float) -> None:
    """Right to a tenth on noise; and a map of 60 x 80 with two people in it is not taken for noise."""
    noise = np.random.default_rng(2).normal(0, deviation, (60, 80)).astype(np.float32)
    assert noise_level(noise) == pytest.approx(deviation, rel=0.1)
    maps = noise + np.maximum(gaussian((60, 80), 20.3, 30.2), gaussian((60, 80), 50.1, 20.8))
    assert noise_level(maps) == pytest.approx(deviation, abs=0.003, rel=0.15)


def test_damage_is_nothing() -> None:
    maps = gaussian((20, 20), 10, 10)[None].copy()
    maps[0, 2:5, 2:5], maps[0, 15, 15], maps[0, 15, 3], maps[0, 3, 15] = np.nan, np.inf, -np.inf, 3e38
    assert len(peaks_of(maps)[0]) == 1


def test_kernel() -> None:
    np.testing.assert_array_equal(gaussian_kernel(0), [1])
    kernel = gaussian_kernel(1.5)
    assert len(kernel) == 13
    np.testing.assert_allclose(kernel.sum(), 1, rtol=1e-6)
