"""decode/openpose: drawn people come back, whatever they do to each other; damage and noise do no harm."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.openpose import decode_openpose, decode_with_candidates
from limbwise.decode.options import PRESETS, OpenPoseOptions, everyone
from limbwise.people import People
from limbwise.spec import Head, ModelSpec

Floats = npt.NDArray[np.float32]
NAN = np.float32("nan")


def error_of(people: People, truth: Floats) -> float:
    """The largest distance of a keypoint of `truth` from the person that is nearest to it as a whole; inf where one is missing."""
    there = ~np.isnan(truth[:, 0])
    errors = [np.linalg.norm(person.xy - truth, axis=1)[there].max() for person in people]
    return float(np.nan_to_num(errors, nan=np.inf).min())


def without(person: Floats, *keypoints: int) -> Floats:
    person = person.copy()
    person[list(keypoints)] = NAN
    return person


@pytest.mark.parametrize("shift", [(0, 0), (0.37, 0.71), (4, 4), (7.9, 3.1), (101.3, 13.25)])
@pytest.mark.parametrize("preset", PRESETS)
def test_one_person_comes_back(preset: str, shift: Any, draw: Any, spec: ModelSpec, standing: Floats) -> None:
    people = decode_openpose(*draw([standing + np.float32(shift)]), spec, PRESETS[preset]())
    assert len(people) == 1
    assert error_of(people, standing + np.float32(shift)) < (1 if preset == "default" else 2)
    assert people.visible.all()
    assert (people.scores > 0.5).all()


CROWDS = {
    "side by side": [(0, 0), (160, 5), (310, -3)],
    "overlapping": [(0, 0), (50, 12)],
    "shoulder in shoulder": [(0, 0), (78, 4)],
    "behind each other": [(0, 0), (33, -17), (66, 13)],
}


@pytest.mark.parametrize("shifts", CROWDS.values(), ids=CROWDS)
def test_crowds_come_back(shifts: list[tuple[float, float]], draw: Any, spec: ModelSpec, standing: Floats) -> None:
    truth = [standing + np.float32(shift) for shift in shifts]
    people = decode_openpose(*draw(truth, (55, 70)), spec)
    assert len(people) == len(truth)
    assert max(error_of(people, person) for person in truth) < 2


def test_crossing_people(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """One stands, one lies across the hips of the first: their limbs cross at right angles."""
    lying = np.stack([standing[:, 1] + 0, 330 - standing[:, 0]], axis=1) + np.float32((0, -10))
    people = decode_openpose(*draw([standing + 60, lying], (60, 60)), spec)
    assert len(people) == 2
    assert max(error_of(people, person) for person in (standing + 60, lying)) < 2


def test_offset_and_stride_of_the_spec(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    maps = draw([standing])
    plain = decode_openpose(*maps, spec)
    shifted = replace(spec, heads={name: replace(head, offset=4.0) for name, head in spec.heads.items()})
    finer = replace(spec, heads={name: replace(head, stride=4) for name, head in spec.heads.items()})
    np.testing.assert_allclose(decode_openpose(*maps, shifted).xy, plain.xy + 0.5, atol=1e-4)
    np.testing.assert_allclose(decode_openpose(*maps, finer).xy, (plain.xy - 3.5) / 2 + 1.5, atol=1e-3)


def test_three_groups_meet(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """A weak link between two whole people is left out, and all parts of the third group are still there."""
    a, b = standing, standing + np.float32((170, 0))
    ear = np.full_like(standing, NAN)
    ear[16] = a[16] + np.float32((-45, 10))
    heatmaps, pafs = draw([a, b, ear])
    bridge = np.full_like(standing, NAN)
    bridge[1], bridge[2] = a[1], b[2]  # from one's neck to the other's shoulder
    heatmaps, pafs = np.maximum(heatmaps, draw([bridge])[0]), pafs + 0.5 * draw([bridge])[1]
    people, candidates = decode_with_candidates(heatmaps, pafs, spec, everyone())
    assert people.visible.sum() == sum(len(peaks) for peaks in candidates) == 37
    assert max(error_of(people, person) for person in (a, b)) < 2


def test_no_part_is_in_two_people(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """Two heads on one neck: one person with one head, and the other head on its own."""
    two = standing.copy()
    two[[0, 14, 15, 16, 17]] += np.float32((70, 10))
    people, candidates = decode_with_candidates(*draw([standing, without(two, *range(2, 14))]), spec)
    assert len(candidates[1]) == 1
    assert people.visible[:, 1].sum() == 1
    assert sorted(people.visible.sum(1)) == [5, 18]


def test_best_first_and_max_people(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    truth = [
        without(standing, *range(8, 18)),
        standing + np.float32((170, 0)),
        without(standing, 0, 14, 15, 16, 17) + np.float32((320, 0)),
    ]
    maps = draw(truth, (55, 80))
    people = decode_openpose(*maps, spec)
    assert [int(n) for n in people.visible.sum(1)] == [18, 13, 8]
    assert (np.diff(people.person_scores) < 0).all()
    for most in range(4):
        fewer = decode_openpose(*maps, spec, OpenPoseOptions(max_people=most))
        np.testing.assert_array_equal(fewer.xy, people.xy[:most])


def test_size_counts_if_asked(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    corner = standing[~np.isnan(standing[:, 0])].min(0)
    maps = draw([standing, (standing - corner) * np.float32(0.5) + corner + np.float32((220, 0))], (55, 70))
    alike = decode_openpose(*maps, spec, OpenPoseOptions(person_score="mean"))
    sized = decode_openpose(*maps, spec, OpenPoseOptions(person_score="mean", size_weight=0.5))
    heights = np.ptp(sized.xy[..., 1], axis=1)
    assert heights[0] > 1.8 * heights[1]
    more = sized.person_scores - alike.person_scores[np.argsort(-np.ptp(alike.xy[..., 1], axis=1))]
    assert more[0] - more[1] == pytest.approx(0.5 * np.log(2), abs=0.03)
    box = np.ptp(sized.xy[0], axis=0)
    assert more[0] == pytest.approx(0.5 * np.log(np.sqrt(box.prod()) / (8 * 55)), abs=1e-3)


def test_no_keypoint_is_surer_than_1(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    heatmaps, pafs = draw([standing])
    assert decode_openpose(1.3 * heatmaps, pafs, spec).scores.max() == 1


def test_candidates(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    truth = [standing, standing + np.float32((170, 9))]
    _, candidates = decode_with_candidates(*draw(truth), spec)
    assert len(candidates) == 18
    for k, peaks in enumerate(candidates):
        assert peaks.shape == (2, 3)
        assert peaks.dtype == np.float32
        assert peaks[0, 2] >= peaks[1, 2]
        np.testing.assert_allclose(sorted(peaks[:, 0]), sorted(person[k, 0] for person in truth), atol=1)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 50)])
@pytest.mark.parametrize("fill", [0, 1, -1, np.nan, np.inf, 1e30])
def test_tiny_and_flat_maps(size: tuple[int, int], fill: float, spec: ModelSpec) -> None:
    for options in (preset() for preset in PRESETS.values()):
        people = decode_openpose(
            np.full((19, *size), fill, np.float32), np.full((38, *size), fill, np.float32), spec, options
        )
        assert np.isfinite(people.person_scores).all()


@pytest.mark.parametrize(
    ("heatmaps", "pafs", "message"),
    [((18, 5, 6), (38, 5, 6), r"heatmaps: expected shape \(19, h, w\) for openpose_18, got \(18, 5, 6\)"),
     ((19, 5), (38, 5), r"heatmaps: .* got \(19, 5\)"),
     ((19, 0, 6), (38, 0, 6), r"heatmaps: .* got \(19, 0, 6\)"),
     ((19, 5, 6), (19, 5, 6), r"pafs: expected shape \(38, 5, 6\) for 19 limbs, got \(19, 5, 6\)"),
     ((19, 5, 6), (38, 6, 5), r"pafs: .* got \(38, 6, 5\)")],
)  # fmt: skip
def test_wrong_shapes(heatmaps: Any, pafs: Any, message: str, spec: ModelSpec) -> None:
    with pytest.raises(ValueError, match=message):
        decode_openpose(np.zeros(heatmaps, np.float32), np.zeros(pafs, np.float32), spec)


@pytest.mark.parametrize("seed", range(12))
def test_noise_and_damage(seed: int, draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """Whatever the maps hold: every keypoint is a peak, no peak is in two people, and the same maps give the same people."""
    rng = np.random.default_rng(seed)
    size = (int(rng.integers(1, 50)), int(rng.integers(1, 60)))
    heatmaps, pafs = draw(
        [standing * rng.uniform(0.2, 1, 2) + rng.uniform(-50, 300, 2) for _ in range(rng.integers(0, 6))], size
    )
    heatmaps += rng.normal(0, rng.choice([0, 0.05, 0.5]), heatmaps.shape).astype(np.float32)
    pafs += rng.normal(0, rng.choice([0, 0.05, 0.5]), pafs.shape).astype(np.float32)
    for maps in (heatmaps, pafs):
        maps[rng.random(maps.shape) < rng.choice([0, 0.02])] = rng.choice([np.nan, np.inf, -np.inf, 1e38])
    names = ("default", "python_original", "matlab", "chainer")
    options = replace(PRESETS[names[seed % 4]](), max_peaks=40, matching="hungarian" if seed % 3 == 0 else "greedy")
    people, candidates = decode_with_candidates(heatmaps, pafs, spec, options)
    again = decode_openpose(heatmaps, pafs, spec, options)
    np.testing.assert_array_equal(people.xy, again.xy)
    np.testing.assert_array_equal(people.person_scores, again.person_scores)
    for k, peaks in enumerate(candidates):
        assert len(peaks) <= 40
        used = [tuple(p.xy[k]) for p in people if p.visible[k]]
        assert len(set(used)) == len(used)
        assert set(used) <= {tuple(peak[:2]) for peak in peaks}


def test_damage_counts_as_nothing(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    heatmaps, pafs = draw([standing])
    hole = np.zeros((50, 60), bool)
    hole[:, 40:] = True  # nobody there
    whole = decode_openpose(heatmaps * ~hole, pafs * ~hole, spec)
    heatmaps[:, hole], pafs[:, hole] = np.nan, np.inf
    np.testing.assert_array_equal(decode_openpose(heatmaps, pafs, spec).xy, whole.xy)


def test_other_layouts_of_memory(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """Channels last, double precision: the same people."""
    heatmaps, pafs = draw([standing])
    outputs = np.concatenate([heatmaps, pafs]).transpose(1, 2, 0).copy().transpose(2, 0, 1).astype(np.float64)
    people = decode_openpose(outputs[:19], outputs[19:], spec)
    np.testing.assert_array_equal(people.xy, decode_openpose(heatmaps, pafs, spec).xy)


def test_a_skeleton_without_limbs(spec: ModelSpec, draw: Any, standing: Floats) -> None:
    heads = {"heatmaps": spec.heads["heatmaps"], "pafs": Head("pafs", ())}
    maps, bare = (draw([standing])[0], np.zeros((0, 50, 60), np.float32)), replace(spec, limbs=(), heads=heads)
    assert len(decode_openpose(*maps, bare, OpenPoseOptions(fragment_limit=0))) == 18
    assert len(decode_openpose(*maps, bare)) == 1


def test_a_second_start_does_not_compile() -> None:
    """A new process decodes at once; where the package folder cannot be written, too, by numba's own rules."""
    code = (
        "import time, numpy as np\n"
        "from limbwise.decode.openpose import decode_openpose\n"
        "from limbwise.decode import grouping, limbs, peaks\n"
        "from limbwise.skeletons import OPENPOSE_18\n"
        "from limbwise.spec import Head, ModelSpec\n"
        "heads = {'heatmaps': Head('h', tuple(range(19))), 'pafs': Head('p', tuple(range(34)))}\n"
        "spec = ModelSpec('x', OPENPOSE_18, heads, OPENPOSE_18.limbs)\n"
        "start = time.process_time()\n"
        "decode_openpose(np.zeros((19, 9, 9), np.float32), np.zeros((34, 9, 9), np.float32), spec)\n"
        "entries = (peaks.find_peaks, limbs._score, grouping._follow)\n"
        "print(time.process_time() - start, sum(sum(f.stats.cache_misses.values()) for f in entries))\n"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
        )
        seconds, misses = done.stdout.split()
    assert int(misses) == 0
    assert float(seconds) < 1.5


def test_average_precision_on_ideal_maps(shared: Path, spec: ModelSpec) -> None:
    """Real COCO people, as a perfect network would see them (the whole set is in benchmarks/decoder.py)."""
    pytest.importorskip("pycocotools")
    sys.path.insert(0, str(shared / "oracles"))
    try:
        import ideal_maps
    finally:
        sys.path.pop(0)
    images, rng = ideal_maps.load(limit=100), np.random.default_rng(7)
    for noise, bar in ((0.0, 0.91), (0.05, 0.89)):
        found = []
        for image in images:
            people = decode_openpose(*ideal_maps.render(image, noise, rng), spec, OpenPoseOptions(max_people=20))
            points = np.concatenate([np.nan_to_num(people.xy), people.scores[..., None]], axis=2)
            found.append(list(zip(points, people.person_scores, strict=True)))
        assert ideal_maps.average_precision(images, found)[0] > bar
