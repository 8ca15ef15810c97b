"""decode/grouping and decode/fragments: from links to people, as small tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.fragments import TYPICAL_BODY, join_fragments, typical_body
from limbwise.decode.grouping import REDUNDANT, group_links, order_links, redundant_limbs
from limbwise.skeletons import BODY_25, COCO_17, HAND_21, MPI_15, MPII_16, OPENPOSE_18

# Three kinds of parts, A, B and C; peaks 0 1 are As, 2 3 are Bs, 4 5 are Cs. Limbs: 0 = A-B, 1 = B-C, 2 = A-C (redundant).
START = np.array([0, 2, 4, 6])


def groups(
    links: list[tuple[int, int, int, float]], redundant: str = "equal", start: Any = START
) -> list[tuple[int, ...]]:
    """The peaks of each person, with links (limb, peak, peak, score) followed in the order given."""
    table = np.array([link[:3] for link in links], np.int64).reshape(-1, 3)
    scores = np.array([link[3] for link in links], np.float32)
    rule = np.array([0, 0, REDUNDANT[redundant]])
    parts, sums, merges = group_links(
        start, table, scores, np.arange(len(links)), rule, np.ones(start[-1], np.float32), 0.0
    )
    assert len(parts) == len(sums) == len(merges)
    return sorted(tuple(int(p) for p in row if p >= 0) for row in parts)


TABLES = {
    "nothing": ([], [(0,), (1,), (2,), (3,), (4,), (5,)]),
    "chain": ([(0, 0, 2, 1), (1, 2, 4, 1)], [(0, 2, 4), (1,), (3,), (5,)]),
    "two people": ([(0, 0, 2, 1), (0, 1, 3, 1), (1, 2, 5, 1), (1, 3, 4, 1)], [(0, 2, 5), (1, 3, 4)]),
    "a peak is taken once": ([(0, 0, 2, 0.9), (0, 1, 2, 0.8), (0, 0, 3, 0.7)], [(0, 2), (1,), (3,), (4,), (5,)]),
    "the next best instead": ([(0, 0, 2, 0.9), (0, 1, 2, 0.8), (0, 1, 3, 0.7)], [(0, 2), (1, 3), (4,), (5,)]),
    "two halves": ([(1, 2, 4, 1), (2, 0, 4, 1)], [(0, 2, 4), (1,), (3,), (5,)]),
    "a clash leaves both": ([(0, 0, 2, 1), (1, 3, 4, 1), (2, 0, 5, 1), (1, 2, 4, 0.5)], [(0, 2, 5), (1,), (3, 4)]),
    "three groups meet": ([(0, 0, 2, 1), (0, 1, 3, 1), (2, 0, 4, 0.9), (1, 3, 4, 0.8)], [(0, 2, 4), (1, 3), (5,)]),
}


@pytest.mark.parametrize(("links", "expected"), TABLES.values(), ids=TABLES)
def test_groups(links: Any, expected: Any) -> None:
    assert groups(links) == sorted(expected)


REDUNDANT_TABLES = {
    "begins a person": ([(2, 0, 4, 1)], {"equal": 5, "join": 6, "fill": 6, "off": 6}),
    "fills in a part": ([(0, 0, 2, 1), (2, 0, 4, 1)], {"equal": 4, "join": 4, "fill": 4, "off": 5}),
}


@pytest.mark.parametrize(("links", "counts"), REDUNDANT_TABLES.values(), ids=REDUNDANT_TABLES)
def test_redundant_limbs_do_what_they_may(links: Any, counts: dict[str, int]) -> None:
    assert {name: len(groups(links, name)) for name in REDUNDANT} == counts


def test_redundant_limbs_join_people() -> None:
    """Four kinds of parts, A-B and C-D linked, then B-C by a redundant limb."""
    links, start = [(0, 0, 1, 1.0), (1, 2, 3, 1.0), (2, 1, 2, 1.0)], np.arange(5)
    assert {name: len(groups(links, name, start)) for name in REDUNDANT} == {"equal": 1, "join": 1, "fill": 2, "off": 2}


def test_scores_are_the_sums_of_the_links() -> None:
    links = np.array([(0, 0, 1), (1, 2, 3), (2, 1, 2), (3, 0, 3)])
    parts, sums, merges = group_links(
        np.arange(5),
        links,
        np.array([1, 2, 4, 8], np.float32),
        np.arange(4),
        np.zeros(4, int),
        np.ones(4, np.float32),
        0.0,
    )
    assert parts.tolist() == [[0, 1, 2, 3]]
    assert sums.tolist() == [15]  # the link that closes a circle counts too
    assert merges.tolist() == [4]


def test_people_need_one_strong_peak() -> None:
    """Two pairs and a peak alone; only the first pair is of strong ones."""
    links, heights = np.array([(0, 0, 1), (0, 2, 3)]), np.array([0.2, 0.2, 0.1, 0.1, 0.1], np.float32)
    rest = (np.arange(6), links, np.ones(2, np.float32), np.arange(2), np.zeros(1, int), heights)
    assert group_links(*rest, 0.15)[0].tolist() == [[0, 1, -1, -1, -1]]
    assert group_links(*rest, 0.05)[0].tolist() == [[0, 1, -1, -1, -1], [-1, -1, 2, 3, -1], [-1, -1, -1, -1, 4]]


def test_which_limbs_are_redundant() -> None:
    openpose = (*OPENPOSE_18.limbs, (2, 16), (5, 17))
    assert redundant_limbs(openpose, 18).tolist() == [False] * 17 + [True] * 2
    # COCO's 17 limbs hold 16 keypoints together, so that one closes the hips, and nose and eyes are a triangle
    assert redundant_limbs(COCO_17.limbs, 17).sum() == len(COCO_17.limbs) - (17 - pieces(COCO_17.limbs, 17))
    assert redundant_limbs((), 4).tolist() == []


def pieces(limbs: Any, count: int) -> int:
    """Connected components, from scipy."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.array(limbs).T
    return int(connected_components(coo_array((np.ones(len(a)), (a, b)), (count, count)))[0])


