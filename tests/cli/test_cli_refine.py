"""`limbwise refine`, `predict --refine` and `evaluate refiner` at the command line, with a refiner that was trained for no time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_predict import run

from limbwise.media.image import write_image
from limbwise.people import People
from limbwise.skeletons import POSETRACK_15
from limbwise.write import PoseTrackWriter, Record


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    from limbwise.export.onnx import export_onnx
    from limbwise.net.refiner import SmallRefiner, small_refiner_spec

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("refiner") / "small.onnx"
    export_onnx(SmallRefiner(), small_refiner_spec(), path)
    return path


def test_a_folder_of_poses(model: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    write_image(tmp_path / "images" / "a.png", image)
    xy = np.random.default_rng(1).uniform(20, 100, (1, 15, 2)).astype(np.float32)
    with PoseTrackWriter(tmp_path / "pred", 2018) as writer:
        people = People(POSETRACK_15, xy, np.ones((1, 15), np.float32), ids=np.array([3]))
        writer.add(Record("a", "a.png", 1, None, None, 160, 120), people)
    (tmp_path / "pred" / "run.json").write_text("{}")
    given = tmp_path / "pred", "--images", tmp_path / "images", "--model", model
    done = run("refine", *given, "-o", tmp_path / "out", "--preset", "map")
    assert done.returncode == 0, done.stderr
    assert "1 people" in done.stdout
    assert "run.json: holds no poses" in done.stdout
    annotation = json.loads((tmp_path / "out" / "images.json").read_text())["annotations"][0]
    assert annotation["track_id"] == 3
    assert (
        annotation["keypoints"]
        != json.loads((tmp_path / "pred" / "images.json").read_text())["annotations"][0]["keypoints"]
    )
    (tmp_path / "images" / "a.png").unlink()
    done = run("refine", *given, "-o", tmp_path / "again")
    assert done.returncode == 3
    assert "no such picture" in done.stderr
    assert not (tmp_path / "again").exists()
    assert run("refine", *given, "-o", tmp_path / "pred").returncode == 2


def test_measured_on_lsp(model: Path, shared: Path, tmp_path: Path) -> None:
    written = tmp_path / "a.json"
    done = run("evaluate", "refiner", shared / "data/lspe", "--model", model, "--limit", "3", "--json", written)
    assert done.returncode == 0, done.stderr
    numbers = json.loads(written.read_text())["numbers"]
    assert 0 < numbers["corrupted"] < 1
    assert numbers["true_refined"] < 0.5


def test_found_people_are_refined(dots_model: Path, tmp_path: Path) -> None:
    from dots import draw_dots, some_people

    from limbwise.export.onnx import export_onnx
    from limbwise.net.refiner import SmallOptions, SmallRefiner, small_refiner_spec
    from limbwise.spec import read_spec

    skeleton, model = read_spec(dots_model.with_suffix(".json")).skeleton, tmp_path / "small.onnx"
    export_onnx(SmallRefiner(SmallOptions(len(skeleton))), small_refiner_spec(skeleton=skeleton), model)
    write_image(tmp_path / "a.png", draw_dots(some_people(0)))
    both = []
    for more in ((), ("--refine", model)):
        out = tmp_path / str(len(more))
        done = run("predict", tmp_path / "a.png", "--model", dots_model, "-o", out, *more)
        assert done.returncode == 0, done.stderr
        both.append(json.loads((out / "openpose" / "a_keypoints.json").read_text())["people"])
    assert len(both[0]) == len(both[1]) > 0
    assert both[0] != both[1]
