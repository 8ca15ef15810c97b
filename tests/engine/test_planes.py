"""Pictures to a network's planes, against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from limbwise.engine.planes import area_weights
from limbwise.engine.prepare import View, prepare
from limbwise.geometry import SizeRule
from limbwise.spec import InputSpec

SIZES = [(465, 620), (674, 712), (667, 1000), (1200, 1601), (368, 368), (369, 371), (368, 900), (3000, 370), (240, 320), (1, 1), (5, 3000),
         (2000, 3)]  # fmt: skip
SPEC = InputSpec(colour="BGR", mean=(10.0, 20.0, 30.0), scale=(0.5, 0.25, 0.125), pad=(1, 2, 3))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("fit", ["shorter", "stretch"])
def test_planes_are_what_opencv_makes(size: tuple[int, int], mirrored: bool, fit: str) -> None:
    rng = np.random.default_rng(size[0])
    image = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    image = np.clip(image.reshape(*size, 3) + rng.integers(-40, 40, (*size, 3)), 0, 255).astype(np.uint8)
    spec = InputSpec(SPEC.name, SPEC.colour, mean=SPEC.mean, scale=SPEC.scale, pad=SPEC.pad, size=SizeRule(fit=fit))  # type: ignore[arg-type]
    batch = prepare(image, spec, View(1.0, mirrored)).batch[0]
    high, wide = (368, 368) if fit == "stretch" else expected_size(size)
    assert batch.shape == (3, -(-high // 8) * 8, -(-wide // 8) * 8)
    way = cv2.INTER_AREA if high * wide < size[0] * size[1] else cv2.INTER_LINEAR
    wanted = cv2.resize(image[:, ::-1] if mirrored else image, (wide, high), interpolation=way).reshape(high, wide, 3)
    levels = batch[:, :high, :wide].transpose(1, 2, 0) / SPEC.scale + SPEC.mean
    differs = np.abs(levels - wanted[..., ::-1])
    assert differs.max() <= 1 + 1e-3  # a level, where OpenCV's sum lies just beside a half
    assert (differs > 1e-3).mean() < 1e-3
    for c, border in enumerate(SPEC.pad):
        outside = np.concatenate([batch[c, high:].ravel(), batch[c, :, wide:].ravel()])
        np.testing.assert_allclose(outside, (border - SPEC.mean[c]) * SPEC.scale[c], rtol=1e-6)


def expected_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(368 / min(size), 2944 / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


@pytest.mark.parametrize(("source", "target"), [(620, 491), (7, 7), (8, 4), (1000, 3), (3, 2), (1, 1), (2944, 2943)])
def test_weights_share_out_every_pixel(source: int, target: int) -> None:
    first, weights = area_weights(source, target)
    assert weights.shape[1] == len(first) == target
    assert first.min() >= 0
    assert (first + len(weights)).max() <= source
    np.testing.assert_allclose(weights.sum(0, dtype=np.float64), 1, atol=1e-6)
    total = np.zeros(source)
    for t, row in enumerate(weights):
        np.add.at(total, first + t, row)
    np.testing.assert_allclose(total, target / source, atol=3e-3)
