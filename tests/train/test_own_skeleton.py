"""One's own keypoints: a TOML skeleton and a COCO json, no code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dots import DOTS, draw_dots, some_people

from limbwise.data.find import open_dataset
from limbwise.errors import UsageError
from limbwise.estimate.estimator import Estimator
from limbwise.media.image import write_image
from limbwise.train.log import read_log
from limbwise.train.networks import find_network
from limbwise.train.presets import mobile
from limbwise.train.recipe import Recipe, changed

TOML = 'keypoints = ["head", "hip", "foot"]\nlimbs = [["head", "hip"], ["hip", "foot"]]\n'


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of dot people with a COCO json and a skeleton."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "images").mkdir()
    images, annotations = [], []
    for i in range(12):
        people = some_people(i)
        write_image(folder / "images" / f"{i}.png", draw_dots(people))
        images.append({"id": i, "file_name": f"{i}.png", "width": 320, "height": 240})
        for person in people:
            low, high = person.min(0) - 12, person.max(0) + 12
            keypoints = np.column_stack([person, np.full(3, 2)]).ravel().tolist()
            annotations.append({"id": len(annotations) + 1, "image_id": i, "category_id": 1, "keypoints": keypoints, "iscrowd": 0,
                                "num_keypoints": 3, "bbox": [*low, *(high - low)], "area": float(np.prod(high - low))})  # fmt: skip
    categories = [{"id": 1, "name": "dot person", "keypoints": list(DOTS.keypoints), "skeleton": [[1, 2], [2, 3]]}]
    table = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(table, default=float))
    (folder / "dots.toml").write_text(TOML)
    return folder


def test_the_data_set_knows_its_skeleton(dataset: Path) -> None:
    source = open_dataset(dataset)
    assert (source.skeleton.keypoints, source.skeleton.limbs) == (DOTS.keypoints, DOTS.limbs)
    assert len(source) == 12


def test_the_network_takes_it(dataset: Path) -> None:
    network, spec = find_network(Recipe("mobile", skeleton=str(dataset / "dots.toml")))
    assert (len(spec.heads["heatmaps"].channels), len(spec.heads["pafs"].channels)) == (4, 4)
    assert sum(p.numel() for p in network().parameters()) < 4_000_000


@pytest.mark.slow
def test_trained_exported_and_used(dataset: Path, tmp_path: Path) -> None:
    """From a TOML file and a json to a model that finds what it was shown."""
    from typer.testing import CliRunner

    from limbwise.cli.verbs import app
    from limbwise.train.run import train

    sets = [f"data.root={dataset}", f'skeleton="{dataset / "dots.toml"}"', "data.held_out=2", "steps=400", "ema=0.98", "machine.threads=2",
            "machine.workers=0", "stages=[{share=1.0, size=160, batch=4}]", "schedule.cooldown=0.5", "schedule.warmup=20"]  # fmt: skip
    train(changed(mobile(), None, sets), tmp_path / "run")
    done = CliRunner().invoke(
        app, ["export", str(tmp_path / "run"), "-o", str(tmp_path / "dots.onnx"), "--side", "240"]
    )
    assert done.exit_code == 0, done.output
    estimator = Estimator(tmp_path / "dots.onnx")
    errors = []
    for seed in range(3):
        expected = some_people(seed)
        people = estimator(draw_dots(expected))
        assert len(people) == 2
        errors.append(np.abs(people.xy[np.argsort(people.xy[:, 1, 1])] - expected).max())
    assert max(errors) < 12


def test_a_skeleton_without_limbs_is_refused_before_it_fails(tmp_path: Path) -> None:
    (tmp_path / "bare.toml").write_text('keypoints = ["head", "hip"]')
    recipe: Recipe = changed(mobile(), sets=[f'skeleton="{tmp_path / "bare.toml"}"'])
    with pytest.raises(UsageError, match="bare has no limbs"):
        find_network(recipe)


def test_the_log_tells_how_many_images_are_trained_on(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import limbwise.train.run

    monkeypatch.setattr(limbwise.train.run, "make_validation", lambda *_: None)
    sets = [f"data.root={dataset}", f"data.also=['{dataset / 'labels.json'}']", f"skeleton={dataset / 'dots.toml'}", "steps=1",
            "machine.device=cpu", "machine.threads=1", "machine.workers=0", "stages=[{size=32, batch=2}]"]  # fmt: skip
    limbwise.train.run.train(changed(mobile(), None, sets), tmp_path)
    start = read_log(tmp_path / "log.jsonl")[0]
    assert (start["kind"], start["images"]) == ("start", [10, 10])
