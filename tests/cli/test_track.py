"""`limbwise track`: formats told from the content, the same files come out with ids, and nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from limbwise.cli.verbs import app
from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.people import People
from limbwise.skeletons import COCO_17
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
