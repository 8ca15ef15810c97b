"""A pose and its picture as a refiner sees them: the published scale and cut, discs, and pixels where the frame says they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limbwise.engine.posed import Window, draw_discs, find_window, look, pose_size, posed_batch
from limbwise.geometry import apply, invert, resize
from limbwise.net.refiner import refiner_spec, small_refiner_spec
from limbwise.skeletons import POSETRACK_15

SPEC = refiner_spec()
POSE = SPEC.input.pose
assert POSE is not None


def pose(**places: tuple[float, float]) -> np.ndarray:
    xy = np.full((15, 2), np.nan)
    for name, place in places.items():
        xy[POSETRACK_15.index(name)] = place
    return xy


@pytest.mark.parametrize(
    ("xy", "scale"),
    [
        # systems.md D2: head = 0.6 x 1.4286 x the way from chin to top, scale 42.264 / head; by default 0.6945
        (pose(neck=(100, 100), head_top=(100, 50)), 42.264 / (0.6 * 1.4286 * 50)),
        (pose(neck=(100, 100), nose=(100, 80)), 0.6945),
        (pose(neck=(100, 100), head_top=(100, 100)), 0.6945),
    ],
)
def test_the_published_scale(xy: np.ndarray, scale: float) -> None:
    assert POSE is not None
    assert POSE.size / pose_size(xy, POSETRACK_15, POSE) == pytest.approx(scale, rel=1e-4)
    window = find_window(xy, POSETRACK_15, POSE, (4000, 3000))
    assert window is not None
    assert window.frame[0, 0] == pytest.approx(scale, rel=1e-4)


def test_the_published_cut_is_250_pixels_around_the_keypoints_within_the_picture() -> None:
    assert POSE is not None
    xy = pose(left_wrist=(1500, 1500), right_knee=(1600, 1400))
    window = find_window(xy, POSETRACK_15, POSE, (4000, 3000))
    assert window is not None
    assert abs(window.width - (100 * 0.6945 + 500)) <= 1
    assert abs(window.height - (100 * 0.6945 + 500)) <= 1
    inside = apply(window.frame, xy[~np.isnan(xy[:, 0])])
    np.testing.assert_allclose(inside.min(0), 250, atol=0.51)
    at_the_edge = find_window(pose(left_wrist=(10, 10)), POSETRACK_15, POSE, (4000, 3000))
    assert at_the_edge is not None
    assert abs(at_the_edge.width - (10 * 0.6945 + 250)) <= 1
    np.testing.assert_allclose(apply(invert(at_the_edge.frame), np.array([-0.5, -0.5])), -0.5, atol=1e-9)


@pytest.mark.parametrize(
    "xy",
    [pose(), pose(nose=(9000, 9000)), pose(neck=(0, 0), head_top=(0, 1), left_wrist=(2000, 0), right_ankle=(0, 2000))],
    ids=["no keypoint", "far outside", "too large"],
)
def test_what_cannot_be_looked_at(xy: np.ndarray) -> None:
    assert POSE is not None
    assert find_window(xy, POSETRACK_15, POSE, (2000, 2000)) is None


def test_discs_hold_the_pixels_whose_centre_is_near() -> None:
    xy = np.array([[10.3, 5.6], [np.nan, np.nan], [-3.0, 8.0], [300.0, 5.0]])
    discs = draw_discs(xy, (20, 30), 4.5)
    i, j = np.mgrid[:20, :30]
    for disc, (x, y) in zip(discs, xy, strict=True):
        wanted = np.zeros((20, 30)) if np.isnan(x) else 255 * ((j - x) ** 2 + (i - y) ** 2 <= 4.5**2)
        np.testing.assert_array_equal(disc, wanted)
    assert discs[2].any()
    assert not discs[3].any()


@pytest.mark.parametrize("scale", [0.3, 0.8, 1.0, 2.5])
def test_a_lit_spot_is_where_the_frame_says(scale: float) -> None:
    image = np.zeros((200, 260, 3), np.uint8)
    image[95:106, 145:156] = 255
    frame = resize(scale, scale)
    seen = look(image, Window(frame, round(260 * scale), round(200 * scale))).astype(float)[..., 0]
    y, x = (np.average(axis, weights=seen) for axis in np.mgrid[: seen.shape[0], : seen.shape[1]])
    np.testing.assert_allclose([x, y], apply(frame, np.array([150.0, 100.0])), atol=0.3)


def test_the_batch_is_normalised_and_padded_to_what_the_network_takes() -> None:
    spec = small_refiner_spec().input
    assert spec.pose is not None
    image = np.full((120, 100, 3), 200, np.uint8)
    poses = [np.tile(np.array([[50.0, 60.0]]), (14, 1)) + np.arange(28).reshape(14, 2) * step for step in (0.5, 2.0)]
    windows = [find_window(xy, small_refiner_spec().skeleton, spec.pose, (100, 120)) for xy in poses]
    assert None not in windows
    batch = posed_batch(image, poses, windows, spec)  # type: ignore[arg-type]
    assert batch.shape[:2] == (2, 17)
    assert all(side % 8 == 0 for side in batch.shape[2:])
    for one, window, xy in zip(batch, windows, poses, strict=True):
        assert window is not None
        np.testing.assert_allclose(one[:3, : window.height, : window.width], (200 - 127.5) / 64, rtol=1e-6)
        assert set(np.unique(one[3:])) == {0.0, 1.0}
        for disc, (x, y) in zip(one[3:], apply(window.frame, xy), strict=True):
            if 0 <= round(x) < disc.shape[1] and 0 <= round(y) < disc.shape[0]:
                assert disc[round(y), round(x)] == 1


def test_only_refiners_have_a_pose_and_one_disc_a_keypoint() -> None:
    with pytest.raises(ValueError, match=r"input\.pose"):
        replace(SPEC, method="deepercut")
    with pytest.raises(ValueError, match=r"input\.pose\.mean"):
        replace(SPEC, input=replace(SPEC.input, pose=replace(POSE, mean=(0.0,))))
    assert len(SPEC.input.means) == len(SPEC.input.scales) == 18
