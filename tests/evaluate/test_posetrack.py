"""PoseTrack's numbers against poseval's own, its check values, and everything that sequences do to an evaluator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posetrack_files import Person, standing, write_2017, write_2018

from limbwise.errors import InputError
from limbwise.evaluate.posetrack import NAMES, PoseTrackResult, as_tables, evaluate_posetrack
from limbwise.evaluate.posetrack_frames import within
from limbwise.metric.posetrack import PoseTrackNumbers
from limbwise.skeletons import POSETRACK_15

SEQUENCES = [f"30000{i}_mpii_test" for i in range(4)]
AP = {"ap": "ap", "pre": "ap_precision", "rec": "ap_recall"}
MOT = {"mota": "mota", "motp": "motp", "pre": "precision", "rec": "recall"}
SIXTH = 10 / 6  # pixels that are a sixth of a head size


@pytest.fixture(scope="module", params=[2017, 2018])
def oracle(request: pytest.FixtureRequest, shared: Path) -> tuple[Path, PoseTrackResult]:
    folder = shared / "oracles" / "poseval" / str(request.param)
    return folder, evaluate_posetrack(folder / "gt", folder / "pred")


@pytest.mark.parametrize("sequence", [*SEQUENCES, "total"])
@pytest.mark.parametrize(("kind", "measures"), [("AP", AP), ("MOT", MOT)], ids=["AP", "MOT"])
def test_every_number_of_poseval(
    oracle: tuple[Path, PoseTrackResult], sequence: str, kind: str, measures: dict[str, str]
) -> None:
    folder, result = oracle
    expected = json.loads((folder / "expected" / f"{sequence}_{kind}_metrics.json").read_text())
    numbers = result.total if sequence == "total" else result.sequences[sequence]
    for theirs, ours in measures.items():
        np.testing.assert_allclose(getattr(numbers, ours), expected[theirs], rtol=0, atol=1e-6, err_msg=ours)
    assert {expected["names"][str(i)] for i in range(16)} == set(NAMES)


def judged(tmp_path: Path, truth: list[list[Person]], found: list[list[Person]], **how: Any) -> PoseTrackNumbers:
    write_2017(tmp_path / "gt" / "a.json", truth)
    write_2017(tmp_path / "pred" / "a.json", found)
    return evaluate_posetrack(tmp_path / "gt", tmp_path / "pred", **how).total


def pair(ids: tuple[int, int] = (1, 2), shift: float = SIXTH) -> list[Person]:
    """Two people far apart, both `shift` pixels from where they are without."""
    return [(ids[0], standing(shift)), (ids[1], standing(1000 + shift))]


LABELLED = pair(shift=0)


@pytest.mark.parametrize(
    ("found", "poseval", "strict"),
    [
        # systems.md F: swapped ids, a new id, a frame without anybody; mota and motp by each set of rules
        ([pair(), pair((2, 1)), pair(), pair()], (100 / 3, 500 / 9), (50, 250 / 3)),
        ([pair(), pair((1, 9)), pair(), pair()], (200 / 3, 63.8888889), (75, 250 / 3)),
        ([pair(), [], pair(), pair()], (60, 200 / 3), (75, 250 / 3)),
        ([pair(), pair(), pair(), []], (100, 200 / 3), (75, 250 / 3)),
    ],
    ids=["swapped", "new", "nobody", "nobody at last"],
)
def test_check_values(
    tmp_path: Path, found: list[list[Person]], poseval: tuple[float, float], strict: tuple[float, float]
) -> None:
    for mode, expected in (("poseval", poseval), ("strict", strict)):
        numbers = judged(tmp_path, [LABELLED] * 4, found, mode=mode)
        assert (numbers.mota[-1], numbers.motp[-1]) == pytest.approx(expected), mode


@pytest.mark.parametrize(("mode", "expected"), [("poseval", 1400 / 15), ("strict", 100)])
def test_a_joint_that_never_occurs(tmp_path: Path, mode: str, expected: float) -> None:
    frames = [[(1, standing(joints=range(14)))]] * 3
    numbers = judged(tmp_path, frames, frames, mode=mode)
    assert numbers.ap[-1] == pytest.approx(expected)
    assert np.isnan(numbers.mota[14])
    assert numbers.mota[-1] == 100


def test_equal_scores_hang_on_no_order(tmp_path: Path) -> None:
    """Strict: wrong and right ones with one score count together, whichever comes first."""
    astray = (7, standing(5000))
    numbers = []
    for i, order in enumerate(([astray, *pair()], [*pair(), astray])):
        same = [(identity, points) for identity, points in order]
        write_2018(tmp_path / str(i) / "gt" / "a.json", [LABELLED] * 2)
        write_2018(tmp_path / str(i) / "pred" / "a.json", [same] * 2)
        numbers.append(evaluate_posetrack(tmp_path / str(i) / "gt", tmp_path / str(i) / "pred", "strict").total)
    np.testing.assert_array_equal(numbers[0].ap, numbers[1].ap)
    assert numbers[0].ap[-1] == pytest.approx(200 / 3)


@pytest.mark.parametrize("mode", ["poseval", "strict"])
def test_nobody_anywhere(tmp_path: Path, mode: str) -> None:
    for truth, found in (([[]] * 3, [[]] * 3), ([[]] * 3, [pair()] * 3)):
        numbers = judged(tmp_path, truth, found, mode=mode)
        assert np.isnan(numbers.mota[-1])
        assert np.isnan(numbers.hota[-1])
    numbers = judged(tmp_path, [LABELLED] * 3, [[]] * 3, mode=mode)
    assert numbers.ap[-1] == 0
    assert numbers.recall[-1] == 0
    assert numbers.idf1[-1] == 0


def test_a_frame_that_says_it_is_labelled_counts_though_nobody_is_there(tmp_path: Path) -> None:
    write_2017(tmp_path / "gt" / "a.json", [LABELLED, []], is_labeled=[1])
    write_2017(tmp_path / "pred" / "a.json", [pair(), pair()])
    precision = {m: evaluate_posetrack(tmp_path / "gt", tmp_path / "pred", m).total for m in ("poseval", "strict")}  # type: ignore[arg-type]
    assert precision["poseval"].ap_precision[-1] == 100
    assert precision["strict"].ap_precision[-1] == 50


def test_one_frame(tmp_path: Path) -> None:
    """poseval drops the last frame and falls over; AP is what it is, and tracks have no numbers."""
    numbers = judged(tmp_path, [LABELLED], [pair()])
    assert numbers.ap[-1] == 100
    assert np.isnan(numbers.mota[-1])
    assert judged(tmp_path, [LABELLED], [pair()], mode="strict").mota[-1] == 100


@pytest.mark.parametrize("mode", ["poseval", "strict"])
def test_any_whole_number_is_an_id(tmp_path: Path, mode: str) -> None:
    expected = judged(tmp_path, [LABELLED] * 3, [pair(), pair((2, 1)), pair()], mode=mode)
    large = [pair((10_000, 2**40)), pair((2**40, 10_000)), pair((10_000, 2**40))]
    numbers = judged(tmp_path, [LABELLED] * 3, large, mode=mode)
    np.testing.assert_array_equal(numbers.mota, expected.mota)


def test_people_without_ids_are_each_a_track_of_their_own(tmp_path: Path) -> None:
    numbers = judged(tmp_path, [LABELLED] * 3, [[(None, points) for _, points in pair()]] * 3, mode="strict")
    assert numbers.ap[-1] == 100
    assert numbers.mota[-1] == pytest.approx(100 / 3)  # 4 of 6 are switches
    assert numbers.idf1[-1] == pytest.approx(100 / 3)


def test_unsorted_frames(tmp_path: Path) -> None:
    found = [pair(shift=i) for i in range(4)]
    truth = [LABELLED, [LABELLED[0]], LABELLED, LABELLED]
    expected = judged(tmp_path, truth, found, mode="strict")
    order = [2, 0, 3, 1]
    write_2017(tmp_path / "pred" / "a.json", [found[i] for i in order], order)
    with pytest.raises(InputError, match=r"a\.json: its frames are in another order"):
        evaluate_posetrack(tmp_path / "gt", tmp_path / "pred")
    for labels_too in (False, True):
        if labels_too:
            write_2017(tmp_path / "gt" / "a.json", [truth[i] for i in order[::-1]], order[::-1])
        numbers = evaluate_posetrack(tmp_path / "gt", tmp_path / "pred", "strict").total
        for measure, values in vars(expected).items():
            np.testing.assert_array_equal(getattr(numbers, measure), values, err_msg=measure)


def test_missing_frames_are_frames_without_anybody(tmp_path: Path) -> None:
    expected = judged(tmp_path, [LABELLED] * 3, [pair(), [], pair()], mode="strict")
    write_2017(tmp_path / "pred" / "a.json", [pair(), pair()], [0, 2])
    numbers = evaluate_posetrack(tmp_path / "gt", tmp_path / "pred", "strict").total
    np.testing.assert_array_equal(numbers.mota, expected.mota)
    with pytest.raises(InputError, match="2 frames, but 3 are labelled"):
        evaluate_posetrack(tmp_path / "gt", tmp_path / "pred")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"b.json": [pair()]}, r"a\.json: no predictions"),
        ({"a.json": [[(1, standing()), (1, standing(1000))]]}, "track id 1 comes 2 times"),
    ],
)
def test_what_cannot_be_judged(tmp_path: Path, found: dict[str, Any], message: str) -> None:
    write_2017(tmp_path / "gt" / "a.json", [LABELLED])
    for name, frames in found.items():
        write_2017(tmp_path / "pred" / name, frames)
    with pytest.raises(InputError, match=message):
        evaluate_posetrack(tmp_path / "gt", tmp_path / "pred")


@pytest.mark.parametrize(("field", "message"), [("x1", "no head box"), ("track_id", "no track id")])
def test_labels_that_lack_something(tmp_path: Path, field: str, message: str) -> None:
    write_2017(tmp_path / "gt" / "a.json", [LABELLED])
    write_2017(tmp_path / "pred" / "a.json", [pair()])
    content = json.loads((tmp_path / "gt" / "a.json").read_text())
    del content["annolist"][0]["annorect"][0][field]
    (tmp_path / "gt" / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        evaluate_posetrack(tmp_path / "gt", tmp_path / "pred")


@pytest.mark.parametrize("where", ["nowhere", "empty"])
def test_no_labels(tmp_path: Path, where: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=where):
        evaluate_posetrack(tmp_path / where, tmp_path)


def test_what_lies_in_a_region_to_ignore_does_not_count(tmp_path: Path) -> None:
    corners = [(900, -100), (3000, -100), (3000, 2000), (900, 2000)]
    region = {"point": [{"x": [x], "y": [y]} for x, y in corners]}
    write_2017(tmp_path / "gt" / "a.json", [LABELLED] * 3, ignore_regions=[region])
    write_2017(tmp_path / "pred" / "a.json", [[*pair(), (5, standing(2000))]] * 3)
    assert evaluate_posetrack(tmp_path / "gt", tmp_path / "pred", "strict").total.mota[-1] == 100


def test_within_a_polygon() -> None:
    """Against OpenCV's test of a point in a polygon, on a grid of points of which many lie on its border."""
    import cv2

    rng = np.random.default_rng(0)
    for _ in range(20):
        polygon = rng.integers(0, 12, (rng.integers(3, 7), 2)).astype(np.float64)
        points = np.stack(np.meshgrid(np.arange(-1, 13, 0.5), np.arange(-1, 13, 0.5)), -1).reshape(-1, 2)
        expected = [cv2.pointPolygonTest(polygon.astype(np.float32), (x, y), False) > 0 for x, y in points.tolist()]
        found = within(points, polygon)
        assert found.tolist() == expected
    assert within(np.full((1, 2), np.nan), np.array([[0, 0], [9, 0], [0, 9]])).tolist() == [False]


def test_both_years_and_single_files(tmp_path: Path) -> None:
    frames = [pair(), pair((2, 1)), pair()]
    expected = judged(tmp_path, [LABELLED] * 3, frames)
    write_2018(tmp_path / "gt18.json", [LABELLED] * 3)
    write_2018(tmp_path / "pred18.json", frames)
    result = evaluate_posetrack(tmp_path / "gt18.json", tmp_path / "pred18.json")
    np.testing.assert_allclose(result.total.motp, expected.motp)
    tables = as_tables(result)
    assert json.loads(json.dumps(tables))["total"]["mota"]["total"] == pytest.approx(expected.mota[-1])
    assert set(tables["total"]["ap"]) == {*POSETRACK_15.keypoints, "total"}
