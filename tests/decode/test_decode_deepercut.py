"""DeeperCut's decoder: there and back again, what is dropped, published parameters beside ours, damaged maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from part_people import STANDING, K, crowd, fitted, part_maps, part_spec

from limbwise.decode.deepercut import PRESETS, DeepercutOptions, decode_deepercut, decode_with_parts, published
from limbwise.decode.single import decode_parts
from limbwise.people import People

OURS = DeepercutOptions()


def nearest(found: People, person: np.ndarray) -> np.ndarray:
    """(K,) distances of a person to the found one that is most like it."""
    errors = [np.linalg.norm(other.xy - person, axis=1) for other in found]
    return min(errors, key=lambda error: float(np.nan_to_num(error, nan=1e6).mean()))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("offset", [4.0, None])
def test_round_trip(seed: int, offset: float | None) -> None:
    people = crowd(np.random.default_rng(seed), 1 + seed % 5)
    spec = part_spec(offset)
    found = decode_deepercut(part_maps(people, spec), spec, fitted(OURS))
    assert len(found) == len(people)
    for person in people:
        errors = nearest(found, person)
        assert np.nanmax(errors) < 1
        assert np.array_equal(np.isnan(errors), np.isnan(person[:, 0]))
    assert found.person_scores == pytest.approx(found.scores.sum(1))
    assert (np.diff(found.person_scores) <= 0).all()


def test_one_person_is_where_the_best_cells_point() -> None:
    person = crowd(np.random.default_rng(3), 1)
    found = decode_parts(part_maps(person, part_spec()), part_spec())
    there = ~np.isnan(person[0, :, 0])
    assert np.abs(found.xy[0] - person[0])[there].max() < 1e-2
    assert found.scores[0, there].min() > 0.95
    assert found.scores[0, ~there].max(initial=0) < 0.05


def test_joints_that_the_published_suppression_takes_for_one_stay_two() -> None:
    two = np.stack([STANDING + 100, STANDING + np.array([125, 104])]).astype(np.float32)
    maps, spec = part_maps(two, part_spec()), part_spec()
    away = np.linalg.norm(maps["offsets"].reshape(K, 2, *maps["offsets"].shape[1:]), axis=1)
    maps["part_logits"] = np.where(
        maps["part_logits"] > 0, 4 - 8 * away / 17, -4
    )  # as a network has it: best at the joint
    ours, theirs = (decode_with_parts(maps, spec, fitted(options), options)[1] for options in (OURS, published()))
    assert np.diff(ours.start).tolist() == [2] * K
    assert np.diff(theirs.start).max() == 1
    found = decode_deepercut(maps, spec, fitted(OURS))
    assert len(found) == 2
    assert max(np.nanmax(nearest(found, person)) for person in two) < 1


def test_what_is_improbable_and_alone_is_dropped_but_joins_a_person_that_it_fits() -> None:
    person = (STANDING + 100)[None]
    maps, spec = part_maps(person, part_spec()), part_spec()
    maps["part_logits"][9][maps["part_logits"][9] > 0] = -0.7  # the left wrist: probability 1/3
    maps["part_logits"][16, 5, 70] = -0.7  # a right ankle far off
    people, parts = decode_with_parts(maps, spec, fitted(OURS), replace(OURS, min_parts=1))
    assert np.diff(parts.start)[[9, 16]].tolist() == [1, 2]
    assert len(people) == 1
    assert np.abs(people.xy[0] - person[0]).max() < 1
    assert people.scores[0, 9] == pytest.approx(1 / 3, abs=0.01)


def test_several_parts_of_a_kind_become_their_mean_where_they_may_join() -> None:
    person = (STANDING + 100)[None]
    maps, spec = part_maps(person, part_spec()), part_spec()
    options = published()
    narrow = replace(options, nms_radius=8)  # so that a disc is found several times
    people, parts = decode_with_parts(maps, spec, fitted(options), replace(narrow, max_parts=4))
    assert np.diff(parts.start).max() > 1
    assert len(people) == 1
    assert np.abs(people.xy[0] - person[0]).max() < 1


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("solver", ["greedy", "local", "exact"])
def test_presets_and_solvers(preset: str, solver: str) -> None:
    people = crowd(np.random.default_rng(5), 3)
    options = replace(PRESETS[preset](), solver=solver)  # type: ignore[arg-type]
    found = decode_deepercut(part_maps(people, part_spec()), part_spec(), fitted(PRESETS[preset]()), options)
    for person in people:
        assert np.nanmax(nearest(found, person)) < 1


def test_limits() -> None:
    maps, spec = part_maps(crowd(np.random.default_rng(6), 4), part_spec()), part_spec()
    assert len(decode_deepercut(maps, spec, fitted(OURS), replace(OURS, max_people=2))) == 2
    assert len(decode_deepercut(maps, spec, fitted(OURS), replace(OURS, max_people=0))) == 0
    assert len(decode_deepercut(maps, spec, fitted(OURS), replace(OURS, min_parts=18))) <= 4
    few = decode_with_parts(maps, spec, fitted(OURS), replace(OURS, max_parts=2))[1]
    assert np.diff(few.start).max() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("part_probability", 0), ("part_probability", 1), ("nms_radius", -1), ("joint_slope", np.nan), ("max_parts", 0),
     ("max_people", -1)],
)  # fmt: skip
def test_wrong_options_are_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(OURS, **{field: value})


def test_nobody_and_wrong_shapes() -> None:
    spec = part_spec()
    maps = part_maps(np.zeros((0, K, 2), np.float32), spec)
    assert len(decode_deepercut(maps, spec, fitted(OURS))) == 0
    for name in maps:
        with pytest.raises(ValueError, match=f"{name}: expected shape"):
            decode_deepercut({**maps, name: maps[name][:-1]}, spec, fitted(OURS))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("head", ["part_logits", "offsets", "pairwise"])
def test_damaged_maps_do_no_harm(head: str, value: float) -> None:
    rng = np.random.default_rng(7)
    maps, spec = part_maps(crowd(rng, 3), part_spec()), part_spec()
    hit = rng.random(maps[head].shape) < 0.02
    maps[head][hit] = value
    with np.errstate(all="ignore"):
        people = decode_deepercut(maps, spec, fitted(OURS), replace(OURS, max_parts=20))
    assert np.isfinite(people.xy[people.visible]).all()
    assert np.isfinite(people.scores).all()
