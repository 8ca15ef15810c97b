"""Every writer: files whole or not there, whatever happens; and the two doors, open_writer and save_people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import LimbwiseError, UsageError
from limbwise.people import People
from limbwise.skeletons import COCO_17, HAND_21
from limbwise.write import FORMATS, Record, open_writer, read_coco, read_csv, read_openpose, read_posetrack, save_people
from limbwise.write.table import CsvWriter
from limbwise.write.writer import write_all

FILES = {
    "openpose": {"openpose/clip_json/clip_000000000000_keypoints.json", "openpose/sub/ä b_keypoints.json"},
    "coco": {"coco.json", "coco_images.json"},
    "csv": {"people.csv"},
    "posetrack2017": {"posetrack2017/clip.json", "posetrack2017/images.json"},
    "posetrack2018": {"posetrack2018/clip.json", "posetrack2018/images.json"},
}
FRAME = Record("clip", "clip.mp4", 0, 0, float("nan"), 640, 480)
PHOTO = Record("sub/ä b", "sub/ä b.jpg", 1, None, None, 640, 480)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def broken(crowd: Any) -> People:
    """People with every number that JSON has no word for."""
    people: People = crowd(1, COCO_17)
    people.xy[0, 0], people.xy[0, 1, 0] = np.inf, -np.inf
    people.scores[0, 2:4] = np.nan, np.inf
    people.person_scores[0] = np.nan
    return people


@pytest.mark.parametrize("format", FORMATS)
def test_the_layout_and_no_number_that_json_lacks(tmp_path: Path, crowd: Any, format: str) -> None:
    with open_writer(format, tmp_path) as writer:
        writer.add(FRAME, broken(crowd))
        writer.add(PHOTO, People.empty(COCO_17))
    assert files(tmp_path) == FILES[format]
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_written_at_all_is_still_whole(tmp_path: Path, format: str) -> None:
    with open_writer(format, tmp_path):
        pass
    assert all(json.loads((tmp_path / name).read_text()) == [] for name in files(tmp_path) if name.endswith(".json"))


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "openpose"])
@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_an_exception_leaves_nothing_and_stays_what_it_is(
    tmp_path: Path, crowd: Any, format: str, error: type[BaseException]
) -> None:
    def interrupted() -> None:
        with open_writer(format, tmp_path) as writer:
            writer.add(FRAME, crowd(1, COCO_17))
            writer.add(PHOTO, crowd(2, COCO_17))
            raise error("in the middle")

    with pytest.raises(error, match=r"^in the middle$"):
        interrupted()
    assert files(tmp_path) == set()


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "openpose"])
def test_what_was_there_before_survives_an_exception(tmp_path: Path, crowd: Any, format: str) -> None:
    def write(fail: bool) -> None:
        with open_writer(format, tmp_path) as writer:
            writer.add(FRAME, crowd(2 if fail else 1, COCO_17))
            if fail:
                raise ValueError

    write(False)
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    with pytest.raises(ValueError, match=r"^$"):
        write(True)
    assert before == {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}


KILLED = """
import os, signal, sys
import numpy as np
from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.write import Record, open_writer
people = People(COCO_17, np.ones((3, 17, 2), np.float32), np.ones((3, 17), np.float32))
writers = [open_writer(format, sys.argv[1]).__enter__() for format in ("coco", "csv", "posetrack2017", "posetrack2018")]
for frame in range(400):
    for writer in writers:
        writer.add(Record("clip", "clip.mp4", frame, frame, None, 640, 480), people)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_process_leaves_hidden_names_only(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    left = files(tmp_path)
    assert left
    assert all(Path(name).name.startswith(".") for name in left)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full here")
@pytest.mark.parametrize("format", ["coco", "csv", "posetrack2017"])
def test_a_full_disk_is_one_line(tmp_path: Path, crowd: Any, format: str) -> None:
    def fill() -> None:
        with open_writer(format, tmp_path) as writer:
            for frame in range(100):
                writer.add(Record("clip", "clip.mp4", frame, frame, None, 640, 480), crowd(1, COCO_17))

    names = {"coco": ".coco.part.json", "csv": ".people.part.csv", "posetrack2017": "posetrack2017/.clip.part.json"}
    (tmp_path / names[format]).parent.mkdir(exist_ok=True)
    (tmp_path / names[format]).symlink_to("/dev/full")
    with pytest.raises(LimbwiseError, match=r"cannot be written .No space left"):
        fill()
    assert files(tmp_path) == set()


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path, crowd: Any) -> None:
    import tracemalloc

    people, peaks = crowd(1, COCO_17), []
    for count in (50, 500):
        tracemalloc.start()
        for format in FORMATS[1:]:
            with open_writer(format, tmp_path / str(count)) as writer:
                for frame in range(count):
                    writer.add(Record("clip", "clip.mp4", frame, frame, None, 640, 480), people)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    ("format", "read"),
    [
        ("openpose", lambda path: read_openpose(path, COCO_17)),
        ("coco", lambda path: read_coco(path)[0]),
        ("csv", lambda path: read_csv(path)[("x", None)]),
        ("posetrack2017", lambda path: read_posetrack(path)[0][1].as_skeleton(COCO_17)),
        ("posetrack", lambda path: read_posetrack(path)[0][1].as_skeleton(COCO_17)),
    ],
)
def test_people_save_themselves_to_one_file(tmp_path: Path, crowd: Any, format: str, read: Any) -> None:
    people = crowd(4, COCO_17)
    people.save(tmp_path / "x.json", format)
    assert files(tmp_path) == {"x.json"}
    found = read(tmp_path / "x.json")["left_wrist"][:, :2]
    assert len(found) > 1
    np.testing.assert_allclose(found, people["left_wrist"][:, :2], rtol=1e-5)


