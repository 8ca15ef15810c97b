"""Trails and timelines: where they are drawn, what they keep, and what they forget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limbwise.draw.people import DrawOptions, draw_people
from limbwise.draw.sheet import GROUND
from limbwise.draw.timeline import Presence, clock, draw_timeline
from limbwise.draw.trails import Trails
from limbwise.people import People
from limbwise.skeletons import COCO_17


def person(x: float, i: int | None = 0, score: float = 1.0) -> People:
    xy = np.random.default_rng(0).uniform(-10, 10, (1, 17, 2)) + np.array([x, 60])
    return People(COCO_17, xy, np.full((1, 17), score), ids=None if i is None else np.array([i]))


def test_a_trail_lies_behind_and_fades() -> None:
    trails, image = Trails(1.0), np.zeros((120, 400, 3), np.uint8)
    for f in range(60):
        trails.add(person(20 + 4 * f), f / 25)
    trails.draw(image)
    columns = np.flatnonzero(image.any((0, 2)))
    assert 150 <= columns.min() <= 160  # where the person was a second ago, 100 pixels behind
    assert columns.max() <= 266
    assert image[:, 240:250].max() > image[:, 160:175].max()
    trails.add(People.empty(COCO_17), 60.0)
    blank = np.zeros_like(image)
    trails.draw(blank)
    assert not blank.any()


def test_no_ids_no_trail_and_none_across_a_gap() -> None:
    trails, image = Trails(5.0), np.zeros((120, 400, 3), np.uint8)
    for f in range(10):
        trails.add(person(20 + 4 * f, None), f / 25)
    trails.draw(image)
    assert not image.any()
    for time, x in ((1.0, 50), (1.04, 54), (3.0, 300), (3.04, 304)):
        trails.add(person(x), time)
    trails.draw(image)
    assert not image[:, 80:280].any()
    assert image.any()


def test_trails_lie_under_people_and_on_any_background() -> None:
    trails, image = Trails(1.0), np.full((120, 400, 3), 100, np.uint8)
    for f in range(25):
        trails.add(person(100 + 4 * f), f / 25)
    kept = image.copy()
    drawn = draw_people(image, person(196), DrawOptions(background="black"), trails)
    assert np.array_equal(image, kept)
    assert drawn[40:80, 110:150].any()


def test_filled_keypoints_are_drawn_thin() -> None:
    image, large = np.zeros((800, 800, 3), np.uint8), np.array([[35, 0, 0], [0, 35, -1700]])
    seen, filled = (draw_people(image, person(11, None, score).moved(large)) for score in (1.0, 0.0))
    assert 0 < filled.any(-1).sum() < 0.8 * seen.any(-1).sum()


def test_presence_counts_spans_not_frames() -> None:
    presence = Presence()
    for f in range(1000):
        people = person(50, 3, score=0.0 if 500 <= f < 505 else 1.0) if f < 800 else People.empty(COCO_17)
        presence.add(people, f / 25)
    assert [(round(25 * a), round(25 * b), filled) for a, b, filled in presence.spans[3]] == [
        (0, 499, False),
        (499, 504, True),
        (504, 799, False),
    ]
    assert presence.shown(3) == pytest.approx(799 / 25)


def test_a_timeline_has_a_bar_for_each_person() -> None:
    presence = Presence()
    for f in range(100):
        here = [person(50, i) for i in range(4) if 20 * i <= f < 20 * i + 40]
        ids = np.concatenate([p.ids for p in here]) if here else np.zeros(0)
        presence.add(replace(person(50), xy=np.repeat(person(50).xy, len(ids), 0), scores=np.ones((len(ids), 17)),
                             person_scores=np.ones(len(ids)), ids=ids), f / 25)  # fmt: skip
    picture = draw_timeline(presence, width=600)
    starts = []
    for row in range(4):
        line = picture[16 + 26 * row + 13, 45:]
        bar = np.flatnonzero((line != GROUND).all(-1) & (np.ptp(line.astype(int), axis=-1) > 60))
        starts.append(int(bar.min()))
        assert 180 < len(bar) < 260
    assert np.diff(starts).min() > 80
    assert draw_timeline(presence, width=600, most=2).shape[0] < picture.shape[0]


def test_a_timeline_of_nobody_and_of_one_frame() -> None:
    assert draw_timeline(Presence()).shape[1] == 1200
    presence = Presence()
    presence.add(person(5, 7), 3.0)
    assert (draw_timeline(presence) != GROUND).any()
    with pytest.raises(ValueError, match="200"):
        draw_timeline(presence, width=10)


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0.04 s"), (1.5, "1.5 s"), (125, "2:05"), (3725, "1:02:05")])
def test_times_are_said_as_people_do(seconds: float, said: str) -> None:
    assert clock(seconds) == said
