"""Colours change, places do not; each effect does what its name says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from limbwise.augment.colour import ColourOptions, add_noise, blur, draw_tone, jpeg, recolour, saturate, tone, turn_hue
from limbwise.sample import Sample

OFF = dict.fromkeys(("tone_chance", "grey_chance", "blur_chance", "noise_chance", "jpeg_chance"), 0.0)


@pytest.fixture
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (128, 96), interpolation=cv2.INTER_CUBIC)


def test_nothing_asked_nothing_done(sample: Sample, rng: np.random.Generator) -> None:
    assert np.array_equal(recolour(sample, ColourOptions(**OFF), rng).image, sample.image)


@pytest.mark.parametrize("effect", OFF)
def test_each_effect_changes_the_image_and_nothing_else(effect: str, sample: Sample, rng: np.random.Generator) -> None:
    done = recolour(sample, ColourOptions(**{**OFF, effect: 1.0}), rng)
    assert not np.array_equal(done.image, sample.image)
    assert done.image.dtype == np.uint8
    assert done.image.shape == sample.image.shape
    assert done.people is sample.people
    assert done.ignore is sample.ignore


def test_tones(image: np.ndarray) -> None:
    assert np.array_equal(tone(image, np.eye(3)), image)
    grey = tone(image, saturate(0))
    assert np.ptp(grey.astype(int), axis=-1).max() <= 1
    assert np.abs(grey[..., 0].astype(int) - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)).max() <= 1
    assert tone(image, np.eye(3), 2.0).mean() < image.mean() < tone(image, np.eye(3), 0.5).mean()


def test_hue_turns_red_to_green_and_back() -> None:
    assert np.allclose(turn_hue(120) @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(turn_hue(40) @ turn_hue(-40), np.eye(3))
    assert np.allclose(turn_hue(77) @ np.ones(3), 1)  # grey stays grey


def test_drawn_tones_are_about_no_change(rng: np.random.Generator) -> None:
    mean = np.mean([draw_tone(ColourOptions(), rng) for _ in range(2000)], axis=0)
    assert np.abs(mean - np.eye(3, 4)).max() < 3  # the last column is in grey levels
    assert np.abs(mean[:, :3] - np.eye(3)).max() < 0.05


def test_noise_has_its_deviation(rng: np.random.Generator) -> None:
    flat = np.full((200, 200, 3), 128, np.uint8)
    for sigma in (3.0, 10.0, 25.0):
        noisy = add_noise(flat, sigma, rng).astype(float)
        assert noisy.std() == pytest.approx(sigma, rel=0.1)
        assert noisy.mean() == pytest.approx(128, abs=1)


def test_blur_and_jpeg_lose_detail_and_keep_colours(image: np.ndarray, rng: np.random.Generator) -> None:
    sharp = add_noise(image, 20, rng)
    for done in (blur(sharp, 1.5), jpeg(sharp, 30)):
        assert cv2.Laplacian(done, cv2.CV_64F).std() < cv2.Laplacian(sharp, cv2.CV_64F).std()
        assert np.abs(done.mean((0, 1)) - sharp.mean((0, 1))).max() < 2
    errors = [np.abs(jpeg(image, quality).astype(int) - image).mean() for quality in (10, 50, 95)]
    assert errors == sorted(errors, reverse=True)
