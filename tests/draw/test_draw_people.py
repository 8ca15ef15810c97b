"""Drawing people: exact properties of the picture, whatever the colours are."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from limbwise.draw.people import DrawOptions, draw_people
from limbwise.people import People
from limbwise.skeletons import COCO_17, OPENPOSE_18, SKELETONS

PLAIN = DrawOptions(alpha=1, ids=False)


def noise(height: int = 120, width: int = 160) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def pair(a: tuple[float, float], b: tuple[float, float], score: float = 1.0, ids: list[int] | None = None) -> People:
    """One person with a left elbow and a left wrist."""
    xy, scores = np.full((1, 17, 2), np.nan), np.zeros((1, 17))
    for name, point in (("left_elbow", a), ("left_wrist", b)):
        xy[0, COCO_17.index(name)], scores[0, COCO_17.index(name)] = point, score
    return People(COCO_17, xy, scores, ids=None if ids is None else np.array(ids))


def crowd(count: int, height: int, width: int, skeleton=COCO_17, ids: bool = False, seed: int = 1) -> People:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, (count, 1, 2)) * (width, height)
    xy = centres + rng.normal(0, 0.1, (count, len(skeleton), 2)) * (width, height)
    return People(skeleton, xy, np.ones(xy.shape[:2]), ids=np.arange(count) if ids else None)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(-1)


def test_nobody_leaves_the_picture_as_it_is() -> None:
    image = noise()
    drawn = draw_people(image, People.empty(COCO_17))
    assert np.array_equal(drawn, image)
    assert drawn is not image
    assert not np.shares_memory(drawn, image)


def test_the_input_is_unchanged_and_may_be_read_only() -> None:
    image = noise()
    kept = image.copy()
    image.setflags(write=False)
    draw_people(image, crowd(3, 120, 160, ids=True), DrawOptions(boxes=True))
    assert np.array_equal(image, kept)


def test_only_pixels_near_the_limb_change() -> None:
    image = noise()
    y, x = np.nonzero(changed(image, draw_people(image, pair((40, 60), (100, 60)), PLAIN)))
    assert (x.min() >= 33, x.max() <= 107, y.min() >= 53, y.max() <= 67) == (True,) * 4
    assert len(x) > 100


def test_a_limb_lies_where_its_keypoints_are() -> None:
    drawn = draw_people(np.zeros((121, 161, 3), np.uint8), pair((40, 60), (100, 60)), PLAIN).astype(float)
    rows = drawn[:, 70].sum(-1)
    assert np.average(np.arange(121), weights=rows) == pytest.approx(60, abs=0.1)
    columns = drawn[60].sum(-1)
    assert np.flatnonzero(columns).min() < 40 < 100 < np.flatnonzero(columns).max()


def test_positions_are_finer_than_a_pixel() -> None:
    centres = []
    for y in (60.0, 60.25, 60.5, 60.75):
        drawn = draw_people(np.zeros((121, 161, 3), np.uint8), pair((40, y), (100, y)), PLAIN).astype(float)
        centres.append(np.average(np.arange(121), weights=drawn[:, 70].sum(-1)) - y)
    assert np.abs(centres).max() < 0.13


@pytest.mark.parametrize("far", [1e9, -1e9, 3e38, np.inf, -np.inf, np.nan, 1e5, -4000])
@pytest.mark.parametrize("axis", [0, 1])
def test_keypoints_far_outside_count_as_missing(far: float, axis: int) -> None:
    image, point = noise(), [100.0, 60.0]
    point[axis] = far
    alone = pair((40, 60), (np.nan, np.nan))
    options = DrawOptions(boxes=True)
    assert np.array_equal(
        draw_people(image, pair((40, 60), (point[0], point[1])), options), draw_people(image, alone, options)
    )


@pytest.mark.parametrize("ids", [None, [3]])
def test_a_limb_may_leave_the_picture(ids: list[int] | None) -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    drawn = draw_people(image, pair((80, 60), (300, 60), ids=ids), PLAIN)
    assert changed(image, drawn)[60, 90:160].all()
    away = draw_people(image, pair((200, 60), (300, 60), ids=ids), DrawOptions(boxes=True))
    assert np.array_equal(away, image)


def test_random_places_never_fail() -> None:
    rng = np.random.default_rng(5)
    for shape in ((1, 1, 3), (1, 300, 3), (200, 1, 3), (37, 41, 3), (3, 3, 3)):
        image = rng.integers(0, 256, shape, np.uint8)
        for spread in (1, 100, 1e4, 1e30):
            xy = (rng.normal(0, spread, (4, 17, 2))).astype(np.float32)
            xy[rng.random((4, 17)) < 0.3] = np.nan
            people = People(COCO_17, xy, rng.random((4, 17)), ids=np.array([0, -5, 12345678901, 7]))
            for palette in ("limb", "id"):
                options = DrawOptions(palette=palette, boxes=True, kpt_thr=0.2)
                assert draw_people(image, people, options).shape == shape


def test_kpt_thr_hides_keypoints_and_the_limbs_that_end_in_them() -> None:
    image = noise()
    people = pair((40, 60), (100, 60))
    scores = people.scores.copy()
    scores[0, COCO_17.index("left_wrist")] = 0.2
    people = replace(people, scores=scores)
    drawn = draw_people(image, people, replace(PLAIN, kpt_thr=0.3))
    assert not changed(image, drawn)[:, 50:].any()
    assert changed(image, drawn)[60, 40]
    assert np.array_equal(draw_people(image, people, replace(PLAIN, kpt_thr=1.1)), image)


def test_a_limb_with_a_hidden_end_is_not_drawn() -> None:
    image, options = noise(), replace(PLAIN, joints=False)
    assert np.array_equal(draw_people(image, pair((40, 60), (np.nan, np.nan)), options), image)
    assert not np.array_equal(draw_people(image, pair((40, 60), (100, 60)), options), image)


@pytest.mark.parametrize(("background", "value"), [("black", 0), ("white", 255)])
def test_backgrounds_replace_the_image(background: str, value: int) -> None:
    drawn = draw_people(noise(), pair((40, 60), (100, 60)), DrawOptions(background=background))
    assert (drawn[:40] == value).all()
    assert (drawn[60, 50:90] != value).any(-1).all()


def test_switches_and_alpha() -> None:
    image, people = noise(), pair((40, 60), (100, 80), ids=[4])
    off = DrawOptions(limbs=False, joints=False, ids=False)
    assert np.array_equal(draw_people(image, people, off), image)
    for part in ("limbs", "joints", "boxes", "ids"):
        assert not np.array_equal(draw_people(image, people, replace(off, **{part: True})), image), part
    assert np.array_equal(draw_people(image, people, DrawOptions(alpha=0, ids=False)), image)
    full, half = (draw_people(image, people, replace(PLAIN, alpha=a)).astype(int) for a in (1.0, 0.5))
    assert np.abs(half - (full + image) / 2).max() <= 1


def test_overlapping_people_are_blended_once() -> None:
    image, one = np.zeros((120, 160, 3), np.uint8), pair((40, 60), (100, 60))
    twice = People(COCO_17, np.repeat(one.xy, 2, 0), np.repeat(one.scores, 2, 0))
    options = DrawOptions(alpha=0.5)
    drawn, single = draw_people(image, twice, options), draw_people(image, one, options)
    assert np.array_equal(drawn[60, 45:95], single[60, 45:95])
    assert drawn.max() <= 128


def test_ids_are_shown_only_where_people_have_them() -> None:
    image = noise()
    assert np.array_equal(
        draw_people(image, pair((40, 60), (100, 60))),
        draw_people(image, pair((40, 60), (100, 60)), DrawOptions(ids=False)),
    )


def test_a_chip_at_the_border_stays_within_the_picture() -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    off = DrawOptions(limbs=False, joints=False, alpha=1)
    for point in ((200, 150), (1, 1), (398, 1), (1, 298), (398, 298)):
        assert np.array_equal(draw_people(image, pair(point, point), off), image)
        y, x = np.nonzero(changed(image, draw_people(image, pair(point, point, ids=[88]), off)))
        assert (len(y) > 150, np.ptp(y) >= 12, np.ptp(x) >= 14) == (True,) * 3


def test_lines_follow_the_size_of_the_person_and_of_the_picture() -> None:
    def thickness(side: int, length: float, **options: float) -> int:
        image = np.zeros((side, side, 3), np.uint8)
        people = pair((side / 2 - length / 2, side / 2), (side / 2 + length / 2, side / 2))
        return int(draw_people(image, people, replace(PLAIN, joints=False, **options))[:, side // 2].any(-1).sum())

    assert thickness(1000, 100) < thickness(1000, 500)
    assert thickness(200, 200) < thickness(1000, 1000)
    assert thickness(1000, 100, line_width=30) >= 30


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
@pytest.mark.parametrize("palette", ["limb", "id"])
def test_every_skeleton_can_be_drawn(skeleton, palette: str) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    drawn = draw_people(image, crowd(2, 200, 300, skeleton, ids=True), DrawOptions(palette=palette))
    assert drawn.any()


def test_views_of_arrays_are_accepted_and_other_things_refused() -> None:
    image = noise()
    people = pair((40, 60), (100, 60))
    assert draw_people(image[:, ::-1], people).shape == image.shape
    for wrong in (image[..., 0], image.astype(np.float32), np.zeros((5, 5, 4), np.uint8), image[:0]):
        with pytest.raises(ValueError, match=r"image: expected \(H, W, 3\) uint8 RGB"):
            draw_people(wrong, people)


@pytest.mark.parametrize(
    ("field", "value"),
    [("palette", "rainbow"), ("background", "red"), ("alpha", 1.5), ("line_width", 0), ("line_width", float("nan"))],
)
def test_options_name_the_field_that_is_wrong(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        DrawOptions(**{field: value})


def test_five_people_take_a_few_milliseconds() -> None:
    image, people, times = noise(480, 640), crowd(5, 480, 640, OPENPOSE_18, ids=True), []
    for _ in range(15):
        start = time.process_time()
        draw_people(image, people)
        times.append(time.process_time() - start)
    assert np.median(times) < 0.03
