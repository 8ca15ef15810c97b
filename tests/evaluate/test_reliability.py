"""Scores as probabilities: against people that are right with a known chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limbwise.evaluate.coco import Judged
from limbwise.evaluate.reliability import draw_reliability, fit_worth, reliability, rightness
from limbwise.people import People
from limbwise.skeleton import Skeleton

DOT = Skeleton("dot", ("dot",), (), (0.1,))


def judged(scores: list[float], alike: list[list[float]]) -> Judged:
    people = People(
        DOT,
        np.zeros((len(scores), 1, 2), np.float32),
        np.ones((len(scores), 1), np.float32),
        np.array(scores, np.float32),
    )
    table = np.array(alike, np.float32).reshape(len(scores), -1)
    truth = People(DOT, np.zeros((table.shape[1], 1, 2), np.float32), np.ones((table.shape[1], 1), np.float32))
    return Judged(Path("a"), people, truth, table, 0.0, 0)


def test_each_labelled_person_makes_one_right_and_the_best_score_takes_first() -> None:
    images = [judged([0.2, 0.9, 0.5], [[0.9, 0.6], [0.8, 0.1], [0.95, 0.4]]), judged([0.7], [[0.49]])]
    scores, right = rightness(images)
    np.testing.assert_allclose(scores, [0.2, 0.9, 0.5, 0.7], atol=1e-6)
    assert right.tolist() == [True, True, False, False]


def test_images_without_labelled_people_say_nothing() -> None:
    scores, right = rightness([judged([0.5], [[]])])
    assert len(scores) == len(right) == 0
    assert fit_worth(scores, right) == ()


def test_fitted_probabilities_are_as_often_right_as_they_say() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 20, 4000)
    chance = np.clip(scores / 16 - 0.1, 0, 1) ** 2
    right = rng.random(4000) < chance
    worth = np.array(fit_worth(scores[::2], right[::2])).T
    assert (np.diff(worth) >= 0).all()
    probable = np.interp(scores[1::2], *worth)
    assert np.abs(probable - chance[1::2]).mean() < 0.04
    assert reliability(probable, right[1::2]).error < 0.04
    assert reliability(np.clip(scores[1::2] / 20, 0, 1), right[1::2]).error > 0.1


def test_the_diagram_has_a_dot_for_each_range_that_somebody_is_in() -> None:
    few = draw_reliability(reliability(np.array([0.1]), np.array([True])), "model")
    more = draw_reliability(reliability(np.array([0.1, 0.9]), np.array([True, True])), "model")
    assert few.shape == more.shape
    blue = [((picture[..., 2].astype(int) - picture[..., 0]) > 60).sum() for picture in (few, more)]
    assert blue[1] > 1.5 * blue[0] > 0


@pytest.mark.parametrize("worth", [((0.0, 0.5), (1.0, 0.4)), ((1.0, 0.1), (0.5, 0.2))])
def test_a_spec_refuses_a_worth_that_falls(worth: tuple[tuple[float, float], ...]) -> None:
    from limbwise.net.mobile import mobile_spec

    with pytest.raises(ValueError, match="worth"):
        type(spec := mobile_spec())(**{**vars(spec), "worth": worth})
