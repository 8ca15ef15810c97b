"""Ids: from 0 upwards, never given twice, kept through crossings, absences, weak moments and a saved state."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from walking import Walkers

from limbwise.errors import InputError, UsageError
from limbwise.people import People
from limbwise.skeletons import BODY_25, COCO_17, HAND_21, SKELETONS
from limbwise.track.sides import exchange, exchanged
from limbwise.track.state import TrackState, from_plain, read_state, to_plain, write_state
from limbwise.track.tracker import Tracker, TrackOptions, step, strengths


def test_first_people_get_their_ids_at_once_in_order(walkers: Walkers) -> None:
    assert Tracker()(walkers((100, 100), (300, 100)), 0.0).ids.tolist() == [0, 1]


def test_nobody_and_an_empty_stream() -> None:
    tracker = Tracker()
    for f in range(5):
        assert Tracker()(People.empty(COCO_17), f).ids.tolist() == []
        assert tracker(People.empty(COCO_17), f).ids.tolist() == []


def test_crossing_people_keep_their_ids(walkers: Walkers) -> None:
    tracker, rng = Tracker(), np.random.default_rng(0)
    for f in range(100):
        both = walkers((100 + 4 * f, 200), (500 - 4 * f, 215))
        both = replace(both, xy=both.xy + rng.normal(0, 1, both.xy.shape))
        order = rng.permutation(2) if f else np.arange(2)
        assert tracker(both[order], f / 25).ids.tolist() == order.tolist()


def test_who_is_hidden_gets_its_id_back_within_the_time_of_patience(walkers: Walkers) -> None:
    for away, expected in ((1.0, 0), (3.0, 1)):
        tracker, options = Tracker(TrackOptions(patience=2.0)), 0
        for f in range(25):
            tracker(walkers((100 + 2 * f, 100)), f / 25)
        for f in range(3):
            options = int(tracker(walkers((150 + 50 * away + 2 * f, 100)), 1 + away + f / 25).ids[0])
        assert options == expected


def test_ids_are_never_given_twice(walkers: Walkers) -> None:
    tracker, rng, seen, last = Tracker(TrackOptions(patience=0.2)), np.random.default_rng(3), set(), {}
    for f in range(300):
        places = [(150.0 * n + 50, 100) for n in range(4) if rng.random() < (0.95 if (f // 25 + n) % 3 else 0.0)]
        for i in tracker(walkers(*places), f / 25).ids.tolist():
            if i >= 0:
                assert i not in seen or f - last[i] <= 6
                seen.add(i)
                last[i] = f
    assert sorted(seen) == list(range(len(seen)))
    assert len(seen) > 8


def test_somebody_seen_for_a_moment_gets_no_id(walkers: Walkers) -> None:
    tracker = Tracker(TrackOptions(confirm=3))
    ids = []
    for f in range(12):
        places = [(100, 100), *([(400, 100)] if f in (4, 8, 9, 10, 11) else [])]
        ids.append(tracker(walkers(*places), f / 25).ids.tolist())
    assert ids[4] == [0, -1]
    assert [i[1] for i in ids[8:]] == [-1, -1, 1, 1]


def test_weak_people_are_followed_but_begin_nothing(walkers: Walkers) -> None:
    tracker = Tracker(TrackOptions(birth_score=0.5, least_score=0.1))
    for f in range(5):
        assert tracker(walkers((100, 100)), f / 25).ids.tolist() == [0]
    both = walkers((100, 100), (400, 100), score=0.2)
    for f in range(5, 10):
        assert tracker(both, f / 25).ids.tolist() == [0, -1]
    assert tracker(walkers((100, 100), score=0.05), 10 / 25).ids.tolist() == [-1]


def test_somebody_found_twice_begins_no_track(walkers: Walkers) -> None:
    tracker = Tracker()
    for f in range(10):
        people = walkers((100, 100)) if f == 0 else walkers((100, 100), (103, 101))
        assert sorted(tracker(people, f / 25).ids.tolist()) == [-1, 0][-len(people) :]


def test_a_swap_is_mended_and_a_turn_believed(walkers: Walkers) -> None:
    tracker = Tracker(TrackOptions(steady=False))
    front = replace(walkers((0, 0)), xy=walkers((0, 0)).xy * 3)
    swapped = replace(front, xy=exchanged(front.xy, exchange(np.ones((1, 3), bool), COCO_17)))
    given = []
    for f in range(30):
        people = swapped if f == 10 or f >= 15 else front
        given.append(bool(np.abs(tracker(people, f / 25).xy - front.xy).max() < 1))
    assert given[:15] == [True] * 15
    assert given[15:] == [True] * 6 + [False] * 9


def test_order_scores_and_skeleton_stay(walkers: Walkers) -> None:
    people = walkers((100, 100), (300, 100))
    people = replace(people, person_scores=np.array([5.0, 7.0], np.float32))
    given = Tracker(TrackOptions(steady=False, mend_sides=False))(people, 0.0)
    np.testing.assert_array_equal(given.xy, people.xy)
    np.testing.assert_array_equal(given.person_scores, people.person_scores)


@pytest.mark.parametrize("time", [1.0, 0.5, float("nan"), float("inf")])
def test_time_must_go_on(walkers: Walkers, time: float) -> None:
    tracker = Tracker()
    tracker(walkers((100, 100)), 1.0)
    with pytest.raises(UsageError, match="cannot follow"):
        tracker(walkers((100, 100)), time)


def test_another_skeleton_is_refused(walkers: Walkers) -> None:
    tracker = Tracker()
    tracker(walkers((100, 100)), 0.0)
    with pytest.raises(UsageError, match="hand_21"):
        tracker(People.empty(HAND_21), 1.0)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_skeleton_can_be_followed(name: str) -> None:
    skeleton, rng, tracker = SKELETONS[name], np.random.default_rng(1), Tracker()
    base = rng.uniform(0, 100, (1, len(skeleton), 2)) + np.array([[[0, 0]], [[300, 0]]])
    for f in range(6):
        xy = base + 3 * f + rng.normal(0, 0.3, base.shape)
        assert tracker(People(skeleton, xy, np.full(xy.shape[:2], 0.9)), f / 25).ids.tolist() == [0, 1]


def test_a_face_and_hands_do_not_make_a_body_weaker() -> None:
    xy = np.full((1, 130, 2), np.nan)
    xy[0, :18] = np.arange(36).reshape(18, 2)
    people = People(SKELETONS["openpose_130"], xy, np.full((1, 130), 0.5))
    assert strengths(people)[0] == pytest.approx(0.5)


def test_the_step_is_pure(walkers: Walkers) -> None:
    options, state = TrackOptions(), TrackState.start(COCO_17)
    for f in range(5):
        state, _ = step(state, walkers((100 + f, 100), (300, 100)), f / 25, options)
    kept = json.dumps(to_plain(state))
    again = [step(state, walkers((105, 100)), 1.0, options) for _ in range(2)]
    assert json.dumps(to_plain(state)) == kept
    assert json.dumps(to_plain(again[0][0])) == json.dumps(to_plain(again[1][0]))


def test_a_saved_state_goes_on_to_the_bit(walkers: Walkers, tmp_path) -> None:
    rng, options = np.random.default_rng(5), TrackOptions()
    frames = []
    for f in range(40):
        people = walkers(*[(100 * n + 2 * f * n, 100 + 30 * n) for n in range(5) if rng.random() < 0.85])
        frames.append(replace(people, xy=people.xy + rng.normal(0, 1, people.xy.shape)))
    whole, halves = Tracker(options), Tracker(options)
    for f, people in enumerate(frames):
        if f == 20:
            write_state(halves.state, tmp_path / "state.json")
            halves = Tracker(options, read_state(tmp_path / "state.json", COCO_17))
        a, b = whole(people, f / 25), halves(people, f / 25)
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_array_equal(a.xy, b.xy)


def test_damaged_states_are_refused(walkers: Walkers, tmp_path) -> None:
    tracker = Tracker()
    tracker(walkers((100, 100)), 0.0)
    plain = to_plain(tracker.state)
    with pytest.raises(ValueError, match="body_25"):
        from_plain(plain, BODY_25)
    rng = np.random.default_rng(7)
    text = json.dumps(plain)
    (tmp_path / "s.json").write_text(text)
    read_state(tmp_path / "s.json", COCO_17)
    for _ in range(150):  # whatever happens to the file, it is read or refused in words
        at = int(rng.integers(len(text)))
        (tmp_path / "s.json").write_text(
            text[:at] + str(rng.choice(["", "]", "null", "9", '"x"', "1e999", "-"])) + text[at + 1 :]
        )
        try:
            state = read_state(tmp_path / "s.json", COCO_17)
            step(state, walkers((100, 100)), state.time + 1, TrackOptions())
        except InputError as error:
            assert "s.json" in str(error)


@pytest.mark.parametrize(
    "bad", [{"patience": -1}, {"confirm": 0}, {"fill": 9}, {"birth_score": 0.01}, {"image_rate": 0}]
)
def test_options_are_checked(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad)).replace("birth", "least")):
        TrackOptions(**bad)
