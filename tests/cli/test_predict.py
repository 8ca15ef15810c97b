"""`limbwise predict` end to end, on dot people: what is written, where, and with which exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from dots import draw_dots, some_people

from limbwise.media.image import write_image
from limbwise.media.video import VideoReader
from limbwise.media.video_writer import VideoWriter

COMMAND = [sys.executable, "-m", "limbwise"]
FLAGS = ["--min-parts", "2"]


def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def predict(source: object, model: Path, out: Path, *flags: object) -> subprocess.CompletedProcess[str]:
    sources = source if isinstance(source, list) else [source]
    return run("predict", *sources, "--model", model, "-o", out, *FLAGS, *flags)


def folder_of_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for i in range(count):
        write_image(folder / f"{i:03d}.png", draw_dots(some_people(i)))
    return folder


def clip(path: Path, frames: int) -> Path:
    with VideoWriter(path, (320, 240), 25) as video:
        for i in range(frames):
            video.write(draw_dots(some_people(1) + np.array([i, 0])), i / 25)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes; of a video its pictures, since the H.264 encoder does not promise the same bytes twice."""
    return {str(p.relative_to(folder)): content(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def content(path: Path) -> bytes:
    if path.suffix != ".mp4" or path.name.startswith("."):
        return path.read_bytes()
    with VideoReader(path) as video:
        return b"".join(np.float64(frame.time).tobytes() + (frame.image >> 4).tobytes() for frame in video)


def test_folder_and_video_to_everything(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 3)
    video = clip(tmp_path / "clip.mp4", 5)
    out = tmp_path / "out"
    done = predict(
        [pictures, video],
        dots_model,
        out,
        "--json",
        "openpose,coco,csv,posetrack2018",
        "--draw",
        "--save-maps",
        out / "maps",
    )
    assert (done.returncode, done.stderr) == (0, "")
    names = set(contents(out))
    assert {f"openpose/{i:03d}_keypoints.json" for i in range(3)} <= names
    assert {f"openpose/clip_json/clip_{i:012d}_keypoints.json" for i in range(5)} <= names
    assert {"coco.json", "coco_images.json", "people.csv", "run.json", "drawn/000.png", "drawn/clip.mp4"} <= names
    assert {"maps/000.npz", "maps/clip/000000000004.npz"} <= names
    assert not any(Path(name).name.startswith(".") for name in names)
    results = json.loads((out / "coco.json").read_text())
    assert len(results) == 16  # two people in 3 pictures and 5 frames
    assert len({r["image_id"] for r in results}) == 8


def test_people_are_where_they_were_drawn(tmp_path: Path, dots_model: Path) -> None:
    expected = some_people(7)
    write_image(tmp_path / "a.png", draw_dots(expected))
    assert predict(tmp_path / "a.png", dots_model, tmp_path / "out", "--json", "csv").returncode == 0
    header, *rows = (tmp_path / "out" / "people.csv").read_text().splitlines()
    columns = header.split(",")
    found = []
    for row in rows:
        values = dict(zip(columns, row.split(","), strict=True))
        found.append([[float(values[f"{k}_x"]), float(values[f"{k}_y"])] for k in ("head", "hip", "foot")])
    order = np.argsort(np.array(found)[:, 0, 1])
    np.testing.assert_allclose(np.array(found)[order], expected, atol=1.5)


def test_maps_decode_to_the_same_people(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 2)
    out = tmp_path / "out"
    assert predict(pictures, dots_model, out, "--save-maps", tmp_path / "maps").returncode == 0
    assert run("decode", tmp_path / "maps", "-o", tmp_path / "again", *FLAGS).returncode == 0
    assert contents(tmp_path / "again" / "openpose") == contents(out / "openpose")
    fewer = run("decode", tmp_path / "maps", "-o", tmp_path / "fewer", "--max-people", 1, *FLAGS)
    assert fewer.returncode == 0
    people = json.loads((tmp_path / "fewer" / "openpose" / "000_keypoints.json").read_text())["people"]
    assert len(people) == 1


def test_decoded_maps_are_of_the_same_images(tmp_path: Path, dots_model: Path) -> None:
    """Of COCO's own names, in sub folders, and of a video."""
    (tmp_path / "in").mkdir()
    pictures = folder_of_pictures(tmp_path / "in" / "val2017", 2)
    for i, number in enumerate((139, 285)):
        (pictures / f"{i:03d}.png").rename(pictures / f"{number:012d}.png")
    for source in (tmp_path / "in", clip(tmp_path / "clip.mp4", 3)):
        out, maps, again = (tmp_path / f"{name}_{source.stem}" for name in ("out", "maps", "again"))
        assert predict(source, dots_model, out, "--save-maps", maps, "--json", "coco").returncode == 0
        assert run("decode", maps, "-o", again, "--json", "coco", *FLAGS).returncode == 0
        found, expected = contents(again), contents(out)
        assert found == {name: expected[name] for name in ("coco.json", "coco_images.json")}
        assert run("decode", maps, "-o", again, *FLAGS).returncode == 2  # they are there
        assert run("decode", maps, "-o", again, "--overwrite", *FLAGS).returncode == 0
    images = json.loads((tmp_path / "out_in" / "coco_images.json").read_text())
    assert [(one["id"], one["file_name"]) for one in images] == [
        (139, "val2017/000000000139.png"), (285, "val2017/000000000285.png"),
    ]  # fmt: skip


def test_damaged_maps_do_not_stop_the_good_ones(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 2)
    assert predict(pictures, dots_model, tmp_path / "out", "--save-maps", tmp_path / "maps").returncode == 0
    (tmp_path / "maps" / "000.npz").write_bytes(b"x")
    done = run("decode", tmp_path / "maps", "-o", tmp_path / "again", *FLAGS)
    assert done.returncode == 3
    assert "000.npz" in done.stderr
    assert [p.name for p in (tmp_path / "again" / "openpose").iterdir()] == ["001_keypoints.json"]


def test_people_of_each_folder_are_followed_on_their_own(tmp_path: Path, dots_model: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        folder_of_pictures(tmp_path / "in" / name, 1)
        for i in range(1, 4):
            (tmp_path / "in" / name / f"{i:03d}.png").write_bytes((tmp_path / "in" / name / "000.png").read_bytes())
    done = predict(tmp_path / "in", dots_model, tmp_path / "out", "--track", "--json", "posetrack2018", "--timeline")
    assert done.returncode == 0, done.stderr
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*"))
    assert [name for name in found if name.startswith(("posetrack", "timeline"))] == [
        "posetrack2018/a.json", "posetrack2018/b.json", "timeline/a/images.png", "timeline/b/images.png",
    ]  # fmt: skip


def test_what_is_made_at_the_end_may_be_another_format_when_a_run_goes_on(tmp_path: Path, dots_model: Path) -> None:
    """As after a format that had no room; those that had are whole, and the journal stays."""
    pictures, out = folder_of_pictures(tmp_path / "in", 2), tmp_path / "out"
    (out / "posetrack2017" / "images.json").mkdir(parents=True)  # in the way
    failed = predict(pictures, dots_model, out, "--json", "coco,posetrack2017,csv")
    assert (failed.returncode, len(failed.stderr.splitlines())) == (2, 1)
    (out / "posetrack2017" / "images.json").rmdir()
    (out / "posetrack2017").rmdir()
    (out / "coco.json").mkdir()
    failed = predict(pictures, dots_model, out, "--json", "coco,posetrack2017,csv", "--overwrite")
    assert (failed.returncode, len(failed.stderr.splitlines())) == (1, 1)
    assert (out / "people.csv").is_file()
    assert (out / "posetrack2017" / "images.json").is_file()
    done = predict(pictures, dots_model, out, "--json", "posetrack2018,csv", "--resume")
    assert done.returncode == 0, done.stderr
    assert (out / "posetrack2018" / "images.json").is_file()
    assert predict(pictures, dots_model, out, "--json", "posetrack2018,csv", "--resume").returncode == 0
    assert predict(pictures, dots_model, out, "--json", "csv", "--resume").returncode == 2


def test_what_is_there_is_not_overwritten(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 2)
    out = tmp_path / "out"
    assert predict(pictures, dots_model, out).returncode == 0
    before = contents(out)
    refused = predict(pictures, dots_model, out)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert contents(out) == before
    (pictures / "001.png").unlink()
    assert predict(pictures, dots_model, out, "--overwrite").returncode == 0
    assert "openpose/001_keypoints.json" not in contents(out)  # nothing stale is left


def test_results_inside_the_input_folder_are_not_inputs(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 2)
    for flags in ([], ["--overwrite"]):
        assert predict(pictures, dots_model, pictures / "out", "--draw", *flags).returncode == 0
    assert len(list((pictures / "out" / "openpose").iterdir())) == 2


def test_who_writes_beside_the_input_keeps_it(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 2)
    assert predict(pictures, dots_model, pictures).returncode == 0
    assert predict(pictures / "000.png", dots_model, pictures, "--overwrite").returncode == 0
    assert [path.name for path in (pictures / "openpose").iterdir()] == ["000_keypoints.json"]
    assert len(list(pictures.glob("*.png"))) == 2


def test_pictures_of_one_name_are_told_apart(tmp_path: Path, dots_model: Path) -> None:
    folders = [folder_of_pictures(tmp_path / name, 1) for name in ("a", "b")]
    assert predict(folders, dots_model, tmp_path / "out", "--json", "coco").returncode == 0
    images = json.loads((tmp_path / "out" / "coco_images.json").read_text())
    assert [image["file_name"] for image in images] == ["a/000.png", "b/000.png"]


def test_a_video_without_a_frame_that_is_wanted(tmp_path: Path, dots_model: Path) -> None:
    done = predict(clip(tmp_path / "c.mp4", 3), dots_model, tmp_path / "out", "--start", 3)
    assert done.returncode == 3
    assert "c.mp4: has no frame 3" in done.stderr


ERRORS = [
    (["missing.jpg"], [], 3, "missing.jpg"),
    (["good.png"], ["--json", "xml"], 2, "xml"),
    (["good.png"], ["--min-parts", "zero"], 2, "min-parts"),
    (["good.png"], ["--step", "0"], 2, "step"),
    (["good.png"], ["--size", "0"], 2, "size"),
    (["good.png"], ["--json", ","], 2, "no format"),
    (["good.png"], ["--device", "TPU"], 2, "TPU"),
]


@pytest.mark.parametrize(("sources", "flags", "code", "named"), ERRORS)
def test_errors_have_their_codes(
    tmp_path: Path, dots_model: Path, sources: list[str], flags: list[str], code: int, named: str
) -> None:
    write_image(tmp_path / "good.png", draw_dots(some_people(0)))
    done = predict([tmp_path / s for s in sources], dots_model, tmp_path / "out", *flags)
    assert done.returncode == code
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_model_and_nowhere_to_go(tmp_path: Path, dots_model: Path) -> None:
    write_image(tmp_path / "good.png", draw_dots(some_people(0)))
    missing = predict(tmp_path / "good.png", tmp_path / "no.onnx", tmp_path / "out")
    assert missing.returncode == 4
    assert "no.onnx" in missing.stderr
    assert run("predict", tmp_path / "good.png", "--model", dots_model).returncode == 2


def test_a_killed_run_goes_on_to_the_same_files(tmp_path: Path, dots_model: Path) -> None:
    """SIGKILL at several moments, then --resume: byte for byte the files of an unbroken run, and never half a file."""
    pictures = folder_of_pictures(tmp_path / "in", 30)
    video = clip(tmp_path / "clip.mp4", 30)
    flags = ["--json", "openpose,coco,csv", "--draw"]
    whole = tmp_path / "whole"
    assert predict([pictures, video], dots_model, whole, *flags).returncode == 0
    broken = tmp_path / "broken"
    for stop_after in (1, 17, 35):
        command = [*COMMAND, "predict", pictures, video, "--model", dots_model, "-o", broken, *FLAGS, *flags]
        process = subprocess.Popen(
            [*map(str, command), "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while (
            process.poll() is None
            and len(list(broken.rglob("*_keypoints.json"))) < stop_after
            and time.monotonic() < until
        ):
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for name, data in contents(broken).items():
            if not Path(name).name.startswith(".") and name in contents(whole):
                assert data == contents(whole)[name], name
    assert predict([pictures, video], dots_model, broken, *flags, "--resume").returncode == 0
    assert contents(broken) == contents(whole)
    again = predict([pictures, video], dots_model, broken, *flags, "--resume")  # nothing left to do
    assert again.returncode == 0
    assert contents(broken) == contents(whole)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, dots_model: Path) -> None:
    pictures, out = folder_of_pictures(tmp_path / "in", 800), tmp_path / "out"
    command = [*COMMAND, "predict", pictures, "--model", dots_model, "-o", out, *FLAGS, "--draw"]
    # A shell that runs the tests in the background has told its children to ignore it.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    while process.poll() is None and len(list(out.rglob("*_keypoints.json"))) < 3:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "limbwise: stopped; the same command with --resume goes on\n")
    assert predict(pictures, dots_model, out, "--draw", "--resume").returncode == 0
    assert len(list(out.rglob("*_keypoints.json"))) == 800


def test_resuming_something_else_is_refused(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 2)
    out = tmp_path / "out"
    assert predict(pictures, dots_model, out).returncode == 0
    for flags in (["--threshold", "0.3"], ["--json", "csv"], ["--draw"]):
        other = predict(pictures, dots_model, out, "--resume", *flags)
        assert other.returncode == 2
        assert len(other.stderr.splitlines()) == 1


def test_bad_files_do_not_stop_the_good_ones(tmp_path: Path, dots_model: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", 4)
    (pictures / "001.png").write_bytes(b"no picture")
    (pictures / "002.png").write_bytes((pictures / "000.png").read_bytes()[:200])
    video = clip(tmp_path / "clip.mp4", 4)
    (tmp_path / "bad.mp4").write_bytes(video.read_bytes()[:300])
    out = tmp_path / "out"
    done = predict([pictures, tmp_path / "bad.mp4", video], dots_model, out, "--json", "openpose,coco")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert [any(name in line for line in lines) for name in ("001.png", "002.png", "bad.mp4")] == [True] * 3
    assert len(list(out.rglob("*_keypoints.json"))) == 6
    assert len(json.loads((out / "coco.json").read_text())) == 12
    shutil.rmtree(out)


@pytest.mark.parametrize("overlay", ["heatmaps", "pafs"])
def test_overlays_and_candidates(tmp_path: Path, dots_model: Path, overlay: str) -> None:
    write_image(tmp_path / "a.png", draw_dots(some_people(0)))
    plain, over = tmp_path / "plain", tmp_path / "over"
    assert predict(tmp_path / "a.png", dots_model, plain, "--draw").returncode == 0
    assert (
        predict(tmp_path / "a.png", dots_model, over, "--draw", "--overlay", overlay, "--part-candidates").returncode
        == 0
    )
    assert (plain / "drawn/a.png").read_bytes() != (over / "drawn/a.png").read_bytes()
    first, second = (json.loads((out / "openpose/a_keypoints.json").read_text()) for out in (plain, over))
    assert first["people"] == second["people"]
    assert "part_candidates" not in first
    heads = np.array(second["part_candidates"][0]["0"]).reshape(-1, 3)
    np.testing.assert_allclose(sorted(heads[:, 1]), sorted(some_people(0)[:, 0, 1]), atol=2)


def test_the_live_window(tmp_path: Path, dots_model: Path) -> None:
    pytest.importorskip("pygame")
    video = clip(tmp_path / "clip.mp4", 6)
    done = subprocess.run(
        [*COMMAND, "predict", str(video), "--model", str(dots_model), "--show", *FLAGS],
        env={**os.environ, "SDL_VIDEODRIVER": "dummy"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
