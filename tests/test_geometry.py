"""Affine frames: every map beside its inverse; the half-pixel rule pinned by pixels that light up."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from limbwise import geometry
from limbwise.geometry import SizeRule, apply, cell_frame, compose, corner_frame, fit, invert

FRAMES = [
    geometry.identity(),
    geometry.resize(2, 0.5),
    geometry.pad(3, -7),
    geometry.rotate(33, (10, 20)),
    geometry.flip(64),
    compose(geometry.resize(0.7, 0.7), geometry.rotate(-120, (5, 5)), geometry.flip(31)),
    cell_frame(8),
    cell_frame(8, 4),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_there_and_back(frame: np.ndarray) -> None:
    points = np.random.default_rng(1).uniform(-50, 50, (7, 2))
    np.testing.assert_allclose(apply(invert(frame), apply(frame, points)), points, atol=1e-9)
    np.testing.assert_allclose(compose(frame, invert(frame)), geometry.identity(), atol=1e-9)


def test_compose_is_one_after_the_other() -> None:
    a, b, point = geometry.rotate(90, (0, 0)), geometry.pad(5, 0), np.array([1.0, 0.0])
    np.testing.assert_allclose(apply(compose(a, b), point), apply(b, apply(a, point)))
    np.testing.assert_allclose(apply(a, point), [0, 1], atol=1e-12)  # clockwise as seen, y down


@pytest.mark.parametrize("factor", [2, 3, 8])
@pytest.mark.parametrize("interpolation", [cv2.INTER_LINEAR, cv2.INTER_CUBIC])
def test_resizing_is_what_opencv_does(factor: int, interpolation: int) -> None:
    """One lit pixel enlarged: the centre of its light is where the rule says."""
    image = np.zeros((9, 9), np.float32)
    image[4, 3] = 1
    big = cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation)
    ys, xs = np.mgrid[: big.shape[0], : big.shape[1]]
    centre = np.array([(big * xs).sum(), (big * ys).sum()]) / big.sum()
    np.testing.assert_allclose(centre, apply(geometry.resize(factor, factor), np.array([3, 4])), atol=1e-4)


def test_a_cell_is_centred_on_its_pixels() -> None:
    """Average pooling by 8 lights cell i from the pixels 8 i .. 8 i + 7, whose middle is 8 i + 3.5."""
    pixels = apply(cell_frame(8), np.array([[2, 5]]))[0]
    assert pixels.tolist() == [19.5, 43.5]
    image = np.zeros((64, 64), np.float32)
    image[43:45, 19:21] = 1  # centred on (19.5, 43.5)
    pooled = cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA)
    assert tuple(int(i) for i in np.unravel_index(pooled.argmax(), pooled.shape)) == (5, 2)
    assert (pooled > 0).sum() == 1


@pytest.mark.parametrize("size", [(46, 62), (1, 5), (23, 1)])
def test_corner_cells_on_corner_pixels(size: tuple[int, int]) -> None:
    """PyTorch's align-corners: a map whose cells hold their own index, enlarged 8 times, says at each pixel which cell is there."""
    torch = pytest.importorskip("torch")
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float64)
    cells = torch.from_numpy(np.stack([xs, ys])[None])
    big = torch.nn.functional.interpolate(cells, scale_factor=8, mode="bilinear", align_corners=True)[0].numpy()
    pixels = np.stack(np.meshgrid(np.arange(8.0 * size[1]), np.arange(8.0 * size[0])), -1)
    frame = corner_frame(8, size)
    corners = apply(frame, np.array([[0, 0], [size[1] - 1, size[0] - 1]]))
    lengths = [8 * n - 1 if n > 1 else 0 for n in size]
    np.testing.assert_allclose(corners, [[0, 0], lengths[::-1]])
    if min(size) > 1:
        np.testing.assert_allclose(apply(invert(frame), pixels), big.transpose(1, 2, 0), atol=1e-9)


def test_flip_keeps_the_middle() -> None:
    assert apply(geometry.flip(5), np.array([[0, 1], [2, 1], [4, 1]])).tolist() == [[4, 1], [2, 1], [0, 1]]


FITS = [  # width, height, rule, resized, padded
    (640, 480, SizeRule(), (491, 368), (496, 368)),
    (480, 640, SizeRule(), (368, 491), (368, 496)),
    (1, 1, SizeRule(), (368, 368), (368, 368)),
    (20000, 1, SizeRule(), (2944, 1), (2944, 8)),  # bounded, not 7 million pixels wide
    (1, 20000, SizeRule(), (1, 2944), (8, 2944)),
    (640, 480, SizeRule(fit="longer"), (368, 276), (368, 280)),
    (640, 480, SizeRule(fit="stretch"), (368, 368), (368, 368)),
    (100, 200, SizeRule(side=64, multiple=32), (64, 128), (64, 128)),
]


@pytest.mark.parametrize(("width", "height", "rule", "resized", "padded"), FITS)
def test_fit(width: int, height: int, rule: SizeRule, resized: tuple[int, int], padded: tuple[int, int]) -> None:
    fitted = fit(width, height, rule)
    assert (fitted.resized, fitted.padded) == (resized, padded)
    corners = np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])
    np.testing.assert_allclose(apply(fitted.matrix, corners), [[-0.5, -0.5], [resized[0] - 0.5, resized[1] - 0.5]])


def test_rules_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="side"):
        SizeRule(side=0)
    with pytest.raises(ValueError, match="longest"):
        SizeRule(side=368, longest=100)
