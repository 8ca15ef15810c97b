"""The published parameter sets: every difference between them changes what comes out, in the way that is published."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.openpose import decode_openpose
from limbwise.decode.options import PRESETS, OpenPoseOptions, chainer, everyone, matlab, python_original
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
NAN = np.float32("nan")


def only(person: Floats, *keypoints: int) -> Floats:
    """A person of whom nothing else is there."""
    kept = np.full_like(person, NAN)
    kept[list(keypoints)] = person[list(keypoints)]
    return kept


def found(maps: tuple[Floats, Floats], spec: ModelSpec, options: OpenPoseOptions) -> list[int]:
    """How many parts each person has, the most first."""
    return sorted((int(n) for n in decode_openpose(*maps, spec, options).visible.sum(1)), reverse=True)


@pytest.mark.parametrize(
    ("count", "kept"),
    [(1, ()), (2, ()), (3, ("default", "chainer", "matlab")), (4, ("default", "chainer", "matlab", "python_original"))],
)
def test_least_number_of_parts(count: int, kept: tuple[str, ...], draw: Any, spec: ModelSpec, standing: Floats) -> None:
    maps = draw([only(standing, *(1, 2, 3, 4)[:count])])
    assert {name for name, preset in PRESETS.items() if found(maps, spec, preset())} == {*kept, "everyone"}


@pytest.mark.parametrize(
    ("height", "kept"),
    [(0.07, ("chainer",)), (0.15, ("chainer", "matlab")), (0.5, ("chainer", "matlab", "python_original"))],
)
def test_thresholds(height: float, kept: tuple[str, ...], draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """Peaks of 0.05 (Chainer) or 0.1 and more; people of 0.2 or, in Python, 0.4 for each part. All limbs are weak."""
    heatmaps, pafs = draw([standing])
    for name in ("chainer", "matlab", "python_original"):
        options = replace(PRESETS[name](), smoothing=0)
        assert bool(found((heatmaps * height, pafs * 0.2), spec, options)) == (name in kept), name


def test_peak_scores(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """Chainer's are of the smoothed map, those of the others of the map itself."""
    maps = draw([standing])
    raw, smoothed = (decode_openpose(*maps, spec, preset()).scores[0] for preset in (python_original, chainer))
    assert (smoothed < raw).all()
    np.testing.assert_allclose(
        decode_openpose(*maps, spec, replace(chainer(), peak_score="raw")).scores[0], raw, atol=0.01
    )