def test_unknown_formats_and_names_out_of_the_folder(tmp_path: Path) -> None:
    nobody = People.empty(HAND_21)
    with pytest.raises(
        UsageError, match="'xml' is not a format of results; there are openpose, coco, csv, posetrack2017"
    ):
        save_people(nobody, tmp_path / "x.xml", "xml")
    with pytest.raises(UsageError, match="'posetrack2020' is not"):
        open_writer("posetrack2020", tmp_path)
    for name in ("", "/etc/x", "../x", "a/../../x"):
        with pytest.raises(ValueError, match="is not a name inside a folder"):
            Record(name, "x.jpg", 0, None, None, 1, 1)
    assert files(tmp_path) == set()


def test_one_writer_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """A thousand and two people are more than PoseTrack 2017 holds; where it is found out at the end, too."""

    class Late(CsvWriter):
        def __exit__(self, *error: object) -> None:
            super().__exit__(LimbwiseError, LimbwiseError("too late"), None)
            raise LimbwiseError("too late")

    def frames() -> Iterator[tuple[Record, People]]:
        for f in range(1002):
            people = People(COCO_17, np.ones((1, 17, 2), np.float32), np.ones((1, 17), np.float32), ids=np.array([f]))
            yield Record("clip", "clip.mp4", f, f, None, 640, 480), people

    writers = [open_writer(name, tmp_path) for name in ("coco", "posetrack2017", "csv")]
    with pytest.raises(LimbwiseError, match="room for 1000 tracks"):
        write_all([Late(tmp_path / "late.csv"), *writers], frames())
    assert files(tmp_path) == {"coco.json", "coco_images.json", "people.csv"}
    assert len(read_coco(tmp_path / "coco.json")) == 1002
    with pytest.raises(LimbwiseError, match="too late"):
        write_all([Late(tmp_path / "late.csv")], frames())


def test_an_error_of_what_is_written_leaves_nothing(tmp_path: Path) -> None:
    def frames() -> Iterator[tuple[Record, People]]:
        yield Record("clip", "clip.mp4", 0, 0, None, 640, 480), People.empty(COCO_17)
        raise KeyError

    with pytest.raises(KeyError):
        write_all([open_writer(name, tmp_path) for name in ("coco", "posetrack2018", "csv")], frames())
    assert files(tmp_path) == set()
