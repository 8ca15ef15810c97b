"""Other skeletons, covers, pastes, mosaics and whole scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from limbwise.augment.compose import gather, paste, person_weights, place, stature
from limbwise.augment.cover import CoverOptions, cover, hide
from limbwise.augment.scene import More, SceneOptions, add_person, augment, mosaic
from limbwise.augment.skeleton import to_skeleton
from limbwise.augment.spatial import SpatialOptions, warp
from limbwise.geometry import pad
from limbwise.people import People
from limbwise.sample import ABSENT, HIDDEN, SEEN, UNKNOWN, Sample
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, LSP_14, OPENPOSE_18

Make = Callable[..., Sample]


def changed(sample: Sample, visibility: dict[str, int]) -> Sample:
    flags = sample.visibility.copy()
    for name, value in visibility.items():
        flags[0, sample.people.skeleton.index(name)] = value
    xy = np.where((flags >= HIDDEN)[..., None], sample.people.xy, np.nan)
    return replace(sample, visibility=flags, people=replace(sample.people, xy=xy))


def test_what_a_source_does_not_mark_is_unknown(sample: Sample) -> None:
    coco = to_skeleton(sample, COCO_17)
    assert (coco.visibility[0, :5] == UNKNOWN).all()
    assert (coco.visibility[0, 5:] == SEEN).all()
    assert np.array_equal(coco.people["left_knee"], sample.people["left_knee"])
    assert to_skeleton(coco, COCO_17) is coco
    assert to_skeleton(sample, OPENPOSE_18).people["neck"][0, :2].tolist() == sample.people["neck"][0, :2].tolist()


@pytest.mark.parametrize(
    ("left", "right", "neck"),
    [
        (SEEN, SEEN, SEEN),
        (SEEN, HIDDEN, HIDDEN),
        (SEEN, ABSENT, UNKNOWN),
        (ABSENT, ABSENT, ABSENT),
        (ABSENT, UNKNOWN, UNKNOWN),
    ],
)
def test_a_neck_is_as_sure_as_its_shoulders(sample: Sample, left: int, right: int, neck: int) -> None:
    coco = to_skeleton(sample, COCO_17)
    found = to_skeleton(changed(coco, {"left_shoulder": left, "right_shoulder": right}), OPENPOSE_18)
    assert found.visibility[0, 1] == neck
    assert np.isnan(found.people.xy[0, 1]).all() == (neck < HIDDEN)


def test_covered_keypoints_become_hidden(sample: Sample) -> None:
    covered = np.zeros(sample.ignore.shape, bool)
    x, y = sample.people["left_wrist"][0, :2].astype(int)
    covered[y - 3 : y + 4, x - 3 : x + 4] = True
    done = hide(sample, covered)
    assert (done.visibility == HIDDEN).sum() == 1
    assert done.visibility[0, LSP_14.index("left_wrist")] == HIDDEN
    assert np.array_equal(done.people.xy, sample.people.xy)


def test_a_person_almost_wholly_covered_is_no_longer_taught(sample: Sample) -> None:
    covered = np.ones(sample.ignore.shape, bool)
    x, y = sample.people["left_wrist"][0, :2].astype(int)
    covered[y - 3 : y + 4, x - 3 : x + 4] = False
    done = hide(sample, covered)
    assert np.flatnonzero(done.visibility[0] == SEEN).tolist() == [LSP_14.index("left_wrist")]
    assert (done.visibility == ABSENT).sum() == 13
    assert done.people.visible.sum() == 1


def test_covers_cover_what_they_say(sample: Sample) -> None:
    hidden = 0
    for seed in range(40):
        done = cover(sample, CoverOptions(chance=1.0), np.random.default_rng(seed))
        different = (done.image != sample.image).any(-1)
        assert different.any()
        x, y = sample.people.xy[0].round().astype(int).T
        moved = done.visibility[0] != SEEN
        assert different[y[moved], x[moved]].all()
        assert not different[y[~moved], x[~moved]].any()
        hidden += moved.sum()
    assert hidden > 20
    assert cover(sample, CoverOptions(chance=0.0), np.random.default_rng(0)) is sample


def test_a_paste_takes_pixels_people_and_ignore_mask(make: Make) -> None:
    base, other = make(1, (10, 10)), make(2, (40, 10))
    weights = np.zeros((120, 140), np.float32)
    weights[:, 70:] = 1
    done = paste(base, other, weights)
    assert np.array_equal(done.image[:, :70], base.image[:, :70])
    assert np.array_equal(done.image[:, 70:], other.image[:, 70:])
    assert len(done.people) == 2
    under = base.people.xy[0, :, 0] >= 70
    assert np.array_equal(done.visibility[0] == HIDDEN, under)
    assert np.array_equal(done.people.xy[1], other.people.xy[0])
    half = paste(base, other, np.full((120, 140), 0.5, np.float32))
    assert np.abs(half.image.astype(int) - (base.image.astype(int) + other.image) / 2).max() <= 1


def test_the_mask_of_a_person_holds_it_and_little_else(sample: Sample) -> None:
    weights = person_weights(sample.people[0], (140, 120), 0.08, 0.3)
    assert weights is not None
    assert weights.shape == (120, 140)
    assert weights.min() >= 0
    assert weights.max() <= 1
    x, y = sample.people.xy[0].round().astype(int).T
    assert (weights[y, x] > 0.5).all()
    assert 0.05 < weights.mean() < 0.4
    assert weights[:, :20].max() == 0
    nobody = replace(sample.people, xy=np.full_like(sample.people.xy, np.nan))
    assert person_weights(nobody[0], (140, 120), 0.08, 0.3) is None


def test_stature_of_a_standing_person_is_its_height(sample: Sample) -> None:
    assert 70 < stature(sample.people[0]) < 130  # it is 80 from head to ankle, with short arms
    bent = changed(sample, dict.fromkeys(("left_knee", "right_knee"), ABSENT))
    assert stature(bent.people[0]) > 60


def test_tiles_lie_side_by_side(make: Make) -> None:
    left, right = make(1), make(2)
    done = place([(left, 0, 0), (right, 140, 0)], (280, 120))
    assert np.array_equal(done.image[:, 140:], right.image)
    assert np.array_equal(done.ignore[:, :140], left.ignore)
    assert np.allclose(done.people.xy[1] - right.people.xy[0], (140, 0))
    assert np.allclose(done.boxes[1] - right.boxes[0], (140, 0, 140, 0))


def test_gather_keeps_the_canvas(make: Make) -> None:
    done = gather(make(1), [make(2), make(3)])
    assert len(done.people) == len(done.boxes) == 3
    assert done.name == "sample 1 + sample 2 + sample 3"


def test_mosaics_fill_the_canvas(make: Make, rng: np.random.Generator) -> None:
    for tiles in (2, 3):
        options = SceneOptions(spatial=SpatialOptions(size=(192, 160)), tiles=tiles)
        counts = [len(mosaic(make(), make, COCO_17, options, rng).people) for _ in range(40)]
        assert tiles**2 - 2 <= max(counts) <= tiles**2


def test_tiles_are_two_at_least() -> None:
    with pytest.raises(ValueError, match="tiles"):
        SceneOptions(tiles=1)


def test_an_added_person_lies_near_and_over(make: Make, rng: np.random.Generator) -> None:
    options = SceneOptions(spatial=SpatialOptions(size=(140, 120)))
    added = 0
    for _ in range(30):
        base = to_skeleton(make(1), COCO_17)
        done = add_person(base, make(2), options, rng)
        added += len(done.people) == 2
        if len(done.people) == 2:
            seen = done.visibility[1] >= HIDDEN
            x, y = done.people.xy[1, seen].round().astype(int).T
            assert (done.image[y.clip(0, 119), x.clip(0, 139)] != base.image[y.clip(0, 119), x.clip(0, 139)]).any()
    assert added > 20


def test_people_with_too_few_labels_are_not_pasted(make: Make, rng: np.random.Generator) -> None:
    poor = changed(make(2), dict.fromkeys(LSP_14.keypoints[:6], UNKNOWN))
    base = to_skeleton(make(1), COCO_17)
    assert add_person(base, poor, SceneOptions(), rng) is base


def equal(a: Sample, b: Sample) -> bool:
    arrays = ("image", "visibility", "areas", "boxes", "ignore")
    same = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
    return same and np.array_equal(a.people.xy, b.people.xy, equal_nan=True)


@pytest.mark.parametrize("seed", range(30))
def test_scenes_are_sound_and_follow_from_the_seed(make: Make, seed: int) -> None:
    options = SceneOptions(spatial=SpatialOptions(size=(192, 160)))
    numbers = iter(range(100))

    def other() -> Sample:
        return make(next(numbers) % 1)

    first, again = (augment(make(seed), More(other, other), OPENPOSE_18, options, np.random.default_rng(seed))
                    for _ in range(2))  # fmt: skip
    assert equal(first, again)
    assert first.people.skeleton == OPENPOSE_18
    assert first.image.shape == (160, 192, 3)
    assert first.image.flags.c_contiguous
    marked = first.visibility >= HIDDEN
    assert np.array_equal(marked, first.people.visible)
    xy = first.people.xy[marked]
    assert ((xy >= -0.5) & (xy < (191.5, 159.5))).all()


def test_nobody_is_pasted_over_a_crowd(make: Make, rng: np.random.Generator) -> None:
    crowd = gather(make(1), [make(2, (0, 0)), make(3, (40, 5))])

    def no_more() -> Sample:
        raise AssertionError("a crowd needs nobody else")

    for _ in range(20):
        done = augment(crowd, More(no_more, no_more), COCO_17, SceneOptions(mosaic=0), rng)
        assert len(done.people) <= 3


def test_images_without_people_become_scenes(make: Make, rng: np.random.Generator) -> None:
    empty = warp(make(1), pad(500, 0), (140, 120))
    assert len(empty.people) == 0
    for _ in range(10):
        assert augment(empty, More(make, make), COCO_17, SceneOptions(), rng).image.shape == (256, 256, 3)


def test_half_a_body_has_a_mask_too(sample: Sample) -> None:
    arms = Skeleton("arms", ("left_shoulder", "left_elbow"), ((0, 1),), (0.1, 0.1))
    weights = person_weights(to_skeleton(sample, arms).people[0], (140, 120), 0.08, 0.3)
    assert weights is not None
    assert weights.max() > 0.5


@pytest.mark.parametrize("name", ["head_bottom", "upper_neck"])
def test_a_neck_of_another_name_is_the_middle_of_the_shoulders(name: str, sample: Sample) -> None:
    shoulders = Skeleton("s", ("left_shoulder", "right_shoulder"), ((0, 1),), (0.1, 0.1))
    neck = Skeleton("n", (name,), (), (0.1,))
    bare = to_skeleton(sample, shoulders)
    np.testing.assert_allclose(to_skeleton(bare, neck).people.xy[0, 0], bare.people.xy[0].mean(0))


def test_limbs_of_unknown_names_give_weights_about_them() -> None:
    worm = Skeleton("worm", ("front", "middle", "end", "egg"), ((0, 1), (1, 2)), (0.1,) * 4)
    xy = np.array([[[20, 60], [60, 60], [100, 60], [70, 110]]], np.float32)
    weights = person_weights(People(worm, xy, np.ones((1, 4), np.float32))[0], (140, 120), 0.08, 0.3)
    assert weights is not None
    assert weights.shape == (120, 140)
    assert weights[60, [24, 40, 80, 96]].min() > 0.9
    assert weights[:40].max() == weights[80:].max() == 0
    xy[0, 1] = np.nan
    assert person_weights(People(worm, xy, np.ones((1, 4), np.float32))[0], (140, 120), 0.08, 0.3) is None
