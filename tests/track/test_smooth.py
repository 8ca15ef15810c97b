"""One-Euro: against the published recursion for one keypoint at rest, less jitter, no lag in walking, gaps and weak keypoints."""

from __future__ import annotations

import math

import numpy as np
from walking import POSE

from limbwise.skeletons import COCO_17
from limbwise.track import motion
from limbwise.track.smooth import OneEuro, smooth

OWNER = np.zeros(1, np.intp)
FILTER = OneEuro(cutoff=1.5, beta=3.0, speed_cutoff=1.0)


def start() -> tuple:
    return motion.begin(POSE[None].copy(), np.ones((1, 17)), np.array(COCO_17.sigmas))


def published(values: list[float], times: list[float], size: float) -> list[float]:
    """Casiez et al., algorithm 1, as its authors print it, with speeds in sizes."""

    def alpha(dt: float, cutoff: float) -> float:
        return 1 / (1 + 1 / (2 * math.pi * cutoff) / dt)

    given, speed = [values[0]], 0.0
    for value, now, before in zip(values[1:], times[1:], times, strict=False):
        dt = now - before
        speed += alpha(dt, FILTER.speed_cutoff) * ((value - given[-1]) / dt - speed)
        a = alpha(dt, FILTER.cutoff + FILTER.beta * abs(speed) / size)
        given.append(given[-1] + a * (value - given[-1]))
    return given


def test_the_published_filter_at_uneven_times() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.1, 30)).tolist()
    values = (10 * np.sin(np.arange(30) / 4) + rng.normal(0, 1, 30)).tolist()
    persons, joints = start()
    given = []
    for value, time in zip(values, times, strict=True):
        xy = np.full((1, 17, 2), np.nan)
        xy[0, 3] = persons["x"][0] + value, persons["y"][0]
        smooth(persons, joints, OWNER, xy, np.ones((1, 17)), time, FILTER)
        given.append(xy[0, 3, 0] - persons["x"][0])
        assert np.isnan(xy[0, 4]).all()
    np.testing.assert_allclose(given, published(values, times, persons["size"][0]), rtol=1e-9)


def jitter(xy: np.ndarray) -> float:
    return float(np.abs(np.diff(xy, 2, axis=0)).mean())


def test_walking_costs_no_lag_and_less_jitter() -> None:
    rng = np.random.default_rng(2)
    persons, joints = start()
    seen, given, true = [], [], []
    for f in range(80):
        truth = POSE[None] + (150 * f / 25, 0)
        xy = truth + rng.normal(0, 1.5, truth.shape)
        seen.append(xy.copy())
        if f:
            motion.advance(persons, joints, 0.04)
            motion.correct(persons, joints, OWNER, xy, np.ones((1, 17)), np.array(COCO_17.sigmas))
        smooth(persons, joints, OWNER, xy, np.ones((1, 17)), f / 25, OneEuro())
        given.append(xy), true.append(truth)
    seen, given, true = (np.array(each)[20:] for each in (seen, given, true))
    assert jitter(given) < 0.5 * jitter(seen)
    assert np.abs(given - true).mean() < 0.8 * np.abs(seen - true).mean()
    assert abs((given - true)[..., 0].mean()) < 0.5  # pixels, at 6 a frame


def test_weak_keypoints_move_less_and_long_gaps_begin_anew() -> None:
    moved = {}
    for name, score, gap in (("sure", 1.0, 0.04), ("weak", 0.1, 0.04), ("late", 0.1, 0.6)):
        persons, joints = start()
        xy = POSE[None].copy()
        smooth(persons, joints, OWNER, xy, np.ones((1, 17)), 1.0, OneEuro())
        xy = POSE[None] + 5
        smooth(persons, joints, OWNER, xy, np.full((1, 17), score), 1.0 + gap, OneEuro())
        moved[name] = float((xy - POSE).mean())
    assert 0 < moved["weak"] < 0.5 * moved["sure"] < 5
    assert moved["late"] == 5
