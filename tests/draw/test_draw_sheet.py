"""Contact sheets and the panel of stage times."""

from __future__ import annotations

import numpy as np
import pytest

from limbwise.draw.overlay import draw_timings
from limbwise.draw.sheet import GROUND, sheet
from limbwise.draw.text import text_width


def plain(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize(
    ("count", "columns", "captions", "shape"),
    [(1, 1, False, (116, 166)), (5, 2, False, (332, 324)), (5, 2, True, (404, 324)), (3, 9, False, (116, 482))],
)
def test_the_size_follows_from_the_pictures(count: int, columns: int, captions: bool, shape: tuple[int, int]) -> None:
    names = [f"picture {i}" for i in range(count)] if captions else ()
    made = sheet([plain(50, 75, 200)] * count, columns, names, height=100, gap=8)
    assert made.shape == (*shape, 3)


def test_pictures_stand_in_rows_as_they_are() -> None:
    pictures = [np.random.default_rng(i).integers(0, 256, (40, 60, 3), np.uint8) for i in range(3)]
    made = sheet(pictures, 2, height=40, gap=4)
    assert np.array_equal(made[4:44, 4:64], pictures[0])
    assert np.array_equal(made[4:44, 68:128], pictures[1])
    assert np.array_equal(made[48:88, 4:64], pictures[2])
    assert (made[48:88, 68:128] == GROUND).all()


def test_narrow_pictures_are_centred_in_their_column() -> None:
    made = sheet([plain(40, 60, 200), plain(40, 20, 100)], 1, height=40, gap=4)
    assert made.shape == (92, 68, 3)
    assert np.flatnonzero((made[60] == 100).all(-1)).tolist() == list(range(24, 44))


def test_captions_stay_within_their_cell() -> None:
    made = sheet([plain(40, 60, 0), plain(40, 60, 0)], 2, ["a long caption that cannot fit", ""], height=40, gap=8)
    strip = (made[48:72] != GROUND).any(-1)
    assert strip[:, 8:68].any()
    assert not strip[:, 69:].any()


@pytest.mark.parametrize(
    ("count", "columns", "captions", "word"),
    [(0, 1, (), "pictures"), (2, 0, (), "columns"), (2, 1, ("a",), "captions")],
)
def test_sheets_that_cannot_be_made(count: int, columns: int, captions: tuple[str, ...], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        sheet([plain(4, 4, 0)] * count, columns, captions)


LINES = [("read", 1.23), ("network", 45.6), ("decode", 0.9), ("draw", 2.1)]


@pytest.mark.parametrize("value", [0, 128, 255])
def test_timings_stand_on_a_dark_panel_in_the_corner(value: int) -> None:
    image = plain(480, 640, value)
    drawn = draw_timings(image, LINES, 21.5)
    assert (image == value).all()
    y, x = np.nonzero((drawn != image).any(-1))
    assert (y.min() < 20, x.min() < 20, y.max() < 200, x.max() < 320) == (True,) * 4
    assert drawn.max() >= 200
    assert drawn[0, 0].max() <= 0.4 * value + 1


@pytest.mark.parametrize("shape", [(1, 1), (8, 500), (500, 8), (60, 80), (4000, 6000)])
def test_timings_fit_any_picture(shape: tuple[int, int]) -> None:
    assert draw_timings(plain(*shape, 90), LINES, 0.0).shape == (*shape, 3)


def test_more_lines_make_a_taller_panel() -> None:
    image = plain(480, 640, 255)
    heights = [np.nonzero((draw_timings(image, LINES[:n], 1.0) != image).any(-1))[0].max() for n in (0, 2, 4)]
    assert heights == sorted(set(heights))


def test_text_is_measured_as_it_is_written() -> None:
    assert 0 < text_width("i", 12) < text_width("network", 12) < text_width("network", 24)
