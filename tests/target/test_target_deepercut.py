"""DeeperCut targets: values at the cells, whose joint wins, units, masks, statistics. The way back is in test_decode_deepercut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from test_target_openpose import STANDING, K, make_sample, marked, moved

from limbwise.geometry import SizeRule
from limbwise.sample import UNKNOWN, Sample
from limbwise.skeletons import COCO_17
from limbwise.spec import Head, InputSpec, ModelSpec, ordered_pairs
from limbwise.target.deepercut import DiscOptions, statistics, targets

PAIRS = ordered_pairs(K)


def make_spec(offset: float | None = 4.0, multiple: int = 16, pairwise: bool = True) -> ModelSpec:
    heads = {
        "part_logits": Head("p", tuple(range(K)), 8, offset),
        "offsets": Head("o", tuple(range(2 * K)), 8, offset, (7.2801,) * (2 * K)),
    }
    if pairwise:
        scale, mean = np.linspace(5, 90, 4 * len(PAIRS)).reshape(2, -1).tolist()
        heads["pairwise"] = Head("v", tuple(range(2 * len(PAIRS))), 8, offset, tuple(scale), tuple(mean))
    return ModelSpec("test", COCO_17, heads, input=InputSpec(size=SizeRule(multiple=multiple)), method="deepercut")


def by_hand(
    sample: Sample, spec: ModelSpec, radius: float, size: tuple[int, int]
) -> dict[str, npt.NDArray[np.float32]]:
    """Discs, offsets and vectors in input pixels by the formula, a cell at a time: NaN where there is none."""
    parts = np.zeros((K, *size))
    offsets, vectors = np.full((2 * K, *size), np.nan), np.full((2 * len(PAIRS), *size), np.nan)
    xy, shift = sample.people.xy.astype(float), 3.5 if spec.heads["part_logits"].offset is None else 4.0
    for k in range(K):
        for i, j in np.ndindex(*size):
            cell = np.array([8 * j + shift, 8 * i + shift])
            away = np.nan_to_num(np.linalg.norm(xy[:, k] - cell, axis=1), nan=1e9)
            if len(away) and away.min() <= radius:
                owner = xy[away.argmin()]
                parts[k, i, j] = 1
                offsets[2 * k : 2 * k + 2, i, j] = owner[k] - cell
                for pair in np.flatnonzero(PAIRS[:, 0] == k):
                    vectors[2 * pair : 2 * pair + 2, i, j] = owner[PAIRS[pair, 1]] - cell
    return {"part_logits": parts, "offsets": offsets, "pairwise": vectors}


@pytest.mark.parametrize(("offset", "radius"), [(4.0, 17.0), (None, 25.0)])
def test_values_at_the_cells_are_the_formula(offset: float | None, radius: float) -> None:
    sample = make_sample([moved(30, 20), moved(51.3, 31.7), moved(38, 24)], (240, 200))
    sample = marked(sample, 2, 9, 0)  # the third has no left wrist
    spec = make_spec(offset)
    out = targets(sample, spec, DiscOptions(radius))
    wanted = by_hand(sample, spec, radius, (30, 26))  # 200 is padded to 208
    for name, maps in wanted.items():
        found = spec.heads[name].meant(out.maps[name])
        there = ~np.isnan(maps)
        assert np.array_equal(out.masks[name] > 0, there)
        assert np.abs(found[there] - maps[there]).max() < 1e-3
        assert (out.maps[name][~there] == 0).all()
        assert out.maps[name].dtype == out.masks[name].dtype == np.float32


def test_a_network_without_pairwise_has_no_such_target() -> None:
    out = targets(make_sample([STANDING]), make_spec(pairwise=False))
    assert out.maps.keys() == out.masks.keys() == {"part_logits", "offsets"}


def test_unknown_takes_its_part_out_about_its_person_only() -> None:
    sample = marked(make_sample([STANDING + 30, moved(200, 30)]), 0, 9, UNKNOWN)
    out = targets(sample, make_spec())
    mask = out.masks["part_logits"]
    assert mask[9, 4:28, 6:14].max() == 0
    assert mask[9, :, 20:].min() == 1
    assert np.delete(mask, 9, axis=0).min() == 1
    to_it = np.flatnonzero(PAIRS[:, 1] == 9)[0] * 2
    assert out.masks["pairwise"][to_it, :, :18].max() == 0
    assert out.masks["pairwise"][to_it, :, 18:].max() == 1


def test_ignored_pixels_ignore_their_cells_in_all_heads() -> None:
    sample = make_sample([STANDING + 30])
    x, y = (sample.people.xy[0, 5] // 8).astype(int)  # the cell of the left shoulder
    everywhere = targets(sample, make_spec())
    sample.ignore[8 * y + 3, 8 * x + 3] = True
    out = targets(sample, make_spec())
    for name in out.maps:
        wanted = everywhere.masks[name].copy()
        wanted[:, y, x] = 0
        assert np.array_equal(out.masks[name], wanted)
    assert everywhere.masks["pairwise"][:, y, x].any()


@pytest.mark.parametrize(
    ("size", "multiple", "cells"), [((1, 1), 16, (2, 2)), ((23, 37), 1, (3, 5)), ((40, 48), 16, (6, 6))]
)
def test_any_size_and_nobody(size: tuple[int, int], multiple: int, cells: tuple[int, int]) -> None:
    out = targets(make_sample([], size), make_spec(multiple=multiple))
    assert {maps.shape[1:] for maps in out.maps.values()} == {cells}
    assert not any(maps.any() for maps in out.maps.values())
    assert (out.masks["part_logits"] == 1).all()


def test_another_skeleton_is_refused() -> None:
    spec = make_spec()
    odd = replace(spec.skeleton, name="odd", keypoints=("snout", *COCO_17.keypoints[1:]))
    with pytest.raises(ValueError, match=r"test: on skeleton coco_17, the model's is odd"):
        targets(make_sample([STANDING]), replace(spec, skeleton=odd))


def test_statistics_are_those_of_the_vectors_and_their_mirror_images() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(STANDING, 9, (50, K, 2))
    people[rng.random((50, K)) < 0.2] = np.nan
    people[:, 16] = np.nan  # nobody has a right ankle, so that pairs of it come from mirrored left ones
    means, deviations = statistics(people, COCO_17.flip)
    for row, (a, b) in enumerate(PAIRS.tolist()):
        fa, fb = COCO_17.flip[[a, b]]
        other = (people[:, fb] - people[:, fa]) * [-1, 1]
        vectors = np.concatenate([people[:, b] - people[:, a], other])
        vectors = vectors[~np.isnan(vectors).any(1)]
        if {a, b} == {15, 16}:
            assert (means[row].tolist(), deviations[row].tolist()) == ([0, 0], [1, 1])
            continue
        assert means[row] == pytest.approx(vectors.mean(0), abs=1e-4)
        assert deviations[row] == pytest.approx(vectors.std(0), rel=1e-4)
