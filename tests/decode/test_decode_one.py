"""One person in a known place, by peaks and limbs together."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from limbwise.decode.one import choose, decode_one
from limbwise.decode.single import decode_single
from limbwise.skeleton import Skeleton
from limbwise.spec import Head, ModelSpec

LIMBS = ((0, 1), (1, 2), (0, 2))
THREE = Skeleton("three", ("a", "b", "c"), LIMBS, (0.1, 0.1, 0.1))
SPEC = ModelSpec("three", THREE, {"heatmaps": Head("h", (0, 1, 2, 3)), "pafs": Head("p", tuple(range(6)))}, LIMBS)


def bump(x: float, y: float) -> np.ndarray:
    ys, xs = np.mgrid[:20, :30]
    return np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 2).astype(np.float32)


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """a, b, c in a row at cells (5, 10), (12, 10), (20, 10); b is seen more clearly where nobody's limbs lead, at (12, 17)."""
    b = np.maximum(0.5 * bump(12, 10), bump(12, 17))
    heatmaps = np.stack([bump(5, 10), b, bump(20, 10), np.zeros((20, 30), np.float32)])
    pafs = np.zeros((6, 20, 30), np.float32)
    pafs[0::2, 9:12, 4:22] = 1
    return heatmaps, pafs


def test_limbs_outweigh_a_higher_peak() -> None:
    heatmaps, pafs = drawn()
    np.testing.assert_allclose(decode_single(heatmaps, SPEC)[0].xy[1], [99.5, 139.5], atol=2.1)
    person = decode_one(heatmaps, pafs, SPEC)[0]
    np.testing.assert_allclose(person.xy, [[43.5, 83.5], [99.5, 83.5], [163.5, 83.5]], atol=0.6)
    alone = decode_one(heatmaps, np.zeros_like(pafs), SPEC)[0]
    np.testing.assert_allclose(alone.xy[1], [99.5, 139.5], atol=0.6)


def test_a_keypoint_without_a_peak_is_where_its_map_is_highest() -> None:
    heatmaps, pafs = drawn()
    heatmaps[2] = 0
    person = decode_one(heatmaps, pafs, SPEC, (0, 0, 239, 159))[0]
    assert np.isfinite(person.xy).all()
    assert person.scores[2] == 0


@pytest.mark.parametrize("seed", range(20))
def test_on_a_tree_the_choice_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 5, 4)
    start = np.concatenate([[0], np.cumsum(counts)])
    limbs = np.array([(0, 1), (1, 2), (1, 3)])
    heights = rng.random(start[-1]).astype(np.float32)
    links = np.array([(limb, a, b) for limb, (s, t) in enumerate(limbs)
                      for a in range(start[s], start[s + 1]) for b in range(start[t], start[t + 1])])  # fmt: skip
    fits = rng.uniform(-1, 1, len(links)).astype(np.float32)
    fit = {tuple(link): value for link, value in zip(links.tolist(), fits, strict=True)}

    def total(peaks: tuple[int, ...]) -> float:
        return float(
            heights[list(peaks)].sum() + sum(fit[limb, peaks[s], peaks[t]] for limb, (s, t) in enumerate(limbs))
        )

    best = max(product(*(range(start[k], start[k + 1]) for k in range(4))), key=total)
    assert tuple(choose(heights, start, limbs, links, fits)) == best
