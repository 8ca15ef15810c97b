"""IDF1 and HOTA against TrackEval's definitions, done by brute force, and against cases counted by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from limbwise.metric.identity import ALPHAS, Frame, HotaCounts, IdCounts, count_hota, count_ids

SWAPPED: list[Frame] = [([1, 2], [7, 8], np.eye(2)), ([1, 2], [8, 7], np.eye(2)), ([2, 1], [7, 8], np.eye(2)[::-1])]


def random_frames(seed: int, count: int = 12, truths: int = 4, founds: int = 5) -> list[Frame]:
    """Frames of random ids and similarities, some of them NaN."""
    rng = np.random.default_rng(seed)
    frames: list[Frame] = []
    for _ in range(count):
        truth, found = (rng.permutation(most)[: rng.integers(most + 1)] for most in (truths, founds))
        similarity = rng.uniform(0, 1, (len(truth), len(found)))
        similarity[rng.uniform(size=similarity.shape) < 0.3] = np.nan
        frames.append((truth, found + 100, similarity))
    return frames


def test_kept_ids_are_perfect() -> None:
    frames: list[Frame] = [([3, 5], [10, 11], np.eye(2))] * 4
    assert count_ids(frames) == IdCounts(8, 8, 8)
    assert count_ids(frames).idf1 == count_ids(frames).precision == count_ids(frames).recall == 1
    counts = count_hota(frames)
    assert (counts.hota, counts.detection, counts.associated, counts.located) == (1, 1, 1, 1)


def test_ids_swapped_in_one_of_three_frames() -> None:
    ids = count_ids(SWAPPED)
    assert ids == IdCounts(4, 6, 6)
    assert ids.idf1 == pytest.approx(2 / 3)
    counts = count_hota(SWAPPED)
    assert counts.detection == 1
    # of each person two matches share their pair with 2 of 4 appearances, one with 1 of 5
    assert counts.associated == pytest.approx((2 * 2 / 4 + 1 / 5) / 3)
    assert counts.hota == pytest.approx(np.sqrt((2 * 2 / 4 + 1 / 5) / 3))


@pytest.mark.parametrize(
    ("frames", "idf1", "hota"),
    [
        ([], None, None),
        ([([], [], np.zeros((0, 0)))], None, None),
        ([([1], [], np.zeros((1, 0)))], 0, 0),
        ([([], [1], np.zeros((0, 1)))], 0, 0),
        ([([1], [4], [[np.nan]])], 0, 0),
    ],
)
def test_nobody(frames: list[Frame], idf1: float | None, hota: float | None) -> None:
    assert count_ids(frames).idf1 == pytest.approx(np.nan if idf1 is None else idf1, nan_ok=True)
    assert count_hota(frames).hota == pytest.approx(np.nan if hota is None else hota, nan_ok=True)


@pytest.mark.parametrize("seed", range(5))
def test_idf1_is_the_best_one_to_one_naming(seed: int) -> None:
    """Every way to give each true id a found id or nobody's, tried."""
    frames = random_frames(seed)
    agree = np.zeros((4, 5 + 4))
    for truth, found, similarity in frames:
        for i, t in enumerate(np.asarray(truth)):
            for j, f in enumerate(np.asarray(found)):
                agree[t, f - 100] += np.asarray(similarity)[i, j] >= 0.5
    best = max(sum(agree[t, f] for t, f in enumerate(names)) for names in permutations(range(9), 4))
    counts = count_ids(frames)
    assert counts.kept == best > 0
    assert (counts.truth, counts.found) == tuple(sum(len(np.asarray(f[side])) for f in frames) for side in (0, 1))


def slow_hota(frames: list[Frame]) -> tuple[float, float, float]:
    """HOTA, DetA, AssA of Luiten et al., term by term; pairs of a frame found by trying all."""
    appears: dict[tuple[str, int], int] = {}
    shared: dict[tuple[int, int], float] = {}
    for truth, found, similarity in frames:
        s = np.nan_to_num(np.asarray(similarity))
        for side, ids in (("t", truth), ("f", found)):
            for name in np.asarray(ids):
                appears[side, name] = appears.get((side, name), 0) + 1
        for i, t in enumerate(np.asarray(truth)):
            for j, f in enumerate(np.asarray(found)):
                union = s[i].sum() + s[:, j].sum() - s[i, j]
                shared[t, f] = shared.get((t, f), 0) + (s[i, j] / union if union > 0 else 0)

    def worth(i: int, j: int, truth: list[int], found: list[int], s: np.ndarray) -> float:
        t, f = truth[i], found[j]
        return float(s[i, j] * shared[t, f] / (appears["t", t] + appears["f", f] - shared[t, f]))

    matched = []
    for truth, found, similarity in frames:
        truth, found, s = list(np.asarray(truth)), list(np.asarray(found)), np.nan_to_num(np.asarray(similarity))
        ways = permutations([*range(len(found)), *[-1] * len(truth)], len(truth))
        best = max(ways, key=lambda way: sum(worth(i, j, truth, found, s) for i, j in enumerate(way) if j >= 0))
        matched.append([(truth[i], found[j], s[i, j]) for i, j in enumerate(best) if j >= 0])
    total = sum(appears.values())
    hota, detection, association = [], [], []
    for alpha in ALPHAS:
        pairs = [(t, f) for frame in matched for t, f, s in frame if s >= alpha]
        jaccard = [(c := pairs.count((t, f))) / (appears["t", t] + appears["f", f] - c) for t, f in pairs]
        detection.append(len(pairs) / (total - len(pairs)))
        association.append(sum(jaccard) / max(1, len(pairs)))
        hota.append((detection[-1] * association[-1]) ** 0.5)
    return float(np.mean(hota)), float(np.mean(detection)), float(np.mean(association))


@pytest.mark.parametrize("seed", range(5))
def test_hota_is_what_its_paper_says(seed: int) -> None:
    frames = random_frames(seed, count=10, truths=3, founds=4)
    counts = count_hota(frames)
    assert 0 < counts.hota < 1
    assert (counts.hota, counts.detection, counts.associated) == pytest.approx(slow_hota(frames))


def test_counts_of_two_sequences_add_up() -> None:
    together: HotaCounts = count_hota(SWAPPED) + count_hota([([1], [], np.zeros((1, 0)))])
    assert together.detection == pytest.approx(6 / 7)
    assert count_ids(SWAPPED) + IdCounts(1, 2, 3) == IdCounts(5, 8, 9)
