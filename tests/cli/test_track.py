"""`limbwise track`: formats told from the content, the same files come out with ids, and nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from limbwise.cli.verbs import app
from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import BODY_25, COCO_17, OPENPOSE_18, OPENPOSE_137
from limbwise.write import Record, open_writer, read_coco, read_openpose, read_posetrack

FRAMES = 12


def people_at(frame: int) -> People:
    """Two people who walk towards each other; the second is away in frame 6."""
    pose = np.random.default_rng(0).uniform(0, 100, (17, 2))
    xy = np.stack([pose + np.array([5 * frame, 0]), pose + np.array([400 - 5 * frame, 10])]).astype(np.float32)
    people = People(COCO_17, xy, np.full((2, 17), 0.9))
    order = [1, 0] if frame % 2 else [0, 1]
    return people[[0]] if frame == 6 else people[order]


def write(format: str, folder: Path) -> Path:
    with open_writer(format, folder) as writer:
        for f in range(FRAMES):
            writer.add(Record("clip", "clip.mp4", 1000 + f, f, f / 25, 640, 480), people_at(f))
    return {"openpose": folder / "openpose" / "clip_json", "coco": folder / "coco.json"}.get(
        format, folder / format / "clip.json"
    )


def track(*arguments: object) -> None:
    app([*map(str, ("track", *arguments))], standalone_mode=False)


def read(format: str, path: Path) -> list[People]:
    if format == "openpose":
        return [read_openpose(file) for file in sorted(path.glob("*.json"))]
    if format == "coco":
        found = read_coco(path)
        return [found[1000 + f] for f in range(FRAMES)]
    return [people for _, people in read_posetrack(path)]


def where(format: str, out: Path, source: Path) -> Path:
    return out if format == "openpose" else out / source.name


@pytest.mark.parametrize("format", ["openpose", "coco", "posetrack2017", "posetrack2018"])
def test_every_format_comes_back_with_ids(tmp_path: Path, format: str) -> None:
    source = write(format, tmp_path / "in")
    track(source, "-o", tmp_path / "out", "--no-steady")
    given = read(format, where(format, tmp_path / "out", source))
    assert len(given) == FRAMES
    before = read(format, source)
    for f, people in enumerate(given):
        assert sorted(people.ids.tolist()) == [0, 1], f
        left = people[people.ids == 0]
        mine = int(np.nanargmin(np.nanmean(before[f].xy[..., 0], 1)))
        np.testing.assert_allclose(left.xy[0], before[f].xy[mine], atol=0.05)
    assert np.isnan(given[6].xy[1]).all() or given[6].filled[1].sum() >= 12  # put in, and marked: a score of 0
    if format.startswith("posetrack"):
        kept, new = (json.loads(path.read_text()) for path in (source, tmp_path / "out" / source.name))
        if format == "posetrack2018":
            assert (kept["images"], kept["categories"]) == (new["images"], new["categories"])
        else:
            assert [image["image"] for image in kept["annolist"]] == [image["image"] for image in new["annolist"]]


def test_unsorted_frames_are_followed_in_their_order(tmp_path: Path) -> None:
    source = write("posetrack2017", tmp_path / "in")
    content = json.loads(source.read_text())
    order = np.random.default_rng(1).permutation(FRAMES)
    track(source, "-o", tmp_path / "sorted")
    content["annolist"] = [content["annolist"][n] for n in order]
    source.write_text(json.dumps(content))
    track(source, "-o", tmp_path / "mixed")
    straight, mixed = (read("posetrack2017", tmp_path / out / "clip.json") for out in ("sorted", "mixed"))
    for place, n in enumerate(order):
        np.testing.assert_array_equal(mixed[place].xy, straight[n].xy)
        np.testing.assert_array_equal(mixed[place].ids, straight[n].ids)


def test_state_goes_on_where_the_last_file_ended(tmp_path: Path) -> None:
    source = write("openpose", tmp_path / "in")
    for part, frames in (("a", range(6)), ("b", range(7, FRAMES))):
        (tmp_path / part).mkdir()
        for f in frames:
            name = f"clip_{f:012d}_keypoints.json"
            (tmp_path / part / name).write_text((source / name).read_text())
        track(tmp_path / part, "-o", tmp_path / f"out_{part}", "--state", tmp_path / "state.json")
    people = read("openpose", tmp_path / "out_b")
    assert [sorted(one.ids.tolist()) for one in people] == [[0, 1]] * 5
    assert people[0].ids.tolist()[0] == 1  # odd frames have the second person first


def test_two_films_of_one_file_name_are_two_sequences(tmp_path: Path) -> None:
    """As `limbwise predict a/clip.mp4 b/clip.mp4` writes them; in the second people walk the other way, and there are more frames."""
    with open_writer("coco", tmp_path / "in") as writer:
        for film, frames in ((1, range(FRAMES)), (2, range(FRAMES + 3))):
            for f in frames:
                people = people_at(f if film == 1 else FRAMES - f)
                moved = People(COCO_17, people.xy + 1000 * film + 100, people.scores)
                writer.add(Record(f"clip{film}", "clip.mp4", film * 10_000_000 + f, f, f / 25, 640, 480), moved)
    track(tmp_path / "in" / "coco.json", "-o", tmp_path / "out", "--no-steady", "--timeline")
    found = read_coco(tmp_path / "out" / "coco.json")
    assert len(found) == FRAMES + FRAMES + 3
    for key, people in found.items():
        assert people.ids is not None
        assert people.ids.max() <= 1
        assert np.nanmin(people.xy) // 1000 == key // 10_000_000
    assert sorted(path.name for path in (tmp_path / "out" / "timeline").iterdir()) == [
        "clip.mp4_1.png",
        "clip.mp4_2.png",
    ]


def test_one_frame_and_frames_without_people(tmp_path: Path) -> None:
    empty = '{"version":1.3,"people":[]}'
    folder = tmp_path / "in"
    folder.mkdir()
    for f in range(3):
        (folder / f"a_{f:012d}_keypoints.json").write_text(empty)
    track(folder, "-o", tmp_path / "out", "--timeline")
    assert all(len(one) == 0 for one in read("openpose", tmp_path / "out"))
    assert (tmp_path / "out" / "timeline").is_dir()
    single = write("openpose", tmp_path / "one") / "clip_000000000000_keypoints.json"
    track(single, "-o", tmp_path / "alone")
    assert read_openpose(tmp_path / "alone" / single.name).ids.tolist() == [0, 1]


def test_coco_results_may_have_frames_without_people(tmp_path: Path) -> None:
    with open_writer("coco", tmp_path / "in") as writer:
        for f in range(FRAMES):
            people = People.empty(COCO_17) if f in (0, FRAMES - 1) else people_at(0)
            writer.add(Record("clip", "clip.mp4", 1000 + f, f, f / 25, 640, 480), people)
    track(tmp_path / "in" / "coco.json", "-o", tmp_path / "out")
    found = read_coco(tmp_path / "out" / "coco.json")
    assert sorted(found) == [1000 + f for f in range(1, FRAMES - 1)]


def openpose_files(folder: Path, skeleton: Skeleton, frames: int = FRAMES, people: int = 1) -> Path:
    """A person of `skeleton` who stands still."""
    xy = np.random.default_rng(1).uniform(10, 200, (people, len(skeleton), 2))
    with open_writer("openpose", folder) as writer:
        for f in range(frames):
            one = People(skeleton, xy, np.full((people, len(skeleton)), 0.9))
            writer.add(Record("clip", "clip.mp4", f, f, None, 640, 480), one)
    return folder / "openpose" / "clip_json"


@pytest.mark.parametrize("odd", ["null", "[0, 0]", "[]"])
def test_a_person_of_nothing_is_nobody(tmp_path: Path, odd: str) -> None:
    source = openpose_files(tmp_path, OPENPOSE_18)
    files = sorted(source.glob("*.json"))
    files[5].write_text(files[5].read_text().replace("}]}", f'}},{{"pose_keypoints_2d":{odd}}}]}}'))
    assert odd in files[5].read_text()
    track(source, "-o", tmp_path / "out")
    assert [len(one) for one in read("openpose", tmp_path / "out")] == [1] * FRAMES


def test_a_damaged_frame_is_named_and_the_others_are_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = openpose_files(tmp_path, OPENPOSE_18)
    damaged = sorted(source.glob("*.json"))[5]
    damaged.write_text('{"people": [{"pose_keypoints_2d": [1, 2, 3, 4]}]}')
    with pytest.raises(SystemExit) as stopped:
        track(source, "-o", tmp_path / "out")
    assert stopped.value.code == 3
    assert f"{damaged}: people[0].pose_keypoints_2d" in capsys.readouterr().err
    people = read("openpose", tmp_path / "out")
    assert [one.ids.tolist() for one in people] == [[0]] * (FRAMES - 1)


def test_faces_and_hands_of_body_25_stay(tmp_path: Path) -> None:
    source = openpose_files(tmp_path, OPENPOSE_137)
    lengths = {"pose": 75, "face": 210, "hand_left": 63, "hand_right": 63}
    track(source, "-o", tmp_path / "out", "--no-steady")
    for path in sorted(source.glob("*.json")):
        (before,), (after,) = (json.loads(p.read_text())["people"] for p in (path, tmp_path / "out" / path.name))
        for part, length in lengths.items():
            key = f"{part}_keypoints_2d"
            assert len(before[key]) == length
            np.testing.assert_allclose(after[key], before[key], atol=1e-3)


@pytest.mark.parametrize("first", ["somebody", "nobody"])
def test_a_part_without_people_does_not_end_a_stream(tmp_path: Path, first: str) -> None:
    """Files without people do not say what their keypoints would be."""
    for part in ("somebody", "nobody", "again"):
        openpose_files(tmp_path / part, BODY_25, people=0 if part == "nobody" else 1)
    for part in (("somebody", "nobody") if first == "somebody" else ("nobody", "somebody")) + ("again",):
        track(tmp_path / part / "openpose", "-o", tmp_path / f"out_{part}", "--state", tmp_path / "state.json")
        assert (tmp_path / "state.json").exists() == (part != "nobody" or first == "somebody")
    assert {one.ids.tolist()[0] for one in map(read_openpose, (tmp_path / "out_again").rglob("*.json"))} == {0}


def test_strangers_have_numbers_that_2017_can_hold(tmp_path: Path) -> None:
    stranger = np.random.default_rng(2).uniform(400, 600, (1, 17, 2))
    with open_writer("posetrack2017", tmp_path) as writer:
        for f in range(FRAMES):
            people = people_at(0)[[0]]
            if f in (3, 8):  # two who are seen once
                there = np.concatenate([people.xy, stranger + 90 * f]).astype(np.float32)
                people = People(COCO_17, there, np.full((2, 17), 0.9))
            writer.add(Record("clip", "clip.mp4", f, f, None, 640, 480), people)
    track(tmp_path / "posetrack2017" / "clip.json", "-o", tmp_path / "out", "--strangers")
    content = json.loads((tmp_path / "out" / "clip.json").read_text())
    ids = [[rect["track_id"][0] for rect in image["annorect"]] for image in content["annolist"]]
    assert [len(one) for one in ids] == [2 if f in (3, 8) else 1 for f in range(FRAMES)]
    assert all(0 <= i < 1000 for one in ids for i in one)
    assert all(len(set(one)) == len(one) for one in ids)


def test_results_below_the_input_and_what_predict_tells_of_a_run_are_no_input(tmp_path: Path) -> None:
    source = write("coco", tmp_path / "in")
    (source.parent / "run.json").write_text('{"limbwise": "1"}')
    for _ in range(2):
        track(source.parent, "-o", source.parent / "followed", "--overwrite")
    assert [p.name for p in (source.parent / "followed").rglob("*.json")] == ["coco.json"]
    track(source.parent / "followed", "-o", source.parent / "followed", "--overwrite")  # in place


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write("coco", tmp_path / "in")
    with pytest.raises(InputError, match="no such"):
        track(tmp_path / "nothing", "-o", tmp_path / "out")
    track(source, "-o", tmp_path / "out")
    with pytest.raises(UsageError, match="--overwrite"):
        track(source, "-o", tmp_path / "out")
    track(source, "-o", tmp_path / "out", "--overwrite")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "broken.json").write_text("{")
    (bad / "other.json").write_text('{"x": 1}')
    with pytest.raises(SystemExit) as stopped:
        track(bad, "-o", tmp_path / "bad_out")
    assert stopped.value.code == 3
    said = capsys.readouterr().err
    assert "broken.json" in said
    assert "other.json" in said
    (tmp_path / "state.json").write_text('{"tracks": {}}')
    with pytest.raises(LimbwiseError, match=r"state\.json"):
        track(write("posetrack2018", tmp_path / "p"), "-o", tmp_path / "q", "--state", tmp_path / "state.json")
