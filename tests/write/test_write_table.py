"""CSV: columns a person can guess, cells empty where there is nothing, and the way there and back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError, UsageError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, HAND_21, OPENPOSE_130
from limbwise.write import CsvWriter, Record, read_csv

DOG = Skeleton("dog", ("nose", "tail"), (), (0.03, 0.08))
FRAME = Record("sub/clip", "clip.mp4", 0, 12, 0.48, 640, 480)
PHOTO = Record('odd, "näme"\udcff', "x.jpg", 1, None, None, 640, 480)


def test_the_bytes(tmp_path: Path) -> None:
    xy = np.array([[[1.5, 2], [3.25, 8]], [[1, 1], [np.nan, 0]]], np.float32)
    people = People(DOG, xy, np.array([[0.1, 1], [0.5, 0]], np.float32), ids=np.array([7, -1]))
    with CsvWriter(tmp_path / "x.csv") as writer:
        writer.add(FRAME, people)
        writer.add(PHOTO, People.empty(DOG))
    assert (tmp_path / "x.csv").read_bytes().decode("utf-8", "surrogateescape") == (
        "source,frame,time,person,id,score,box_x,box_y,box_w,box_h,nose_x,nose_y,nose_score,tail_x,tail_y,tail_score\n"
        "sub/clip,12,0.48,0,7,0.55,1.5,2.0,1.75,6.0,1.5,2.0,0.1,3.25,8.0,1.0\n"
        "sub/clip,12,0.48,1,,0.5,1.0,1.0,0.0,0.0,1.0,1.0,0.5,,,\n"
        '"odd, ""näme""\udcff",,,,,,,,,,,,,,,\n'
    )


@pytest.mark.parametrize("skeleton", [COCO_17, HAND_21, OPENPOSE_130, DOG], ids=lambda s: s.name)
def test_there_and_back(tmp_path: Path, crowd: Any, skeleton: Skeleton) -> None:
    frames = {i: crowd(i, skeleton, tracked=i % 2 == 0) for i in range(20)}
    with CsvWriter(tmp_path / "x.csv") as writer:
        for i, people in frames.items():
            writer.add(Record("clip", "clip.mp4", i, i, i / 25, 640, 480), people)
    back = read_csv(tmp_path / "x.csv")
    assert list(back) == [("clip", i) for i in frames]
    for (_, i), people in back.items():
        expected = frames[i or 0]
        assert people.skeleton.keypoints == skeleton.keypoints
        np.testing.assert_allclose(people.xy, expected.xy, rtol=1e-6, atol=5.1e-4)
        np.testing.assert_allclose(people.scores, expected.scores, atol=1e-6)
        assert people.ids is None if expected.ids is None else np.array_equal(people.ids, expected.ids)


def test_every_cell_is_a_number_or_empty(tmp_path: Path, crowd: Any) -> None:
    people = crowd(1, COCO_17)
    people.xy[0, :3], people.scores[0, 5] = np.inf, np.nan
    people.save(tmp_path / "x.csv", "csv")
    rows = list(csv.reader((tmp_path / "x.csv").read_text().splitlines()))
    assert len(rows) == 1 + len(people)
    assert all(cell == "" or np.isfinite(float(cell)) for row in rows[1:] for cell in row[1:])


def test_a_table_of_nothing_has_its_first_columns(tmp_path: Path) -> None:
    with CsvWriter(tmp_path / "people.csv"):
        pass
    assert (tmp_path / "people.csv").read_text() == "source,frame,time,person,id,score,box_x,box_y,box_w,box_h\n"
    assert read_csv(tmp_path / "people.csv") == {}


def test_one_table_has_one_skeleton(tmp_path: Path) -> None:
    with CsvWriter(tmp_path / "x.csv") as writer:
        writer.add(FRAME, People.empty(COCO_17))
        with pytest.raises(UsageError, match="hand_21 cannot follow coco_17"):
            writer.add(FRAME, People.empty(HAND_21))


HEAD = "source,frame,time,person,id,score,nose_x,nose_y,nose_score\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "line 2: its columns are not those"),
        (HEAD + "a,1,,0,,,1,2,0.5,9\n", "line 2: its columns"),
        (HEAD + "a,1,,0,,,x,2,0.5\n", "line 2: nose_x: a number is expected, not 'x'"),
        (HEAD + "a,1.5,,0,,,1,2,0.5\n", "frame: a whole number is expected, not '1.5'"),
        (HEAD + "a,1,,0,nan,,1,2,0.5\n", "id: a whole number"),
        (HEAD.replace(",nose_x,nose_y,nose_score", "") + "a,1,,0,,\n", "columns: keypoints: at least one name"),
        (HEAD.replace(",nose_score", "") + "a,1,,0,,,1,2\n", "column nose_score is missing"),
        (HEAD + "a" * 200000 + ",1,,0,,,1,2,0.5\n", "not valid CSV"),
    ],
)
def test_nonsense_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=rf"x\.csv: .*{message}|x\.csv: {message}"):
        read_csv(tmp_path / "x.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_csv(tmp_path)
