"""Maps on pictures: a lit cell shines where the half-pixel rule puts it; hue is direction."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from limbwise.draw.maps import draw_heatmaps, draw_pafs, strongest_paf
from limbwise.geometry import SizeRule, apply, cell_frame, compose, fit, identity, invert
from limbwise.skeletons import COCO_17, OPENPOSE_18

BLACK = np.zeros((160, 240, 3), np.uint8)


def lit(channels: int, channel: int, cell: tuple[int, int], shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    maps = np.zeros((channels, *shape), np.float32)
    maps[channel][cell] = 1
    return maps


def centre(picture: np.ndarray) -> tuple[float, float]:
    """Centre of mass of the light, x and y."""
    weight = picture.astype(float).sum(-1)
    y, x = np.indices(weight.shape)
    return float((weight * x).sum() / weight.sum()), float((weight * y).sum() / weight.sum())


def peak(picture: np.ndarray) -> tuple[float, float]:
    """Middle of the brightest pixels, x and y."""
    weight = picture.astype(int).sum(-1)
    y, x = np.nonzero(weight == weight.max())
    return float(x.mean()), float(y.mean())


@pytest.mark.parametrize("cell", [(0, 0), (7, 11), (19, 29)])
def test_a_lit_cell_shines_at_its_centre(cell: tuple[int, int]) -> None:
    drawn = draw_heatmaps(BLACK, lit(17, 4, cell), COCO_17, cell_frame(8))
    assert peak(drawn) == (8 * cell[1] + 3.5, 8 * cell[0] + 3.5)


@pytest.mark.parametrize("size", [(240, 160), (333, 217), (1000, 667)])
def test_maps_of_a_resized_input_fall_back_on_the_image(size: tuple[int, int]) -> None:
    wide, high = size
    fitted = fit(wide, high, SizeRule(side=160))
    frame = compose(cell_frame(8), invert(fitted.matrix))
    maps = lit(18, 3, (9, 13), (fitted.padded[1] // 8, fitted.padded[0] // 8))
    drawn = draw_heatmaps(np.zeros((high, wide, 3), np.uint8), maps, COCO_17, frame)
    assert centre(drawn) == pytest.approx(apply(frame, np.array([13.0, 9.0])), abs=0.2)


def test_empty_maps_leave_the_picture_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (160, 240, 3), np.uint8)
    kept = image.copy()
    heat = draw_heatmaps(image, np.zeros((17, 20, 30), np.float32), COCO_17, cell_frame(8))
    pafs = draw_pafs(image, np.zeros((38, 20, 30), np.float32), cell_frame(8))
    assert np.array_equal(heat, image)
    assert np.array_equal(pafs, image)
    assert np.array_equal(image, kept)


def test_the_background_channel_is_left_out_and_one_keypoint_can_be_asked_for() -> None:
    maps = lit(19, 5, (3, 4)) + lit(19, 18, (10, 10))
    drawn = draw_heatmaps(BLACK, maps, OPENPOSE_18, cell_frame(8))
    assert peak(drawn) == (35.5, 27.5)
    assert not drawn[70:100, 70:100].any()
    assert np.array_equal(draw_heatmaps(BLACK, maps, OPENPOSE_18, cell_frame(8), "left_shoulder"), drawn)
    assert np.array_equal(draw_heatmaps(BLACK, maps, OPENPOSE_18, cell_frame(8), 5), drawn)
    assert not draw_heatmaps(BLACK, maps, OPENPOSE_18, cell_frame(8), "nose").any()


def test_stronger_is_brighter() -> None:
    maps = np.zeros((17, 1, 5), np.float32)
    maps[0, 0] = (0, 0.25, 0.5, 0.75, 1)
    luma = draw_heatmaps(np.zeros((1, 5, 3), np.uint8), maps, COCO_17, identity())[0] @ (0.299, 0.587, 0.114)
    assert (np.diff(luma) > 10).all()


@pytest.mark.parametrize(
    ("vector", "degrees"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270), ((0.6, 0.6), 45)]
)
def test_hue_is_the_direction_clockwise_from_red(vector: tuple[float, float], degrees: float) -> None:
    pafs = np.zeros((4, 20, 30), np.float32)
    pafs[2:, 6, 9] = vector
    drawn = draw_pafs(BLACK, pafs, cell_frame(8), alpha=1)
    assert centre(drawn) == pytest.approx((75.5, 51.5), abs=0.05)
    red, green, blue = (int(v) / 255 for v in drawn[51, 75])
    assert 360 * colorsys.rgb_to_hsv(red, green, blue)[0] == pytest.approx(degrees, abs=3)


def test_longer_vectors_shine_more_and_the_longest_wins() -> None:
    pafs = np.zeros((4, 1, 3), np.float32)
    pafs[0, 0] = (0.2, 0.6, 0.5)
    pafs[3, 0, 2] = 0.9
    drawn = draw_pafs(np.zeros((1, 3, 3), np.uint8), pafs, identity(), alpha=1)
    assert drawn[0, 0].max() == pytest.approx(51, abs=1)
    assert drawn[0, 1].max() == pytest.approx(153, abs=1)
    assert drawn[0, 2].argmax() == 1  # down is yellow-green
    first = draw_pafs(np.zeros((1, 3, 3), np.uint8), pafs, identity(), limb=0)
    assert first[0, 2].argmax() == 0
    assert strongest_paf(pafs.reshape(2, 2, 1, 3))[:, 0, 2] == pytest.approx((0, 0.9))


def test_values_that_are_no_numbers_and_too_large_ones_are_survived() -> None:
    maps = np.full((38, 20, 30), np.nan, np.float32)
    assert np.array_equal(draw_pafs(BLACK, maps, cell_frame(8)), BLACK)
    maps[:] = 1e20
    assert draw_pafs(BLACK, maps, cell_frame(8)).any()
    assert np.array_equal(draw_heatmaps(BLACK, np.full((17, 2, 2), -np.inf, np.float32), COCO_17, cell_frame(8)), BLACK)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(17, h, w\) or \(18, h, w\), got \(19, 4, 4\)"):
        draw_heatmaps(BLACK, np.zeros((19, 4, 4), np.float32), COCO_17, cell_frame(8))
    with pytest.raises(KeyError, match="neck"):
        draw_heatmaps(BLACK, np.zeros((17, 4, 4), np.float32), COCO_17, cell_frame(8), "neck")
    for shape in ((3, 4, 4), (0, 4, 4), (4, 4)):
        with pytest.raises(ValueError, match=r"pafs: expected \(2 L, h, w\)"):
            draw_pafs(BLACK, np.zeros(shape, np.float32), cell_frame(8))
