"""One person in a known box."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.decode.single import decode_crop, decode_single
from limbwise.skeleton import Skeleton
from limbwise.spec import Head, ModelSpec

TWO = Skeleton("two", ("a", "b"), ((0, 1),), (0.1, 0.1))


def spec(stride: int = 8, offset: float | None = None) -> ModelSpec:
    heads = {"heatmaps": Head("h", (0, 1, 2), stride, offset), "pafs": Head("p", (0, 1), stride, offset)}
    return ModelSpec("two", TWO, heads, limbs=((0, 1),))


def bump(x: float, y: float) -> np.ndarray:
    ys, xs = np.mgrid[:20, :30]
    return np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 2)


@pytest.mark.parametrize(("offset", "shift"), [(None, 3.5), (4.0, 4.0)])
def test_the_highest_cell_a_quarter_towards_its_neighbour(offset: float | None, shift: float) -> None:
    maps = np.stack([bump(10.3, 5), bump(12, 7.6), np.zeros((20, 30))])
    person = decode_single(maps, spec(offset=offset))[0]
    np.testing.assert_allclose(person.xy, [[8 * 10.25 + shift, 8 * 5 + shift], [8 * 12 + shift, 8 * 7.75 + shift]])
    assert person.scores == pytest.approx([maps[0].max(), maps[1].max()])


def test_only_in_the_box() -> None:
    maps = np.stack([np.maximum(bump(5, 5), 0.5 * bump(20, 12)), bump(20, 12), np.zeros((20, 30))])
    person = decode_single(maps, spec(), (120, 70, 200, 130))[0]
    np.testing.assert_allclose(person.xy, [[163.5, 99.5]] * 2)


@pytest.mark.parametrize("box", [(-500, -500, -400, -400), (9999, 9999, 10000, 10000), (3, 3, 3, 3)])
def test_a_box_outside_still_has_a_cell(box: tuple[int, ...]) -> None:
    person = decode_single(np.zeros((3, 20, 30)), spec(), box)[0]
    assert np.isfinite(person.xy).all()


def test_scores_are_one_at_most() -> None:
    """A top between cells may be higher than any cell, and a network may go beyond what it learnt."""
    maps = np.stack([1.4 * bump(10.5, 5.5), 0.9 * bump(12, 7), np.zeros((20, 30))])
    for people in (decode_crop(maps, spec(), 0.1), decode_single(maps, spec())):
        assert people.scores[0, 0] == 1
        assert people.scores[0, 1] == pytest.approx(0.9, abs=1e-3)
