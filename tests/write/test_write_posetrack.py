"""PoseTrack 2017 and 2018: real files come back the same, ids fit what poseval takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.people import People
from limbwise.skeletons import COCO_17, HAND_21, POSETRACK_15, POSETRACK_17
from limbwise.write import PoseTrackWriter, Record, read_posetrack

REAL = (Path(__file__).parents[2] / ".." / "shared" / "oracles" / "poseval").resolve()
LABELS, PREDICTIONS = (sorted(REAL.glob(f"201*/{kind}/*.json")) for kind in ("gt", "pred"))


def called(value: object) -> str:
    """A case's name: year and sequence of a file, the name of a skeleton."""
    return (
        f"{value.parts[-3]}-{value.parts[-2]}-{value.stem}"
        if isinstance(value, Path)
        else getattr(value, "name", str(value))
    )


def frame(i: int, name: str = "clip") -> Record:
    return Record(name, f"{name}.mp4", 1000 + i, i, i / 25, 640, 480)


def photo(i: int) -> Record:
    return Record(f"photo{i}", f"photo{i}.jpg", i, None, None, 640, 480)


def same(found: People, expected: People) -> None:
    assert found.skeleton == expected.skeleton
    for name in ("xy", "scores", "person_scores", "ids"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def write(folder: Path, year: int, frames: Sequence[tuple[Record, People]]) -> None:
    with PoseTrackWriter(folder, year) as writer:
        for record, people in frames:
            writer.add(record, people)


@pytest.mark.parametrize("source", LABELS + PREDICTIONS, ids=called)
def test_real_files_come_back_the_same(tmp_path: Path, source: Path) -> None:
    frames = read_posetrack(source)
    year = int(source.parts[-3])
    write(tmp_path, year, [(Record("seq", name, i, i, None, 0, 0), people) for i, (name, people) in enumerate(frames)])
    back = read_posetrack(tmp_path / "seq.json")
    assert [name for name, _ in back] == [name for name, _ in frames]
    assert sum(len(people) for _, people in frames) > 0
    for (_, found), (_, expected) in zip(back, frames, strict=True):
        same(found, expected)


def test_real_files_are_there() -> None:
    if not REAL.exists():
        pytest.skip(f"{REAL} is not on this machine")
    assert len(LABELS + PREDICTIONS) == 16


@pytest.mark.parametrize("source", PREDICTIONS, ids=called)
def test_real_predictions_are_read_as_they_stand(source: Path) -> None:
    """Against a plain walk through the file."""
    content, found = json.loads(source.read_text()), [people for _, people in read_posetrack(source)]
    if "annolist" in content:
        for people, image in zip(found, content["annolist"], strict=True):
            for k, rect in enumerate(image["annorect"]):
                assert people.ids is not None
                assert people.ids[k] == rect["track_id"][0]
                points = {point["id"][0]: point for point in rect["annopoints"][0]["point"]}
                assert people.visible[k].nonzero()[0].tolist() == sorted(points)
                for joint, point in points.items():
                    assert people.xy[k, joint].tolist() == pytest.approx([point["x"][0], point["y"][0]])
                    assert people.scores[k, joint] == pytest.approx(point["score"][0])
    else:
        flat = np.concatenate([np.nan_to_num(people.xy).reshape(-1, 34) for people in found])
        expected = [[v for i, v in enumerate(a["keypoints"]) if i % 3 < 2] for a in content["annotations"]]
        np.testing.assert_allclose(flat, np.array(expected), rtol=1e-6)
        assert np.concatenate([people.ids for people in found if len(people)]).tolist() == [
            a["track_id"] for a in content["annotations"]
        ]


@pytest.mark.parametrize(
    ("year", "skeleton"),
    [(2017, POSETRACK_15), (2018, POSETRACK_17), (2018, HAND_21)],
    ids=called,
)
def test_there_and_back(tmp_path: Path, crowd: Any, year: int, skeleton: Any) -> None:
    frames = [(frame(i), crowd(i, skeleton)) for i in range(20)]
    frames = [(record, people) for record, people in frames if len(people) == 0 or people.ids is not None]
    write(tmp_path, year, frames)
    back = read_posetrack(tmp_path / "clip.json")
    assert len(back) == len(frames)
    for (name, found), (record, expected) in zip(back, frames, strict=True):
        assert name == record.file_name
        same(found, expected)


def test_2017_every_scalar_is_a_list_of_one(tmp_path: Path) -> None:
    xy = np.full((1, 15, 2), np.nan, np.float32)
    xy[0, 13], xy[0, 14] = (10.5, 20), (12, 8)
    people = People(POSETRACK_15, xy, np.full((1, 15), 0.5, np.float32), np.array([0.25], np.float32), np.array([7]))
    write(tmp_path, 2017, [(photo(0), people), (photo(1), People.empty(POSETRACK_15))])
    assert json.loads((tmp_path / "images.json").read_text()) == {"annolist": [
        {"image": [{"name": "photo0.jpg"}], "imgnum": [1], "annorect": [
            {"x1": [10.5], "y1": [8], "x2": [12], "y2": [20], "score": [0.25], "track_id": [7], "annopoints": [{"point": [
                {"id": [13], "x": [10.5], "y": [20], "score": [0.5]}, {"id": [14], "x": [12], "y": [8], "score": [0.5]}]}]}]},
        {"image": [{"name": "photo1.jpg"}], "imgnum": [2], "annorect": []},
    ]}  # fmt: skip


def test_2018_in_full(tmp_path: Path) -> None:
    xy = np.full((2, 17, 2), np.nan, np.float32)
    xy[0, 0], xy[0, 1] = (10.5, 20), (12, 8)
    people = People(POSETRACK_17, xy, np.full((2, 17), 0.5, np.float32), np.array([0.25, 0], np.float32))
    write(tmp_path, 2018, [(frame(4), people), (frame(5), People.empty(POSETRACK_17))])
    keypoints = [10.5, 20, 1, 12, 8, 1, *[0] * 45]
    assert json.loads((tmp_path / "clip.json").read_text()) == {
        "images": [
            {"id": 1004, "file_name": "clip.mp4", "frame_id": 4, "vid_id": "clip", "is_labeled": True, "nframes": 2},
            {"id": 1005, "file_name": "clip.mp4", "frame_id": 5, "vid_id": "clip", "is_labeled": True, "nframes": 2},
        ],
        "annotations": [
            {"image_id": 1004, "id": 0, "track_id": 0, "category_id": 1, "keypoints": keypoints,
             "scores": [0.5, 0.5, *[0] * 15], "score": 0.25, "bbox": [10.5, 8, 1.5, 12]},
            {"image_id": 1004, "id": 1, "track_id": 1, "category_id": 1, "keypoints": [0] * 51, "scores": [0] * 17,
             "score": 0, "bbox": [0, 0, 0, 0]},
        ],
        "categories": [{"supercategory": "person", "id": 1, "name": "person", "keypoints": list(POSETRACK_17.keypoints), "skeleton": []}],
    }  # fmt: skip


@pytest.mark.parametrize(("year", "neck"), [(2017, 12), (2018, 1)])
def test_coco_people_get_a_neck(tmp_path: Path, year: int, neck: int) -> None:
    xy = np.tile(np.arange(17, dtype=np.float32)[:, None], (1, 1, 2)) * 10
    write(tmp_path, year, [(photo(0), People(COCO_17, xy, np.ones((1, 17), np.float32)))])
    ((_, people),) = read_posetrack(tmp_path / "images.json")
    assert people.xy[0, neck].tolist() == [55, 55]  # between the shoulders, 5 and 6


def ids_written(folder: Path, ids: list[list[int] | None]) -> list[list[int]]:
    frames = []
    for i, numbers in enumerate(ids):
        count = 2 if numbers is None else len(numbers)
        zeros = np.ones((count, 15, 2), np.float32), np.ones((count, 15), np.float32)
        frames.append((frame(i), People(POSETRACK_15, *zeros, ids=None if numbers is None else np.array(numbers))))
    write(folder, 2017, frames)
    return [people.ids.tolist() for _, people in read_posetrack(folder / "clip.json") if people.ids is not None]


@pytest.mark.parametrize(
    ("ids", "written"),
    [
        ([[0, 999], [999]], [[0, 999], [999]]),
        ([None, None], [[0, 1], [0, 1]]),
        ([[5000, 3], [3, 5000, 999]], [[999, 3], [3, 999, 998]]),
        ([[1, -1, 0], [-1]], [[1, 999, 0], [999]]),
        ([[0, -1, -1], [2, -1, 1], [998, 999]], [[0, 999, 998], [2, 999, 1], [997, 996]]),
        ([list(range(5000, 6000)), [5000]], [[*range(999, -1, -1)], [999]]),
    ],
    ids=["kept", "not tracked", "renumbered", "partly tracked", "strangers are nobody", "all taken"],
)
def test_2017_ids_stay_below_1000_and_different(
    tmp_path: Path, ids: list[list[int] | None], written: list[list[int]]
) -> None:
    assert ids_written(tmp_path, ids) == written


def test_strangers_of_2018_never_have_the_id_of_a_track(tmp_path: Path) -> None:
    ids = [[0, -1, -1], [-1, 1], [0, 1, -1]]
    points = [(np.ones((len(one), 17, 2), np.float32), np.ones((len(one), 17), np.float32)) for one in ids]
    people = [People(POSETRACK_17, *both, ids=np.array(one)) for both, one in zip(points, ids, strict=True)]
    write(tmp_path, 2018, [(frame(i), one) for i, one in enumerate(people)])
    found = json.loads((tmp_path / "clip.json").read_text())["annotations"]
    assert [one["track_id"] for one in found] == [0, -1, -2, -1, 1, 0, 1, -1]
    assert [one.ids.tolist() for _, one in read_posetrack(tmp_path / "clip.json")] == ids


def test_2017_says_when_there_are_too_many_tracks(tmp_path: Path) -> None:
    with pytest.raises(LimbwiseError, match="room for 1000 tracks"):
        ids_written(tmp_path, [list(range(1000)), [1000]])
    assert list(tmp_path.iterdir()) == []


def test_a_sequence_a_video_and_one_for_loose_images(tmp_path: Path) -> None:
    nobody = People.empty(COCO_17)
    with PoseTrackWriter(tmp_path, 2017) as writer:
        for record in [photo(0), frame(0, "a"), frame(1, "a"), photo(1), frame(0, "sub/b")]:
            writer.add(record, nobody)
        assert (tmp_path / "a.json").exists()
        with pytest.raises(UsageError, match=r"a: the frames .* must come together"):
            writer.add(frame(2, "a"), nobody)
    found = {p.relative_to(tmp_path).as_posix(): len(read_posetrack(p)) for p in tmp_path.rglob("*.json")}
    assert found == {"images.json": 2, "a.json": 2, "sub/b.json": 1}
    with pytest.raises(UsageError, match="only 2017 and 2018"):
        PoseTrackWriter(tmp_path, 2020)


@pytest.mark.parametrize("year", [2017, 2018])
@pytest.mark.parametrize("video_first", [True, False])
def test_a_video_called_images_is_not_the_images(tmp_path: Path, year: int, video_first: bool) -> None:
    order = [frame(0, "images"), photo(0)] if video_first else [photo(0), frame(0, "Images")]
    others = [photo(1), frame(0, "images_2"), photo(2), frame(0, "sub/images")]
    write(tmp_path, year, [(record, People.empty(COCO_17)) for record in [*order, *others]])
    found = {
        p.relative_to(tmp_path).as_posix(): [name for name, _ in read_posetrack(p)] for p in tmp_path.rglob("*.json")
    }
    photos = [f"photo{i}.jpg" for i in range(3)]
    two = ("images_2.json", "images.json") if video_first else ("images.json", "Images_2.json")
    assert found == {
        two[0]: photos,
        two[1]: [order[1 - video_first].file_name],
        "images_2_2.json": ["images_2.mp4"],
        "sub/images.json": ["sub/images.mp4"],
    }


def test_images_that_are_followed_have_a_file_a_folder(tmp_path: Path) -> None:
    """Ids begin anew in each folder, and where its images come again after others."""
    found = [("b/1", "in/b"), ("b/2", "in/b"), ("c/1", "in/c"), ("3", "in"), ("film", ""), ("4", "in")]
    with PoseTrackWriter(tmp_path, 2018) as writer:
        for i, (name, folder) in enumerate(found):
            record = Record(name, f"{name}.jpg", i, None if folder else 0, None, 640, 480, folder)
            writer.add(record, People.empty(COCO_17))
    files = {p.stem: [name for name, _ in read_posetrack(p)] for p in tmp_path.rglob("*.json")}
    expected = {"b": ["b/1", "b/2"], "c": ["c/1"], "images": ["3"], "film": ["film"], "images_2": ["4"]}
    assert files == {name: [f"{one}.jpg" for one in images] for name, images in expected.items()}


POINT_15 = {"annopoints": [{"point": [{"id": [15]}]}]}
RECT = {"track_id": [1], "annopoints": [{"point": [{"id": [0], "x": [1], "y": [2]}]}]}
NEW = {"images": [{"id": 1, "file_name": "a"}], "annotations": [], "categories": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "an object is expected"),
        ({}, "neither annolist"),
        ({"annolist": {}}, "annolist: a list"),
        ({"annolist": [{"image": 3}]}, r"annolist\[0\].image: an object"),
        ({"annolist": [{"image": [{"name": "a"}], "annorect": [POINT_15]}]}, "15 is not a keypoint from 0 to 14"),
        ({"annolist": [{"image": [{"name": "a"}], "annorect": [{**RECT, "track_id": ["x"]}]}]}, r"annorect\[0\].track_id: a number"),
        ({**NEW, "images": [{"id": 1}, {"id": 1}]}, r"images\[1\].id: 1 comes twice"),
        ({**NEW, "images": [{"file_name": "a"}]}, r"images\[0\].id: is missing"),
        ({**NEW, "annotations": [{"image_id": 2}]}, "image_id: 2 is not one of the images"),
        ({**NEW, "annotations": [{"image_id": 1, "keypoints": [1, 2, 3]}]}, "3 x 17 numbers are expected, not 3"),
        ({**NEW, "annotations": [{"image_id": 1, "keypoints": [1] * 51, "scores": [1]}]}, "scores: 17 numbers"),
        ({**NEW, "categories": [{"keypoints": ["nose", "nose"]}]}, "none twice"),
        ({**NEW, "categories": [{}]}, "keypoints: a list"),
    ],
)  # fmt: skip
def test_nonsense_is_named_by_file_and_field(tmp_path: Path, content: object, message: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"x\.json: .*{message}|x\.json: {message}"):
        read_posetrack(tmp_path / "x.json")


def test_people_without_points_or_with_odd_wrapping_are_read(tmp_path: Path) -> None:
    rects = [
        {"annopoints": []},
        {"annopoints": [{"point": []}]},
        {},
        {"annopoints": {"point": {"id": 0, "x": 1, "y": 2}}},
    ]
    (tmp_path / "x.json").write_text(json.dumps({"annolist": [{"image": {"name": ["a"]}, "annorect": rects}]}))
    ((name, people),) = read_posetrack(tmp_path / "x.json")
    assert (name, people.visible.sum(1).tolist(), people.ids) == ("a", [0, 0, 0, 1], None)