def body_peaks(scale: float, shift: tuple[float, float], mirrored: bool = False) -> npt.NDArray[np.float32]:
    """(18, 3) a typical body somewhere."""
    xy = typical_body(OPENPOSE_18)[:, :2] * (-scale if mirrored else scale, scale) + shift
    return np.concatenate([xy, np.ones((18, 1))], axis=1).astype(np.float32)


def rows(*people: list[tuple[int, ...]]) -> npt.NDArray[np.int64]:
    """Fragments as rows of peaks; the n-th person's peaks follow those of the ones before."""
    table = []
    for n, fragments in enumerate(people):
        for fragment in fragments:
            table.append([18 * n + k if k in fragment else -1 for k in range(18)])
    return np.array(table, np.int64)


HEAD, RIGHT_ARM, LEFT_ARM, LEGS = (0, 14, 15, 16, 17), (2, 3, 4), (5, 6, 7), (8, 9, 11, 12)
BODY = typical_body(OPENPOSE_18)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("scale", [0.5, 8, 100])
def test_pieces_of_a_body_become_one(scale: float, mirrored: bool) -> None:
    into = join_fragments(rows([HEAD, RIGHT_ARM, LEFT_ARM, LEGS]), body_peaks(scale, (30, 20), mirrored), BODY, 3.0)
    assert len(set(into.tolist())) == 1


def test_pieces_of_two_bodies_become_two() -> None:
    peaks = np.concatenate([body_peaks(8, (30, 20)), body_peaks(8, (42, 22))])
    into = join_fragments(rows([HEAD, RIGHT_ARM, LEGS], [HEAD, LEFT_ARM, LEGS]), peaks, BODY, 3.0)
    assert [into[i] == into[0] for i in range(6)] == [True] * 3 + [False] * 3
    assert [into[i] == into[3] for i in range(6)] == [False] * 3 + [True] * 3


