"""A person's keypoints chosen together: no one of them could be better placed, nobody takes what another has, sides keep apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from limbwise.decode.fit import APART, SIDES, fit_people
from limbwise.skeleton import Skeleton

LIMBS = np.array([(0, 1), (1, 2), (0, 2)])
LEGS = Skeleton("legs", ("hip", "left_ankle", "right_ankle"), ((0, 1), (1, 2), (0, 2)), (0.1, 0.1, 0.1))


def peaks_of(*places: tuple[int, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Peaks and where each keypoint's begin, of keypoint, x, y, height in order."""
    table = np.array(places)
    return table[:, 1:].astype(np.float32), np.searchsorted(table[:, 0], np.arange(4))


def linked(*links: tuple[int, int, int, float]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(links).reshape(-1, 4)
    return table[:, :3].astype(np.int64), table[:, 3].astype(np.float32)


def total(row: np.ndarray, peaks: np.ndarray, links: np.ndarray, scores: np.ndarray) -> float:
    """What is climbed, written anew: heights, half of what joins them, and less where the ankles meet."""
    fits = {tuple(link): score for link, score in zip(links.tolist(), scores.tolist(), strict=True)}
    joined = sum(fits.get((e, int(row[a]), int(row[b])), 0.0) for e, (a, b) in enumerate(LIMBS))
    gap = peaks[row[1], :2] - peaks[row[2], :2]
    return float(peaks[row, 2].sum() + 0.5 * joined - SIDES * np.exp(-(gap @ gap) / (2 * APART**2)))


@pytest.mark.parametrize("seed", range(20))
def test_no_keypoint_could_be_better_placed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = np.sort(rng.integers(0, 3, 15))
    kinds[[0, 7, 14]] = 0, 1, 2
    kinds.sort()
    start = np.searchsorted(kinds, np.arange(4))
    peaks = np.column_stack([rng.uniform(0, 8, (15, 2)), rng.random(15)]).astype(np.float32)
    for first, last in pairwise(start):
        peaks[first:last] = peaks[first:last][np.argsort(-peaks[first:last, 2])]
    pairs = [
        (e, a, b)
        for e, (s, t) in enumerate(LIMBS)
        for a in range(start[s], start[s + 1])
        for b in range(start[t], start[t + 1])
    ]
    links, scores = linked(*((*pair, rng.random()) for pair in pairs))
    before = np.array([[rng.integers(start[k], start[k + 1]) for k in range(3)]])
    (row,) = fit_people(before, peaks, start, links, scores, LIMBS, LEGS, 0.5)
    reached = total(row, peaks, links, scores)
    assert reached >= total(before[0], peaks, links, scores)
    for k in range(3):
        six = range(start[k], min(start[k + 1], start[k] + 6))
        assert all(
            total(np.where(np.arange(3) == k, peak, row), peaks, links, scores) <= reached + 1e-6 for peak in six
        )


def test_both_sides_are_not_at_one_place_where_there_are_two() -> None:
    peaks, start = peaks_of((0, 0, 0, 1), (1, -20, 50, 0.5), (1, 20, 50, 0.45), (2, -20, 50, 0.4), (2, 20, 50, 0.38))
    both = linked(*((0, 0, a, 0.9) for a in (1, 2)), *((2, 0, b, 0.9) for b in (3, 4)))
    (row,) = fit_people(np.array([[0, 1, 3]]), peaks, start, *both, LIMBS, LEGS, 0.5)
    assert tuple(row) in {(0, 1, 4), (0, 2, 3)}


def test_what_somebody_has_is_nobody_elses() -> None:
    peaks, start = peaks_of((0, 0, 0, 1), (0, 30, 0, 0.9), (1, 0, 50, 1), (1, 30, 50, 0.3), (2, 40, 90, 0.1))
    links, scores = linked((0, 0, 2, 1), (0, 1, 2, 1), (0, 1, 3, 0.1))
    found = fit_people(np.array([[0, 2, -1], [1, 3, -1]]), peaks, start, links, scores, LIMBS, LEGS, 0.5)
    assert found.tolist() == [[0, 2, -1], [1, 3, -1]]


def test_what_is_missing_is_added_where_a_link_leads_to_it() -> None:
    peaks, start = peaks_of((0, 0, 0, 1), (1, 0, 50, 1), (2, 10, 50, 0.9), (2, 20, 50, 0.2))
    grouped = np.array([[0, 1, -1]])
    assert fit_people(grouped, peaks, start, *linked((2, 0, 3, 0.5)), LIMBS, LEGS, 0.5).tolist() == [[0, 1, 3]]
    assert fit_people(grouped, peaks, start, *linked(), LIMBS, LEGS, 0.5).tolist() == [[0, 1, -1]]


def test_nothing_is_sought_far_from_somebody() -> None:
    peaks, start = peaks_of((0, 0, 0, 1), (1, 0, 50, 0.3), (1, 0, 500, 1))
    links, scores = linked((0, 0, 1, 0.1), (0, 0, 2, 1))
    assert fit_people(np.array([[0, 1, -1]]), peaks, start, links, scores, LIMBS, LEGS, 0.5).tolist() == [[0, 1, -1]]


def test_nobody_and_no_peaks() -> None:
    none, nobody = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    found = fit_people(nobody, none, np.zeros(4, np.int64), *linked(), LIMBS, LEGS, 0.5)
    assert found.shape == (0, 3)