def test_length_penalty(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """From half the height on in Python and Matlab, from the width on in Chainer."""
    long = only(standing, 1, 2, 3, 4)
    long[4] = long[3] + (5, 240)
    maps = draw([long], (45, 60))  # 360 x 480 pixels
    python, wide = python_original(), replace(python_original(), longest=1, longest_of="width")
    loss = decode_openpose(*maps, spec, wide).person_scores - decode_openpose(*maps, spec, python).person_scores
    assert loss == pytest.approx(1 - 180 / np.hypot(5, 240), abs=0.02)


def test_person_scores(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    maps = draw([standing])
    total, mean, by_parts, peaks = (
        decode_openpose(*maps, spec, OpenPoseOptions(person_score=kind)).person_scores[0]  # type: ignore[arg-type]
        for kind in ("sum", "mean", "by_parts", "peaks")
    )
    assert total == pytest.approx(18 * mean)
    assert by_parts == pytest.approx(18 * total)
    assert peaks == pytest.approx(decode_openpose(*maps, spec).scores.sum())
    assert total - peaks == pytest.approx(19, abs=2)  # as many links of nearly 1
    assert matlab().person_score == "by_parts"


def test_matlab_means_only_the_passing_samples(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    heatmaps, pafs = draw([only(standing, 1, 2, 3, 4)])
    pafs[4:6, 14:17] = 0  # a gap in the upper arm
    scores = {kind: decode_openpose(heatmaps, pafs, spec, replace(matlab(), validity=0.5, mean_of=kind)).person_scores[0]  # type: ignore[arg-type]
              for kind in ("all", "passing")}  # fmt: skip
    assert scores["passing"] > scores["all"] + 0.1


def test_matlab_drops_peaks_that_are_near(draw: Any, spec: ModelSpec) -> None:
    heatmaps, pafs = np.zeros((19, 20, 20), np.float32), np.zeros((38, 20, 20), np.float32)
    heatmaps[0, 5, 5], heatmaps[0, 6, 6] = 1, 0.9  # diagonal neighbours: 11.3 pixels apart
    loose = replace(matlab(), smoothing=0, subpixel="none", min_parts=1)
    assert found((heatmaps, pafs), spec, replace(loose, apart=6)) == [1, 1]
    assert found((heatmaps, pafs), spec, replace(loose, apart=12)) == [1]


def test_redundant_limbs(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """An ear and a shoulder alone begin nothing; two begun pieces are joined in Python, and in Matlab stay two."""
    pair = draw([only(standing, 2, 16)])
    both = draw([only(standing, 16, 14, 0, 2, 3, 4)])
    assert [
        found(pair, spec, replace(preset(), min_parts=1, min_mean_score=0)) for preset in (python_original, matlab)
    ] == [[1, 1], [1, 1]]
    assert found(pair, spec, replace(everyone(), fragment_limit=0)) == [2]
    assert found(both, spec, python_original()) == [6]
    assert found(both, spec, matlab()) == [3, 3]


def test_chainer_counts_merging_links(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """A link that joins two begun groups adds its score to the number of parts too, so that the mean is lower."""
    maps = draw([only(standing, 16, 14, 0, 2, 3, 4)])
    means = [
        decode_openpose(*maps, spec, replace(chainer(), person_score="mean", merges_count=m)).person_scores[0]
        for m in (True, False)
    ]
    assert means[0] < means[1]
    options = replace(chainer(), min_mean_score=float(np.mean(means)))
    assert found(maps, spec, options) == []
    assert found(maps, spec, replace(options, merges_count=False)) == [6]


def test_greedy_and_hungarian_differ(spec: ModelSpec) -> None:
    """Two necks, two shoulders: greedy takes the best pair and leaves the rest; the sum is greatest the other way."""
    heatmaps, pafs = np.zeros((19, 20, 30), np.float32), np.zeros((38, 20, 30), np.float32)
    necks, shoulders = ((5, 5), (5, 15)), ((25, 5), (25, 15))
    for k, points in ((1, necks), (2, shoulders)):
        for x, y in points:
            heatmaps[k, y, x] = 1
    pafs[0, 5, 5:26] = 0.75  # the best pair is the first neck and the first shoulder
    for start, stop, strength in (((5, 5), (25, 15), 0.85), ((5, 15), (25, 5), 0.8)):
        for t in np.linspace(0, 1, 200)[5:-5]:
            x, y = (round(a + t * (b - a)) for a, b in zip(start, stop, strict=True))
            direction = np.subtract(stop, start) / np.hypot(*np.subtract(stop, start))
            pafs[:2, y, x] = strength * direction / max(direction[0], 1e-6)
    options = replace(everyone(), subpixel="none", fragment_limit=0, validity=0.5)
    assert found((heatmaps, pafs), spec, options) == [2, 1, 1]
    assert found((heatmaps, pafs), spec, replace(options, matching="hungarian")) == [2, 2]


def test_order_of_links(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """A weak neck-shoulder link comes first by limb; by score the shoulder goes with a stranger's ear, and then cannot join."""
    stranger = only(standing, 2)
    stranger[16] = standing[2] + (-60, -90)
    own, other = draw([only(standing, 0, 1, 2, 14, 16)]), draw([stranger])
    pafs = own[1] * np.repeat([0.3, *[1] * 16, 0, 1], 2)[:, None, None].astype(np.float32) + other[1]
    maps = np.maximum(own[0], other[0]), pafs
    assert found(maps, spec, replace(everyone(), order="limb", fragment_limit=0)) == [5, 1]
    assert found(maps, spec, replace(everyone(), order="score", fragment_limit=0)) == [4, 2]


@pytest.mark.parametrize(
    "changes",
    [{"samples": 1}, {"validity": 1.5}, {"longest": 0}, {"max_people": -1}, {"smoothing": -1}, {"apart": float("nan")}],
)
def test_options_that_cannot_be_meant(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        OpenPoseOptions(**changes)


def test_every_option_is_used_by_a_preset_or_free() -> None:
    """The presets differ from the default in what is published, and say nothing of the rest."""
    free = {"max_people", "max_peaks", "matching", "samples", "penalty", "min_limb_score", "subpixel", "size_weight"}
    changed = {
        f.name
        for f in fields(OpenPoseOptions)
        for preset in PRESETS.values()
        if getattr(preset(), f.name) != getattr(OpenPoseOptions(), f.name)
    }
    assert changed == {f.name for f in fields(OpenPoseOptions)} - free


def test_weak_peaks_join_but_do_not_begin(draw: Any, spec: ModelSpec, standing: Floats) -> None:
    """A wrist of 0.02 is taken with the arm; an arm of which every part is that weak is not a person."""
    heatmaps, pafs = draw([only(standing, 2, 3, 4)])
    faint = heatmaps.copy()
    faint[4] *= 0.02
    for maps, expected in (((heatmaps, pafs), [3]), ((faint, pafs), [3]), ((heatmaps * 0.02, pafs), [])):
        assert found(maps, spec, everyone()) == expected
    assert found((faint, pafs), spec, replace(everyone(), weak=0.03)) == [2]
    assert found((faint, pafs * 0), spec, replace(everyone(), fragment_limit=0)) == [1, 1]