def test_what_does_not_fit_stays_alone() -> None:
    """Legs above the head; a body of other size; a part of a kind that is there; parts that nobody knows."""
    upside = body_peaks(8, (30, 20)) * (1, -1, 1) + np.float32((0, 40, 0))
    upside[list(HEAD)] = body_peaks(8, (30, 20))[list(HEAD)]
    small = np.concatenate([body_peaks(8, (30, 20)), body_peaks(1, (55, 40))])
    for peaks, parts in (
        (upside, rows([HEAD, LEGS])),
        (small, rows([HEAD], [LEGS])),
        (body_peaks(8, (30, 20)), rows([HEAD, HEAD])),
    ):
        assert join_fragments(parts, peaks.astype(np.float32), BODY, 3.0).tolist() == [0, 1]
    assert join_fragments(rows([HEAD, LEGS]), body_peaks(8, (30, 20)), np.zeros_like(BODY), 3.0).tolist() == [0, 1]
    assert join_fragments(np.zeros((0, 18), np.int64), np.zeros((0, 3), np.float32), BODY, 3.0).tolist() == []


def test_coincident_parts_and_crowds_of_fragments() -> None:
    lone = np.full((2000, 18), -1, np.int64)
    lone[np.arange(2000), np.arange(2000) % 18] = np.arange(2000)
    peaks = np.random.default_rng(0).uniform(0, 60, (2000, 3)).astype(np.float32)
    peaks[:100, :2] = 5
    into = join_fragments(lone, peaks, BODY, 3.0)
    joined = [lone[into == i] for i in set(into.tolist())]
    assert all((group >= 0).sum(0).max() == 1 for group in joined)


@pytest.mark.parametrize("skeleton", [COCO_17, OPENPOSE_18, BODY_25, MPII_16, MPI_15], ids=lambda s: s.name)
def test_typical_bodies_know_their_parts(skeleton: Any) -> None:
    body = typical_body(skeleton)
    assert (body[:, 2] > 0).all()
    np.testing.assert_allclose(body[skeleton.flip], body * (-1, 1, 1), atol=1e-6)


def test_a_hand_has_no_typical_body() -> None:
    assert not typical_body(HAND_21).any()
    assert len(TYPICAL_BODY) == 17


@pytest.mark.parametrize(
    ("by_limb", "redundant", "order"),
    [
        (False, [False, False, False], [3, 0, 1, 2, 4]),
        (False, [False, False, True], [0, 1, 2, 3, 4]),
        (True, [False, False, True], [0, 1, 2, 3, 4]),
    ],
    ids=["best first", "limb 2 after the others", "limb by limb"],
)
def test_order_of_links(by_limb: bool, redundant: list[bool], order: list[int]) -> None:
    """Of equals the first comes first; the best has a weak peak, 5, and comes last."""
    links = np.array([(0, 0, 2), (0, 1, 3), (1, 2, 4), (2, 0, 4), (0, 0, 5)])
    scores, heights = np.array([0.5, 0.5, 0.3, 0.7, 0.9], np.float32), np.ones(6, np.float32)
    heights[5] = 0.1
    assert order_links(links, scores, heights, 0.5, np.array(redundant), by_limb).tolist() == order


def test_a_link_between_low_peaks_comes_later() -> None:
    links, scores = np.array([(0, 0, 2), (0, 1, 3)]), np.array([0.6, 0.5], np.float32)
    heights = np.array([0.1, 0.9, 0.1, 0.9], np.float32)
    for by_limb, order in ((False, [1, 0]), (True, [0, 1])):
        assert order_links(links, scores, heights, 0.0, np.zeros(1, bool), by_limb).tolist() == order
