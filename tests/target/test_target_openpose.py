"""Targets: values, masks, and the way back through the decoder."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.openpose import decode_openpose
from limbwise.people import People
from limbwise.sample import ABSENT, HIDDEN, SEEN, UNKNOWN, Sample
from limbwise.skeletons import COCO_17
from limbwise.spec import Head, ModelSpec
from limbwise.target.openpose import TargetOptions, targets

SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
# The skeleton, links from head to trunk, and long links past elbow and knee.
LIMBS = (*COCO_17.limbs, (5, 3), (6, 4), (5, 0), (6, 0), (5, 9), (6, 10), (11, 15), (12, 16))
K, L = len(COCO_17), len(LIMBS)
# Someone who stands and looks at the camera, 200 pixels high.
STANDING = np.array([[50, 16], [55, 11], [45, 11], [60, 15], [40, 15], [70, 45], [30, 45], [82, 80], [18, 80], [86, 112], [14, 112],
                     [62, 110], [38, 110], [64, 155], [36, 155], [66, 198], [34, 198]], np.float32)  # fmt: skip


def moved(x: float, y: float) -> npt.NDArray[np.float32]:
    return STANDING + np.array([x, y], np.float32)


def make_spec(stride: int = 8, offset: float | None = None) -> ModelSpec:
    heads = {
        "heatmaps": Head("h", tuple(range(K + 1)), stride, offset),
        "pafs": Head("p", tuple(range(2 * L)), stride, offset),
    }
    return ModelSpec("test", COCO_17, heads, LIMBS)


def make_sample(people: list[npt.NDArray[np.float32]], size: tuple[int, int] = (256, 320)) -> Sample:
    xy = np.array(people, np.float32).reshape(-1, K, 2)
    visibility = np.where(np.isnan(xy[..., 0]), ABSENT, SEEN).astype(np.int8)
    found = People(COCO_17, xy, (visibility > 0).astype(np.float32))
    return Sample(
        np.zeros((*size, 3), np.uint8), found, visibility, found.areas, found.boxes_xyxy, np.zeros(size, bool), "test"
    )


def marked(sample: Sample, person: int, keypoint: int, as_: int) -> Sample:
    """The sample with one keypoint's visibility changed; without a place where it has none."""
    visibility, xy = sample.visibility.copy(), sample.people.xy.copy()
    visibility[person, keypoint] = as_
    if as_ < HIDDEN:
        xy[person, keypoint] = np.nan
    return replace(sample, visibility=visibility, people=replace(sample.people, xy=xy))


