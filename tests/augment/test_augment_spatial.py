"""The warp: image, keypoints, sides, boxes, areas and ignore mask stay together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limbwise.augment.spatial import SpatialOptions, draw_frame, move, warp
from limbwise.geometry import Matrix, apply, compose, flip, identity, pad, resize, rotate
from limbwise.people import People
from limbwise.sample import ABSENT, SEEN, UNKNOWN, Sample

FRAMES = {
    "same": (identity(), (140, 120)),
    "twice": (resize(2, 2), (280, 240)),
    "half": (resize(0.5, 0.5), (70, 60)),
    "third": (resize(1 / 3, 1 / 3), (47, 40)),
    "turned": (compose(pad(20, 30), rotate(30, (80, 80))), (180, 190)),
    "mirrored": (flip(140), (140, 120)),
    "all": (compose(flip(140), resize(1.7, 1.7), rotate(-25, (100, 100)), pad(10, 60)), (260, 300)),
}


def agree(sample: Sample, mirrored: bool = False) -> bool:
    """Whether each keypoint lies on pixels lit in its side's colour; the pixels of a mirrored image in the other side's."""
    sides = ("right", "left") if mirrored else ("left", "right")
    for k, name in enumerate(sample.people.skeleton.keypoints):
        if sample.visibility[0, k] != SEEN:
            continue
        x, y = sample.people.xy[0, k].round().astype(int)
        colour = sample.image[y, x].astype(int)
        channel = 1 if name.startswith(sides[0]) else 0 if name.startswith(sides[1]) else 2
        if colour.argmax() != channel or colour.max() < 2 * np.sort(colour)[1]:
            return False
    return True


@pytest.mark.parametrize("name", FRAMES)
def test_labels_move_with_the_pixels(name: str, sample: Sample) -> None:
    frame, size = FRAMES[name]
    assert agree(sample)
    moved = warp(sample, frame, size)
    assert moved.image.shape == (size[1], size[0], 3)
    assert (moved.visibility == SEEN).all()
    assert agree(moved, np.linalg.det(frame[:, :2]) < 0)


def test_the_mirror_swaps_sides_and_undoes_itself(sample: Sample) -> None:
    once = warp(sample, flip(140), (140, 120))
    assert once.people["left_wrist"][0, 0] == pytest.approx(139 - sample.people["right_wrist"][0, 0])
    twice = warp(once, flip(140), (140, 120))
    assert np.allclose(twice.people.xy, sample.people.xy)
    assert np.array_equal(twice.image, sample.image)
    assert np.array_equal(twice.ignore, sample.ignore)


@pytest.mark.parametrize("name", FRAMES)
def test_areas_boxes_and_ignore_follow(name: str, sample: Sample) -> None:
    frame, size = FRAMES[name]
    moved = warp(sample, frame, size)
    zoom = abs(np.linalg.det(frame[:, :2]))
    assert moved.areas[0] == pytest.approx(2500 * zoom, rel=1e-4)
    xy = moved.people.xy[0]
    assert (xy >= moved.boxes[0, :2] - 1).all()
    assert (xy <= moved.boxes[0, 2:] + 1).all()
    # ignored before is ignored after, pixel by pixel but for the edge
    y, x = np.mgrid[4:116:7, 4:136:7]
    places = apply(frame, np.stack([x, y], -1).astype(float)).round().astype(int)
    on = ((places >= 0) & (places < size)).all(-1) & (abs(x - 119.5) > 3)
    assert np.array_equal(moved.ignore[places[on][:, 1], places[on][:, 0]], (x > 119)[on])


def test_the_empty_canvas_is_filled_and_not_ignored(sample: Sample) -> None:
    moved = warp(sample, pad(50, 0), (60, 120), (1, 2, 3))
    assert (moved.image[:, :50] == (1, 2, 3)).all()
    assert not moved.ignore.any()


def test_what_leaves_the_canvas_is_absent(sample: Sample) -> None:
    moved = warp(sample, pad(0, -70), (140, 50))  # only the legs are left
    below = sample.people.xy[0, :, 1] >= 69.5
    assert np.array_equal(moved.visibility[0] == SEEN, below)
    assert (moved.visibility[0][~below] == ABSENT).all()
    assert np.isnan(moved.people.xy[0][~below]).all()
    assert len(warp(sample, pad(500, 0), (140, 120)).people) == 0


def test_unknown_stays_unknown_while_its_person_may_be_there(sample: Sample) -> None:
    visibility = sample.visibility.copy()
    visibility[0, 3:] = UNKNOWN
    xy = np.where((visibility == SEEN)[..., None], sample.people.xy, np.nan)
    sample = replace(sample, visibility=visibility, people=replace(sample.people, xy=xy))
    moved = warp(sample, pad(0, 60), (140, 120))  # the legs leave, the unmarked rest may be there
    assert (moved.visibility[0, 3:] == UNKNOWN).all()
    assert len(warp(sample, pad(0, 500), (140, 120)).people) == 0


def test_small_people_are_ignored_instead(sample: Sample) -> None:
    moved = warp(sample, resize(0.2, 0.2), (28, 24), least=12)
    assert len(moved.people) == 0
    x, y = apply(resize(0.2, 0.2), sample.people.xy[0].mean(0)).round().astype(int)
    assert moved.ignore[y, x]


def test_nobody_can_be_moved_too(sample: Sample, rng: np.random.Generator) -> None:
    empty = replace(sample, people=People.empty(sample.people.skeleton), visibility=sample.visibility[:0],
                    areas=sample.areas[:0], boxes=sample.boxes[:0])  # fmt: skip
    assert move(empty, SpatialOptions(), rng).image.shape == (256, 256, 3)


def frames(sample: Sample, options: SpatialOptions, count: int = 400) -> list[Matrix]:
    rng = np.random.default_rng(0)
    return [draw_frame(sample, options, rng) for _ in range(count)]


def test_draws_keep_to_the_options(sample: Sample) -> None:
    options = SpatialOptions(size=(200, 160), person=(0.5, 1.0), filled=0, shift=0.1, rotation=10, flip=0.25)
    drawn = frames(sample, options)
    longer = (sample.boxes[0, 2:] - sample.boxes[0, :2]).max()
    shares = np.array([np.sqrt(abs(np.linalg.det(f[:, :2]))) for f in drawn]) * longer / 160
    assert 0.5 - 1e-6 <= shares.min() < 0.53
    assert 0.95 < shares.max() <= 1 + 1e-6
    mirrored = np.array([np.linalg.det(f[:, :2]) < 0 for f in drawn])
    assert 0.15 < mirrored.mean() < 0.35
    turned = np.array([np.degrees(np.arctan2(f[1, 0], f[1, 1])) for f in drawn])
    assert 8 < turned.std() < 12
    assert abs(turned).max() <= 30 + 1e-6


def test_large_people_are_seen_at_any_keypoint(sample: Sample) -> None:
    """At four times the canvas its middle shows the middle of the person alone, or each of the keypoints, as far as the image reaches."""
    options = SpatialOptions(size=(64, 64), person=(4.0, 4.0), zoom=(0.1, 10.0), filled=0, shift=0, rotation=0, flip=0)
    marked = sample.people.xy[0][sample.visibility[0] == SEEN]

    def seen(aim: float) -> int:
        moved = [apply(frame, marked) for frame in frames(sample, replace(options, aim=aim))]
        return int(np.array([((xy >= 0) & (xy < 64)).all(-1) for xy in moved]).any(0).sum())

    assert seen(0.0) < len(marked) / 2
    assert seen(1.0) == len(marked)


def test_small_people_stay_in_the_middle(sample: Sample) -> None:
    options = SpatialOptions(person=(0.5, 0.9), aim=1.0)
    assert np.array_equal(frames(sample, options), frames(sample, replace(options, aim=0.0)))


def test_filled_keeps_the_canvas_full(sample: Sample) -> None:
    empty = {}
    for filled in (0.0, 1.0):
        options = SpatialOptions(person=(0.2, 3.0), filled=filled, rotation=0, fill=(1, 2, 3))
        rng = np.random.default_rng(0)
        empty[filled] = np.mean([(move(sample, options, rng).image == (1, 2, 3)).all(-1).mean() for _ in range(60)])
    assert empty[0.0] > 0.2
    assert empty[1.0] < 0.01
