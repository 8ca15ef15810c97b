"""Converted models place keypoints where the original programs did: their enlarging of maps, written from their descriptions."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.options import PRESETS, OpenPoseOptions, everyone
from limbwise.engine.prepare import View
from limbwise.estimate.estimator import group
from limbwise.estimate.maps import Maps
from limbwise.geometry import SizeRule, fit
from limbwise.net.openpose_cpm import openpose_cpm_spec
from limbwise.spec import ModelSpec

torch = pytest.importorskip("torch")

WIDTH, HEIGHT = 960, 480  # twice as wide as high: no size of either program's is rounded
SPEC = openpose_cpm_spec()
CORNERS = replace(SPEC, heads={name: replace(head, grid="corners") for name, head in SPEC.heads.items()})
LONE = replace(everyone(), smoothing=0.0, fragment_limit=0.0)

Floats = npt.NDArray[np.float32]


def maps_of_dots(seed: int) -> Floats:
    """(19, 46, 92) one Gaussian a keypoint, anywhere at least two cells from the border."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:46, :92]
    heat = [
        np.exp(-((xs - rng.uniform(2, 89)) ** 2 + (ys - rng.uniform(2, 43)) ** 2) / (2 * 1.2**2)) for _ in range(18)
    ]
    return np.stack([*heat, 1 - np.max(heat, 0)]).astype(np.float32)


def ours(heatmaps: Floats, spec: ModelSpec) -> npt.NDArray[np.float64]:
    """(18, 2) the place of each keypoint in the picture."""
    matrix = fit(WIDTH, HEIGHT, spec.input.size, View().scale).matrix
    maps = Maps(
        spec, {"heatmaps": heatmaps, "pafs": np.zeros((38, *heatmaps.shape[1:]), np.float32)}, matrix, (WIDTH, HEIGHT)
    )
    people = group(maps, LONE)
    found = np.full((18, 2), np.nan)
    for xy in people.xy:
        k = int(np.flatnonzero(np.isfinite(xy[:, 0]))[0])
        found[k] = xy[k]
    return found


def peaks(enlarged: Floats) -> npt.NDArray[np.float64]:
    """(18, 2) the highest pixel of each map."""
    return np.array([np.unravel_index(m.argmax(), m.shape)[::-1] for m in enlarged[:18]], np.float64)


def chainer_fast(heatmaps: Floats) -> npt.NDArray[np.float64]:
    """Maps to a shorter side of 320 with corners aligned, smoothed by 2.5, then x W / map width."""
    big = torch.nn.functional.interpolate(
        torch.from_numpy(heatmaps[None]), (320, 640), mode="bilinear", align_corners=True
    )
    smooth = np.stack([cv2.GaussianBlur(m, (21, 21), 2.5) for m in big[0].numpy()])
    return peaks(smooth) * WIDTH / 640


def enlarged_by_opencv(heatmaps: Floats) -> npt.NDArray[np.float64]:
    """Maps to the picture's size by cv2.resize: OpenVINO's notebooks, and 8 times and then so in Chainer's precise mode."""
    whole = np.stack([cv2.resize(m, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for m in heatmaps])
    return peaks(whole)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("spec", "other", "original", "grain"),
    [(CORNERS, SPEC, chainer_fast, WIDTH / 640), (SPEC, CORNERS, enlarged_by_opencv, 1.0)],
    ids=["chainer", "opencv"],
)
def test_keypoints_stand_where_the_original_put_them(
    seed: int, spec: ModelSpec, other: ModelSpec, original: object, grain: float
) -> None:
    """As near as the original's whole pixels allow; by the other convention those at the border are pixels away."""
    heatmaps = maps_of_dots(seed)
    wanted = original(heatmaps)  # type: ignore[operator]
    distance, otherwise = (np.linalg.norm(ours(heatmaps, s) - wanted, axis=1) for s in (spec, other))
    assert np.isfinite(distance).all()
    assert np.median(distance) < grain
    edge = np.abs(wanted[:, 0] - WIDTH / 2) > WIDTH / 3
    assert edge.any()
    assert otherwise[edge].mean() > 2 * distance[edge].mean()


@pytest.mark.parametrize("name", ["chainer", "python_original", "matlab"])
def test_a_model_converted_for_a_program_is_decoded_as_there(name: str) -> None:
    from limbwise.cli.convert import decoded_as
    from limbwise.convert.kinds import Converted
    from limbwise.errors import UsageError
    from limbwise.estimate.estimator import decoder_options

    found = decoded_as(Converted(torch.nn.Identity(), SPEC, "a network"), name)
    assert found.spec is not None
    assert decoder_options(found.spec, {}) == PRESETS[name]() != OpenPoseOptions()
    with pytest.raises(UsageError, match="there are default"):
        decoded_as(found, "tensorflow")


def test_sizes_of_the_views() -> None:
    """The shorter side at 368 times 0.5, 1, 1.5 and 2, up to multiples of 8 (Chainer's precise mode)."""
    sizes = [fit(620, 465, SizeRule(), scale).padded for scale in (0.5, 1, 1.5, 2)]
    assert sizes == [(248, 184), (496, 368), (736, 552), (984, 736)]
