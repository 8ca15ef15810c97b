"""OpenPose files: exact bytes, what relatives of OpenPose write, and the way there and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError, LimbwiseError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import (
    BODY_25,
    COCO_17,
    FACE_70,
    HAND_21,
    LSP_14,
    MPI_15,
    MPII_16,
    OPENPOSE_18,
    OPENPOSE_130,
    OPENPOSE_137,
    POSETRACK_17,
)  # fmt: skip
from limbwise.write import OpenPoseWriter, Record, read_openpose
from limbwise.write.openpose import openpose_text, written_skeleton

KEYS = [
    "person_id", "pose_keypoints_2d", "face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d",
    "pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d",
]  # fmt: skip
TAIL = '"pose_keypoints_3d":[],"face_keypoints_3d":[],"hand_left_keypoints_3d":[],"hand_right_keypoints_3d":[]}'
PHOTO = Record("sub/a", "sub/a.jpg", 1, None, None, 640, 480)
FRAME = Record("sub/clip", "sub/clip.mp4", 12, 12, 0.48, 640, 480)


def person(skeleton: Skeleton, ids: list[int] | None = None, **points: tuple[float, float, float]) -> People:
    xy, scores = np.full((1, len(skeleton), 2), np.nan, np.float32), np.zeros((1, len(skeleton)), np.float32)
    for name, (x, y, score) in points.items():
        xy[0, skeleton.index(name)], scores[0, skeleton.index(name)] = (x, y), score
    return People(skeleton, xy, scores, ids=None if ids is None else np.array(ids))


def test_the_bytes_of_one_person(tmp_path: Path) -> None:
    people = person(
        COCO_17,
        nose=(123456.789, 0.00012, 1e-05),
        left_shoulder=(10, 20, 0.5),
        right_shoulder=(30.5, -0.0, 0.25),
        right_ear=(1 / 3, 100.125, 1),
    )
    with OpenPoseWriter(tmp_path) as writer:
        writer.add(PHOTO, people)
    pose = (
        "123457,0.00012,1e-05,20.25,10,0.25,30.5,0,0.25,0,0,0,0,0,0,10,20,0.5,"
        + "0,0,0," * 10
        + "0.333333,100.125,1,0,0,0"
    )
    assert (tmp_path / "sub" / "a_keypoints.json").read_bytes().decode() == (
        '{"version":1.3,"people":[{"person_id":[-1],"pose_keypoints_2d":[' + pose + '],"face_keypoints_2d":[],'
        '"hand_left_keypoints_2d":[],"hand_right_keypoints_2d":[],' + TAIL + "]}"
    )  # fmt: skip


def test_frames_go_to_the_folder_of_their_video_and_nobody_is_written_too(tmp_path: Path) -> None:
    with OpenPoseWriter(tmp_path) as writer:
        writer.add(FRAME, People.empty(OPENPOSE_18))
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert files == ["sub/clip_json/clip_000000000012_keypoints.json"]
    assert (tmp_path / files[0]).read_text() == '{"version":1.3,"people":[]}'


def test_whole_body_is_split_by_part_left_hand_first() -> None:
    people = person(OPENPOSE_130, [7], nose=(1, 2, 0.5), left_thumb_1=(3, 4, 0.25), right_pupil=(5, 6, 0.75))
    written = json.loads(openpose_text(people))["people"][0]
    assert list(written) == KEYS
    assert written["person_id"] == [7]
    assert written["pose_keypoints_2d"] == [1, 2, 0.5] + [0] * 51
    assert written["face_keypoints_2d"] == [0] * 204 + [5, 6, 0.75, 0, 0, 0]
    assert written["hand_left_keypoints_2d"] == [0] * 3 + [3, 4, 0.25] + [0] * 57
    assert written["hand_right_keypoints_2d"] == [0] * 63


def test_part_candidates_are_a_list_of_one_object_in_the_order_of_the_file() -> None:
    peaks = [np.zeros((0, 3), np.float32) for _ in range(17)]
    peaks[0] = np.array([[1, 2, 0.5], [3, 4, 0.25]], np.float32)  # nose
    peaks[1] = np.array([[5, 6, 0.125]], np.float32)  # left_eye, number 15 in the file
    written = json.loads(openpose_text(People.empty(COCO_17), peaks))
    assert list(written) == ["version", "people", "part_candidates"]
    (candidates,) = written["part_candidates"]
    assert list(candidates) == [str(k) for k in range(18)]
    assert (candidates["0"], candidates["15"], candidates["1"]) == ([1, 2, 0.5, 3, 4, 0.25], [5, 6, 0.125], [])


@pytest.mark.parametrize(
    ("skeleton", "written"),
    [
        (COCO_17, OPENPOSE_18), (MPII_16, OPENPOSE_18), (LSP_14, OPENPOSE_18), (POSETRACK_17, OPENPOSE_18),
        (OPENPOSE_18, OPENPOSE_18), (BODY_25, BODY_25), (MPI_15, MPI_15), (OPENPOSE_130, OPENPOSE_130), (OPENPOSE_137, OPENPOSE_137),
        (FACE_70, FACE_70), (HAND_21, HAND_21),
    ],
)  # fmt: skip
def test_orders_in_the_file(skeleton: Skeleton, written: Skeleton) -> None:
    assert written_skeleton(skeleton) == written


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "skeleton", [OPENPOSE_18, BODY_25, MPI_15, OPENPOSE_130, HAND_21, FACE_70], ids=lambda s: s.name
)
def test_there_and_back(tmp_path: Path, crowd: Any, skeleton: Skeleton, seed: int) -> None:
    people = crowd(seed, skeleton, tracked=seed % 2 == 0)
    people.save(tmp_path / "x.json")
    back = read_openpose(tmp_path / "x.json", skeleton)
    np.testing.assert_allclose(back.xy, people.xy, rtol=6e-6)
    np.testing.assert_allclose(back.scores, people.scores, rtol=6e-6)
    assert (back.ids is None) == (people.ids is None)
    assert people.ids is None or np.array_equal(back.ids, people.ids)
    if len(people) and skeleton != HAND_21:
        assert read_openpose(tmp_path / "x.json").skeleton == skeleton


def test_coco_people_come_back_as_coco(tmp_path: Path, crowd: Any) -> None:
    people = crowd(3, COCO_17)
    people.save(tmp_path / "x.json")
    np.testing.assert_allclose(read_openpose(tmp_path / "x.json", COCO_17).xy, people.xy, rtol=6e-6)


def flat(count: int) -> list[float]:
    return [float(i + 1) for i in range(3 * count)]


@pytest.mark.parametrize(
    ("content", "count", "skeleton", "ids"),
    [
        ({"version": 1.1, "people": [{"pose_keypoints_2d": flat(25)}]}, 1, BODY_25, None),
        ({"people": [{"pose_keypoints_2d": flat(18), "person_id": 4}]}, 1, OPENPOSE_18, [4]),
        ({"people": [{"pose_keypoints_2d": flat(18), "person_id": [-1]}]}, 1, OPENPOSE_18, None),
        ({"people": [{}, {"pose_keypoints_2d": flat(25), "person_id": [1]}, {}]}, 1, BODY_25, [1]),
        ({"people": [{"pose_keypoints_2d": []}, {"pose_keypoints_2d": flat(15)}]}, 1, MPI_15, None),
        ({"people": [{"pose_keypoints_2d": None}, {"pose_keypoints_2d": [0]}, {"pose_keypoints_2d": flat(15)}]}, 1, MPI_15, None),
        ({"people": [{"pose_keypoints_2d": flat(17), "person_id": []}]}, 1, COCO_17, None),
        ({"people": [{"pose_keypoints_2d": flat(130)}]}, 1, OPENPOSE_130, None),
        ({"people": [{"pose_keypoints": flat(18)}]}, 1, OPENPOSE_18, None),
        ({"people": [{"pose_keypoints_2d": flat(18), "hand_left_keypoints_2d": flat(21)}]}, 1, OPENPOSE_130, None),
        ({"people": [{"pose_keypoints_2d": flat(25), "face_keypoints_2d": flat(70)}]}, 1, OPENPOSE_137, None),
        ({"people": [{"pose_keypoints_2d": flat(18), "person_id": [3]}, {"pose_keypoints_2d": flat(18)}]}, 2, OPENPOSE_18, [3, -1]),
        ({"people": []}, 0, OPENPOSE_18, None),
    ],
)  # fmt: skip
def test_relatives_of_openpose_are_read(
    tmp_path: Path, content: object, count: int, skeleton: Skeleton, ids: list[int] | None
) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content))
    people = read_openpose(tmp_path / "x.json")
    assert (len(people), people.skeleton) == (count, skeleton)
    assert (None if people.ids is None else people.ids.tolist()) == ids


def test_every_way_to_say_missing(tmp_path: Path) -> None:
    points = "0,0,0, NaN,NaN,NaN, -1,-1,-1, null,null,null, 5,6,0, Infinity,2,1, -1,-1,0.5"
    (tmp_path / "x.json").write_text('{"people":[{"pose_keypoints_2d":[' + points + ",0,0,0" * 11 + "]}]}")
    people = read_openpose(tmp_path / "x.json")
    assert people.visible[0].nonzero()[0].tolist() == [6]
    assert people.xy[0, 6].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("[" * 100000, "not valid JSON"),
        ("[]", "an object is expected"),
        ('{"version":1.3}', "people: a list is expected, not null"),
        ('{"people":{}}', "people: a list"),
        ('{"people":[[]]}', r"people\[0\]: an object"),
        ('{"people":[{"pose_keypoints_2d":[1,2,3,4]}]}', r"people\[0\].pose_keypoints_2d: 4 numbers are not triples"),
        ('{"people":[{"pose_keypoints_2d":["1",2,3]}]}', 'pose_keypoints_2d: a number is expected, not "1"'),
        ('{"people":[{"pose_keypoints_2d":[1,2,3]}]}', "1 keypoints are not one of 15, 16, 17, 18, 25, 130"),
        (json.dumps({"people": [{"pose_keypoints_2d": flat(18)}, {"pose_keypoints_2d": flat(17)}]}), "person 1: pose_key.*18"),
        (json.dumps({"people": [{"pose_keypoints_2d": flat(18), "face_keypoints_2d": flat(3)}]}), "face.*70 keypoints are exp"),
        (json.dumps({"people": [{"pose_keypoints_2d": flat(18), "person_id": "x"}]}), "person_id: a number"),
        (json.dumps({"people": [{"pose_keypoints_2d": flat(18), "person_id": 1e30}]}), "person_id: a whole number"),
    ],
)  # fmt: skip
def test_nonsense_is_named_by_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=rf"x\.json: .*{message}|x\.json: {message}"):
        read_openpose(tmp_path / "x.json")


def test_a_missing_file_and_a_folder_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_openpose(tmp_path / "x.json")
    (tmp_path / "sub").write_text("a file where a folder must be")
    with pytest.raises(LimbwiseError, match="cannot be written"):
        OpenPoseWriter(tmp_path).add(PHOTO, People.empty(COCO_17))
