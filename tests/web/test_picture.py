"""Uploaded bytes to pixels: phones' photos with a film behind them are pictures, those of a thousand scans are not."""

from __future__ import annotations

import numpy as np
import pytest
from web.conftest import encoded, picture
from web.hostile import jpeg_of_many_scans

from limbwise.web.picture import open_picture
from limbwise.web.refusal import Refusal


def test_a_motion_photo_is_a_picture(clip: bytes) -> None:
    photo = picture(suffix=".jpg")
    chance = np.random.default_rng(0).integers(0, 256, 1000, np.uint8).tobytes() + b"\xff\xda"
    found = open_picture(photo + clip + chance * 150, 4_000_000)
    np.testing.assert_array_equal(found, open_picture(photo, 4_000_000))


def test_too_many_scans_are_refused() -> None:
    with pytest.raises(Refusal, match="more than 100 scans; save it again"):
        open_picture(jpeg_of_many_scans(), 40_000_000)


def test_too_many_pixels_are_refused() -> None:
    with pytest.raises(Refusal, match="20 x 30 pixels are more than the 599 allowed"):
        open_picture(encoded(np.zeros((30, 20, 3), np.uint8)), 599)
