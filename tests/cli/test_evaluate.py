"""`limbwise evaluate`, `info`, `models`, `benchmark` and `data` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dots import draw_dots, some_people
from test_predict import predict, run

from limbwise.media.image import write_image

DEVELOPMENT = Path("weights/mobilenet_v2_small.pb")


def test_average_precision_of_real_photos(shared: Path, tmp_path: Path) -> None:
    """The numbers that the command prints are pycocotools' own of the file that predict writes."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    labels, model = shared / "data/coco/people/person_keypoints.json", shared / DEVELOPMENT
    done = run(
        "evaluate",
        "coco",
        labels,
        "--model",
        model,
        "--json",
        tmp_path / "a.json",
        "--worst",
        tmp_path / "worst.jpg",
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "a.json").read_text())["numbers"]
    assert numbers["ap"] >= 0.135  # the bar is 0.125
    assert f"{numbers['ap']:.3f}" in done.stdout
    assert (tmp_path / "worst.jpg").exists()
    assert (
        predict(labels.parent / "images", model, tmp_path / "out", "--min-parts", 3, "--json", "coco").returncode == 0
    )
    truth = coco.COCO(str(labels))
    judge = cocoeval.COCOeval(truth, truth.loadRes(str(tmp_path / "out" / "coco.json")), "keypoints")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert numbers["ap"] == pytest.approx(judge.stats[0], abs=0.003)  # the file has rounded coordinates


def test_pck_of_a_few(shared: Path, tmp_path: Path) -> None:
    done = run(
        "evaluate",
        "pck",
        shared / "data/lspe",
        "--model",
        shared / DEVELOPMENT,
        "--limit",
        20,
        "--json",
        tmp_path / "a.json",
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "a.json").read_text())["numbers"]
    assert 0.05 < numbers["pck"] < 0.6
    assert len(numbers["keypoints"]) == 13  # all of LSP's but the head top


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[]", "labels.json"),
        ('{"images": [{}], "annotations": []}', "images"),
        ("{}", "COCO"),
        ('{"images": [], "annotations": [{}]}', "image_id"),
        ('{"images": [], "annotations": []}', "lists no images"),
        ('{"images": [], "annotations": [{"image_id": 1, "keypoints": [1, 2, 2]}]}', "17 keypoints"),
    ],
)
def test_labels_that_are_not_cocos(tmp_path: Path, dots_model: Path, text: str, named: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    done = run("evaluate", "coco", tmp_path / "labels.json", "--model", dots_model)
    assert done.returncode == 3
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("flag", "file", "says"), [("--worst", "w.xyz", ".xyz"), ("--json", "labels.json/x.json", "is a file"), ("--json", "", "folder")]
)  # fmt: skip
def test_a_place_that_takes_no_file_is_told_before_the_work(
    tmp_path: Path, dots_model: Path, flag: str, file: str, says: str
) -> None:
    (tmp_path / "labels.json").write_text("not read at all")
    done = run("evaluate", "coco", tmp_path / "labels.json", "--model", dots_model, flag, tmp_path / file)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_info_names_what_is_here(dots_model: Path) -> None:
    facts = json.loads(run("info", "--json", "--model", dots_model).stdout)
    assert facts["model"]["skeleton"] == "dots"
    assert "CPU" in facts["devices"]
    assert facts["packages"]["numpy"] == np.__version__
    assert run("info").returncode == 0
    assert run("models").returncode == 0


def test_benchmark_measures_every_stage(tmp_path: Path, dots_model: Path) -> None:
    write_image(tmp_path / "a.png", draw_dots(some_people(0)))
    figures = json.loads(run("benchmark", tmp_path / "a.png", "--model", dots_model, "--runs", 3, "--json").stdout)
    assert list(figures["milliseconds"]) == ["read", "prepare", "network", "group", "draw", "write"]
    assert all(value > 0 for value in figures["milliseconds"].values())
    assert figures["people"] == 2
    assert figures["frames_per_second"] > 1
    assert figures["network_per_second"] > 1
    assert "frames/s" in run("benchmark", "--model", dots_model, "--runs", 2).stdout
    both = run("benchmark", "--model", dots_model, "--against", dots_model, "--runs", 2)
    assert "times that" in both.stdout


def test_data_check_and_view(shared: Path, tmp_path: Path) -> None:
    assert run("data", "check", shared / "data/coco/people").returncode == 0
    assert run("data", "view", shared / "data/lspe", "-o", tmp_path / "a.png", "--count", 2).returncode == 0
    assert (tmp_path / "a.png").exists()
    (tmp_path / "labels.json").write_text('{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}')
    broken = run("data", "check", tmp_path / "labels.json")
    assert broken.returncode == 3
    assert "a.jpg: missing image" in broken.stdout