@pytest.mark.parametrize(("stride", "offset"), [(8, None), (8, 4.0), (4, None), (16, None)])
def test_values_at_the_cells_are_the_formula(stride: int, offset: float | None) -> None:
    sample = make_sample([moved(30, 20), moved(95.3, 41.7)])
    out = targets(sample, make_spec(stride, offset), TargetOptions(sigma=9))
    assert out.heatmaps.shape == (K + 1, 256 // stride, 320 // stride)
    assert out.pafs.shape == (2 * L, 256 // stride, 320 // stride)
    assert out.mask.shape == (K + 1 + 2 * L, 256 // stride, 320 // stride)
    shift = (stride - 1) / 2 if offset is None else offset
    y, x = np.mgrid[: 256 // stride, : 320 // stride] * stride + shift
    squared = (x - sample.people.xy[:, :, :1, None]) ** 2 + (y - sample.people.xy[:, :, 1:, None]) ** 2
    wanted = np.exp(-squared / (2 * 9**2)).max(0)
    assert np.abs(out.heatmaps[:K] - wanted).max() < 4e-4  # Gaussians end at four sigma
    assert np.array_equal(out.heatmaps[K], 1 - out.heatmaps[:K].max(0))
    assert (out.mask == 1).all()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared oracles are not there")
def test_maps_are_those_of_the_ideal_maps_oracle() -> None:
    sys.path.insert(0, str(SHARED / "oracles"))
    try:
        import ideal_maps
    finally:
        sys.path.pop(0)
    from limbwise.skeletons import OPENPOSE_18

    heads = {"heatmaps": Head("h", tuple(range(19))), "pafs": Head("p", tuple(range(38)))}
    spec = ModelSpec("oracle", OPENPOSE_18, heads, ideal_maps.LIMBS)
    for image in ideal_maps.load(limit=20):
        heatmaps, pafs = ideal_maps.render(image)
        there = ideal_maps.openpose18(image["keypoints"])
        visibility = np.where(there[..., 2] > 0, SEEN, ABSENT).astype(np.int8)
        xy = np.where(visibility[..., None] > 0, there[..., :2], np.nan).astype(np.float32)
        people, size = People(OPENPOSE_18, xy, visibility.astype(np.float32)), (image["height"], image["width"])
        boxes = image["boxes"].astype(np.float32)
        sample = Sample(
            np.zeros((*size, 3), np.uint8), people, visibility, boxes[:, 2], boxes, np.zeros(size, bool), "x"
        )
        out = targets(sample, spec)
        assert np.abs(out.heatmaps - heatmaps).max() < 4e-4
        # a cell whose centre lies on the edge of a limb may fall on either side of it
        assert (np.abs(out.pafs - pafs) > 1e-3).mean() < 1e-3


def test_fields_are_unit_vectors_and_their_mean_where_limbs_cross() -> None:
    lying = STANDING.copy()
    lying[[11, 13]] = [[40, 100], [120, 100]]  # left thigh: rightwards
    upright = STANDING.copy()
    upright[[11, 13]] = [[80, 60], [80, 140]]  # left thigh: down, across the other
    spec = make_spec()
    limb = LIMBS.index((13, 11))  # from knee to hip
    one = targets(make_sample([lying]), spec).pafs[2 * limb : 2 * limb + 2]
    assert np.unique(np.hypot(*one).round(5)).tolist() == [0, 1]
    both = targets(make_sample([lying, upright]), spec).pafs[2 * limb : 2 * limb + 2]
    assert both[:, 12, 10] == pytest.approx([-0.5, -0.5])  # cell (10, 12) is centred on pixel (83.5, 99.5)
    assert both[:, 12, 6] == pytest.approx([-1, 0])


def test_a_limb_shorter_than_a_cell_still_has_a_field() -> None:
    tiny = (STANDING * 0.1).astype(np.float32)
    for shift in np.random.default_rng(0).uniform(20, 200, (50, 2)):
        pafs = targets(make_sample([tiny + shift.astype(np.float32)]), make_spec()).pafs
        assert (np.abs(pafs).reshape(L, -1).max(1) > 0.5).all()


def test_hidden_is_drawn_as_seen_absent_and_unknown_are_not() -> None:
    spec, sample = make_spec(), make_sample([STANDING + 30])
    seen, hidden, absent, unknown = (targets(marked(sample, 0, 9, v), spec) for v in (SEEN, HIDDEN, ABSENT, UNKNOWN))
    assert np.array_equal(seen.heatmaps, hidden.heatmaps)
    assert seen.heatmaps[9].max() > 0.8
    assert absent.heatmaps[9].max() == unknown.heatmaps[9].max() == 0
    assert (absent.mask == 1).all()


def channels(keypoint: int) -> list[int]:
    """What an UNKNOWN keypoint takes out of the loss: itself, the background, the PAFs of its limbs."""
    own = [K + 1 + 2 * i + axis for i, limb in enumerate(LIMBS) if keypoint in limb for axis in (0, 1)]
    return [keypoint, K, *own]


@pytest.mark.parametrize("keypoint", [9, 15])
def test_unknown_takes_its_channels_out_about_its_person_only(keypoint: int) -> None:
    sample = marked(make_sample([STANDING + 30, moved(200, 30)]), 0, keypoint, UNKNOWN)
    mask = targets(sample, make_spec()).mask
    left, top, right, bottom = (sample.boxes[0] + np.array([-20, -20, 20, 20])) / 8
    inside = np.zeros(mask.shape[1:], bool)
    inside[max(0, int(top) + 1) : int(bottom), max(0, int(left) + 1) : int(right)] = True
    out = channels(keypoint)
    assert (mask[out][:, inside] == 0).all()
    assert (mask[out][:, :, 20:] == 1).all()  # the other person is learnt
    assert (np.delete(mask, out, axis=0) == 1).all()


def test_an_unknown_face_is_near_the_shoulders() -> None:
    sample = make_sample([STANDING + 30])
    for k in range(5):
        sample = marked(sample, 0, k, UNKNOWN)
    mask = targets(sample, make_spec()).mask
    assert mask[0, (11 + 30) // 8, (50 + 30) // 8] == 0
    assert mask[0, (155 + 30) // 8, (64 + 30) // 8] == 1  # a knee is no nose


def test_ignored_pixels_ignore_their_cells_in_all_channels() -> None:
    sample = make_sample([STANDING + 30])
    sample.ignore[100, 200] = True
    sample.ignore[8:24, 16:40] = True
    mask = targets(sample, make_spec()).mask
    wanted = np.ones((32, 40))
    wanted[12, 25] = wanted[1, 2:5] = wanted[2, 2:5] = 0
    assert (mask == wanted).all()


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (23, 37), (368, 8)])
def test_any_size_and_nobody(size: tuple[int, int]) -> None:
    out = targets(make_sample([], size), make_spec())
    assert out.heatmaps.shape[1:] == (-(-size[0] // 8), -(-size[1] // 8))
    assert (out.heatmaps[:K].max(), out.heatmaps[K].min(), np.abs(out.pafs).max()) == (0, 1, 0)


def test_another_skeleton_is_refused() -> None:
    spec = make_spec()
    odd = replace(spec.skeleton, name="odd", keypoints=("snout", *COCO_17.keypoints[1:]))
    with pytest.raises(ValueError, match=r"test: on skeleton coco_17, the model's is odd"):
        targets(make_sample([STANDING]), replace(spec, skeleton=odd))


def crowd(rng: np.random.Generator, count: int) -> list[npt.NDArray[np.float32]]:
    """People 120 to 240 pixels high side by side, bent a little, on 480 x 640."""
    people = []
    for i in range(count):
        scale = rng.uniform(0.6, 1.2)
        bent = STANDING * scale + rng.normal(0, 3, STANDING.shape)
        at = np.array([10 + i * 600 / count, rng.uniform(10, 200)])
        people.append((bent + at).astype(np.float32))
    return people


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("stride", "offset"), [(8, None), (8, 4.0), (4, None)])
def test_round_trip(seed: int, stride: int, offset: float | None) -> None:
    rng = np.random.default_rng(seed)
    people = crowd(rng, 1 + seed % 5)
    for person in people:  # up to three keypoints are missing
        person[rng.choice(np.arange(1, K), rng.integers(0, 4), replace=False)] = np.nan
    sample, spec = make_sample(people, (480, 640)), make_spec(stride, offset)
    out = targets(sample, spec)
    found = decode_openpose(out.heatmaps, out.pafs, spec)
    assert len(found) == len(people)
    for person in people:
        errors = [np.linalg.norm(other.xy - person, axis=1) for other in found]
        best = min(errors, key=lambda error: float(np.nan_to_num(error, nan=1e6).mean()))
        there = ~np.isnan(person[:, 0])
        assert np.nanmax(best) < 1
        assert np.array_equal(~np.isnan(best), there)


SPEED = """
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
from test_target_openpose import crowd, make_sample, make_spec
from limbwise.target.openpose import targets
people = [0.55 * person for person in crowd(np.random.default_rng(0), 5)]
sample, spec = make_sample(people, (368, 368)), make_spec()
targets(sample, spec)
times = []
for _ in range(15):
    start = time.process_time()
    for _ in range(30):
        targets(sample, spec)
    times.append((time.process_time() - start) / 30)
print(1 / np.median(times))
"""


def test_at_least_1500_targets_a_second_and_core() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    out = subprocess.run(
        [sys.executable, "-c", SPEED, str(Path(__file__).parent)], env=environment, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    assert float(out.stdout) > 1500, f"{float(out.stdout):.0f} a second"
