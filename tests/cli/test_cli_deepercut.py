"""DeeperCut through the door: terms fitted, people predicted, evaluated and decoded again, what is missing named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from dots import DOTS, draw_dots, some_people

from limbwise.cli import main as door
from limbwise.estimate.estimator import Estimator
from limbwise.media.image import write_image

pytest.importorskip("onnx")


def main(arguments: list[str]) -> int:
    """The exit code of a command, in this process."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["limbwise", *arguments])
        door()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of dot people with masks, and the model with its fitted terms."""
    from dot_parts import write_model

    folder = tmp_path_factory.mktemp("parts")
    (folder / "data" / "images").mkdir(parents=True)
    images, annotations = [], []
    for i in range(8):
        people = some_people(i, 1 + i % 2)
        write_image(folder / "data" / "images" / f"{i}.png", draw_dots(people))
        images.append({"id": i, "file_name": f"{i}.png", "width": 320, "height": 240})
        for person in people:
            (left, top), (right, bottom) = person.min(0) - 20, person.max(0) + 20
            annotations.append({
                "id": len(annotations) + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "num_keypoints": 3,
                "keypoints": np.concatenate([person, np.full((3, 1), 2)], axis=1).ravel().tolist(),
                "bbox": [left, top, right - left, bottom - top], "area": 3000.0,
                "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
            })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(DOTS.keypoints), "skeleton": [[1, 2], [2, 3]]}
    table = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "data" / "labels.json").write_text(json.dumps(table))
    model = write_model(folder)
    assert main(["train", "pairwise", str(folder / "data"), "--model", str(model)]) == 0
    return folder


def test_people_are_told_apart(folder: Path) -> None:
    estimator = Estimator(folder / "dot_parts.onnx")
    for seed in (20, 21, 22):
        people = some_people(seed, 2)
        found = estimator(draw_dots(people))
        assert len(found) == 2
        order = np.argsort(found.xy[:, 0, 1])
        assert np.abs(found.xy[order] - people).max() < 2


@pytest.mark.parametrize("options", [{"flip": True}, {"precise": True}])
def test_several_views_agree(folder: Path, options: dict[str, bool]) -> None:
    people = some_people(30, 2)
    found = Estimator(folder / "dot_parts.onnx", **options)(draw_dots(people))
    order = np.argsort(found.xy[:, 0, 1])
    assert np.abs(found.xy[order] - people).max() < 3


def test_one_person_in_a_box(folder: Path) -> None:
    people = some_people(40, 2)
    box = np.concatenate([people[1].min(0) - 15, people[1].max(0) + 15])
    found = Estimator(folder / "dot_parts.onnx").find_one(draw_dots(people), box)
    assert np.abs(found.xy[0] - people[1]).max() < 2


def test_predict_and_decode_again(folder: Path, tmp_path: Path) -> None:
    model, image = str(folder / "dot_parts.onnx"), str(folder / "data" / "images" / "1.png")
    maps = str(tmp_path / "maps")
    asked = ["--json", "coco", "--draw", "--overlay", "heatmaps", "--part-candidates", "--save-maps", maps]
    assert main(["predict", image, "-o", str(tmp_path / "out"), "--model", model, *asked]) == 0
    assert len(json.loads((tmp_path / "out" / "coco.json").read_text())) == 2
    assert (tmp_path / "out" / "drawn" / "1.png").is_file()
    terms = ["--pairwise", str(folder / "dot_parts.pairwise.json")]
    assert main(["decode", maps, "-o", str(tmp_path / "again"), "--json", "coco", *terms]) == 0
    assert len(json.loads((tmp_path / "again" / "coco.json").read_text())) == 2
    assert main(["decode", maps, "-o", str(tmp_path / "none"), "--json", "coco", *terms, "--min-parts", "4"]) == 0
    assert main(["decode", maps, "-o", str(tmp_path / "fail"), "--json", "coco"]) == 2


@pytest.mark.parametrize("masks", [[], ["--masks"]])
def test_evaluate(folder: Path, tmp_path: Path, masks: list[str]) -> None:
    pytest.importorskip("pycocotools")
    report = tmp_path / "numbers.json"
    labels = str(folder / "data" / "labels.json")
    assert (
        main(["evaluate", "coco", labels, "--model", str(folder / "dot_parts.onnx"), "--json", str(report), *masks])
        == 0
    )
    numbers = json.loads(report.read_text())
    assert numbers["numbers"]["ap"] > 0.95
    assert numbers["numbers"]["masks"] == bool(masks)
    assert numbers["decoding"]["solver"] == "local"


def test_statistics_of_a_data_set(folder: Path, tmp_path: Path) -> None:
    assert main(["data", "pairwise-stats", str(folder / "data"), "-o", str(tmp_path / "stats.json")]) == 0
    table = json.loads((tmp_path / "stats.json").read_text())
    people = np.concatenate([some_people(i, 1 + i % 2) for i in range(8)])
    assert table["graph"][0] == [0, 1]
    assert table["means"][0] == pytest.approx([0, (people[:, 1] - people[:, 0])[:, 1].mean()], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "{bare}"], 4, "bare.pairwise.json: no pairwise terms"),
        (["--model", "{bare}", "--pairwise", "{bare}"], 3, "not valid"),
        (["--model", "{parts}", "--paf-threshold", "0.1"], 2, "--paf-threshold: is no option of deepercut models"),
        (["--model", "{dots}", "--nms-radius", "9"], 2, "--nms-radius: is no option of openpose models"),
        (["--model", "{parts}", "--part-probability", "2"], 2, "part_probability"),
        (["--model", "{parts}", "--draw", "--overlay", "pafs"], 2, "dot parts has no part affinity fields"),
    ],
)
def test_what_is_wrong_is_named(
    folder: Path, dots_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:  # fmt: skip
    bare = tmp_path / "bare.onnx"
    bare.write_bytes((folder / "dot_parts.onnx").read_bytes())
    (tmp_path / "bare.json").write_text((folder / "dot_parts.json").read_text())
    names = {"bare": bare, "parts": folder / "dot_parts.onnx", "dots": dots_model}
    image = str(folder / "data" / "images" / "1.png")
    filled = [argument.format(**names) for argument in arguments]
    assert main(["predict", image, "-o", str(tmp_path / "out"), *filled]) == code
    error = capfd.readouterr().err.strip()
    assert said in error
    assert "\n" not in error
