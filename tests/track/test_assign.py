"""Pairs: the Hungarian optimum under a gate, and what fits better than what."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from walking import POSE

from limbwise.skeletons import COCO_17
from limbwise.track import motion
from limbwise.track.assign import Weights, costs, match

SIGMAS = np.array(COCO_17.sigmas)


@pytest.mark.parametrize("seed", range(20))
def test_match_is_the_best_of_all_ways(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost, limit = rng.random((4, 4)), 0.5
    cost[rng.random((4, 4)) < 0.2] = np.inf
    tracks, people = match(cost, limit)
    ways = (np.minimum(cost[range(4), list(way)], limit).sum() for way in permutations(range(4)))
    assert cost[tracks, people].sum() + limit * (4 - len(tracks)) == pytest.approx(min(ways))
    assert (cost[tracks, people] < limit).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_matches_nobody(shape: tuple[int, int]) -> None:
    tracks, people = match(np.zeros(shape), 0.5)
    assert len(tracks) == len(people) == 0


def cost_of(xy: np.ndarray, seconds: float = 0.04) -> float:
    persons, joints = motion.begin(POSE[None].copy(), np.full((1, 17), 0.8), SIGMAS)
    motion.advance(persons, joints, seconds)
    return float(costs(persons, joints, xy[None], np.full((1, 17), 0.8), SIGMAS, Weights())[0, 0])


def test_the_nearer_and_the_more_alike_the_cheaper() -> None:
    turned = POSE @ np.array([[0, 1], [-1, 0]])
    assert cost_of(POSE) == pytest.approx(0, abs=1e-6)
    assert cost_of(POSE) < cost_of(POSE + 3) < cost_of(POSE + 6) < cost_of(turned + 6)
    assert cost_of(POSE + 300) == np.inf


def test_time_opens_the_gate() -> None:
    assert cost_of(POSE + 60) == np.inf
    assert cost_of(POSE + 60, seconds=1.5) < 0.8


def test_who_shares_no_keypoint_is_not_compared() -> None:
    persons, joints = motion.begin(
        np.where(np.arange(17)[:, None] < 5, POSE, np.nan)[None], np.full((1, 17), 0.8), SIGMAS
    )
    legs = np.where(np.arange(17)[:, None] > 10, POSE, np.nan)
    assert costs(persons, joints, legs[None], np.full((1, 17), 0.8), SIGMAS, Weights())[0, 0] == np.inf
