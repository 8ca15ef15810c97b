"""Gaps: filled between two sightings, marked by the score 0, never after the last one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from walking import Walkers

from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.track.gaps import GapFiller, Sightings


def named(people: People, *ids: int) -> People:
    return replace(people, ids=np.array(ids, np.int64))


def without(people: People, keypoint: int) -> People:
    xy = people.xy.copy()
    xy[:, keypoint] = np.nan
    return replace(people, xy=xy)


def run(filler: GapFiller, frames: list[People], given: list[dict[int, int]] | None = None) -> list[People]:
    out = []
    for f, people in enumerate(frames):
        out += filler.push(people, f / 25, given[f] if given else {})
    return out + filler.flush()


def test_a_person_and_a_keypoint_come_back(walkers: Walkers) -> None:
    frames = [named(walkers((100 + 10 * f, 100)), 4) for f in range(8)]
    frames[2] = frames[3] = named(walkers(), *())
    frames[6] = without(frames[6], 9)
    out = run(GapFiller(0.2, 2, False), frames)
    assert [len(people) for people in out] == [1] * 8
    for f, people in enumerate(out):
        np.testing.assert_allclose(people.xy, walkers((100 + 10 * f, 100)).xy, atol=1e-3)
        assert people.ids.tolist() == [4]
    assert [int(people.filled.sum()) for people in out] == [0, 0, 17, 17, 0, 0, 1, 0]
    assert (out[2].scores == 0).all()
    assert out[6].scores[0, 9] == 0


def test_long_gaps_and_ends_stay_empty(walkers: Walkers) -> None:
    here, nobody = named(walkers((100, 100)), 0), named(walkers(), *())
    out = run(GapFiller(0.2, 2, False), [here, *[nobody] * 5, here, nobody, nobody])
    assert [len(people) for people in out] == [1, 0, 0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(("away", "filled"), [(64, 64), (65, 0), (90, 0)])
def test_of_a_gap_longer_than_frames_wait_nothing_is_filled(walkers: Walkers, away: int, filled: int) -> None:
    here, nobody = named(walkers((100, 100)), 0), named(walkers(), *())
    out = run(GapFiller(5, 2, False), [here, *[nobody] * away, here])
    assert [len(people) for people in out] == [1, *[filled // away] * away, 1]


def test_results_come_late_by_the_longest_gap_and_no_more(walkers: Walkers) -> None:
    filler, counts = GapFiller(0.2, 2, False), []
    for f in range(20):
        counts.append(len(filler.push(named(walkers((9, 9)), 0), f / 25, {})))
    assert counts == [0] * 5 + [1] * 15
    assert len(filler.flush()) == 5
    assert len(GapFiller(0, 2, False).push(named(walkers((9, 9)), 0), 0, {})) == 1


def test_ids_given_late_reach_back(walkers: Walkers) -> None:
    two = walkers((100, 100), (400, 100))
    frames = [named(two, -5, -1), named(two[:0], *()), named(two, -5, -1), named(two, 0, -1)]
    given = [{}, {}, {}, {-5: 0}]
    out = run(GapFiller(0.2, 2, False), frames, given)
    assert [people.ids.tolist() for people in out] == [[0]] * 4
    assert out[1].filled.all()
    out = run(GapFiller(0.2, 2, True), frames, given)
    assert [people.ids.tolist() for people in out] == [[0, -1], [0], [0, -1], [0, -1]]


@pytest.mark.parametrize("stop", [1, 3, 4, 6])
def test_memory_goes_on_through_json(walkers: Walkers, stop: int) -> None:
    frames = [named(walkers((100 + 10 * f, 100)), 0) for f in range(9)]
    frames[4] = named(walkers(), *())
    whole = run(GapFiller(0.2, 2, False), frames)
    first = GapFiller(0.2, 2, False)
    for f in range(stop):
        first.push(frames[f], f / 25, {})
    kept = Sightings.from_plain(first.sightings.to_plain(), 17)
    second, rest = GapFiller(0.2, 2, False, kept), []
    for f in range(stop, 9):
        rest += second.push(frames[f], f / 25, {})
    rest += second.flush()
    for one, other in zip(whole[stop:], rest, strict=True):
        np.testing.assert_array_equal(one.xy, other.xy)


@pytest.mark.parametrize(
    "plain", [None, [], {}, {"ids": [1]}, {"ids": [1], "last": [[1, 2]]}, {"ids": ["x"], "last": []}]
)
def test_damaged_memory_is_refused(plain: object) -> None:
    with pytest.raises(ValueError, match="damaged"):
        Sightings.from_plain(plain, len(COCO_17))
