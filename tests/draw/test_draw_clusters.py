"""Clusters on a picture: colours by person, hollow dots for nobody's parts, and what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.draw.clusters import draw_clusters
from limbwise.draw.palette import id_colour

GREY = np.full((240, 320, 3), 128, np.uint8)


def test_parts_of_a_person_have_its_colour_and_nobodys_are_hollow() -> None:
    xy = np.array([[40, 40], [60, 200], [200, 50], [280, 120]], float)
    drawn = draw_clusters(GREY, xy, np.ones(4), np.array([0, 0, 1, -1]))
    for place, person in zip(xy[:3].astype(int), (0, 0, 1), strict=True):
        assert tuple(drawn[place[1], place[0]]) == id_colour(person)
    assert tuple(drawn[120, 280]) == (128, 128, 128)
    assert (drawn[110:131, 270:291] != 128).any()
    assert (drawn[115:126, 45:56] != 128).any()  # a thread between the two parts of the first
    assert (GREY == 128).all()


def test_what_is_no_place_is_left_out() -> None:
    xy = np.array([[np.nan, 5], [np.inf, 5], [1e12, 5], [-50, 500]])
    assert (draw_clusters(GREY, xy, np.array([1, 1, 1, np.nan]), np.zeros(4, int))[:, 200:] == 128).all()
    assert (draw_clusters(GREY, np.zeros((0, 2)), np.zeros(0), np.zeros(0, int)) == 128).all()


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="xy, scores: expected"):
        draw_clusters(GREY, np.zeros((3, 2)), np.ones(2), np.zeros(3, int))
