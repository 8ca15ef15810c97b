"""Models by name and by path, and their specs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from limbwise.errors import HashMismatch, InputError, ModelMissing
from limbwise.estimate import zoo
from limbwise.estimate.known import KNOWN_SPECS
from limbwise.estimate.zoo import Model, find_model, list_models
from limbwise.skeletons import OPENPOSE_18
from limbwise.spec import ModelSpec, write_spec

SPEC = replace(next(iter(KNOWN_SPECS.values())), name="mine", sha256="")
SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
WEIGHTS = SHARED / "weights" / "mobilenet_v2_small.pb"


def put(folder: Path, name: str = "net.onnx", spec: ModelSpec | None = SPEC, data: bytes = b"weights") -> Path:
    """A weights file with its spec beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    if spec is not None:
        write_spec(spec, (folder / name).with_suffix(".json"))
    return folder / name


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of this test alone."""
    monkeypatch.setenv("LIMBWISE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_path_brings_the_spec_beside_it(tmp_path: Path) -> None:
    path = put(tmp_path)
    assert find_model(path) == find_model(str(path)) == Model(path, SPEC)


def test_a_given_spec_goes_first(tmp_path: Path) -> None:
    path = put(tmp_path)
    write_spec(replace(SPEC, name="other"), tmp_path / "other.json")
    assert find_model(path, tmp_path / "other.json").spec.name == "other"


@pytest.mark.parametrize("name", ["net", "net.onnx"])
def test_a_name_is_looked_up_in_the_users_folder(name: str, home: Path) -> None:
    path = put(home / "models")
    assert find_model(name) == Model(path, SPEC)


def test_models_with_a_spec_are_listed(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zoo, "SHIPPED", {"default": tmp_path / "default.onnx", "fast": tmp_path / "fast.xml"})
    assert list_models() == []
    for name in ("b.onnx", "a.pb"):
        put(home / "models", name)
    put(home / "models", "nameless.onnx", spec=None)
    put(home / "models", "notes.txt")
    assert [model.path.name for model in list_models()] == ["a.pb", "b.onnx"]
    default = put(tmp_path, "default.onnx")
    assert [model.path.name for model in list_models()] == ["default.onnx", "a.pb", "b.onnx"]
    assert find_model("default") == find_model() == Model(default, SPEC)
    fast = put(tmp_path, "fast.xml")
    assert [model.path.name for model in list_models()] == ["default.onnx", "fast.xml", "a.pb", "b.onnx"]
    assert find_model("fast") == Model(fast, SPEC)


@pytest.mark.parametrize("name", ["default", "fast"])
def test_without_a_shipped_model_it_says_what_to_do(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zoo, "SHIPPED", {name: tmp_path / "gone.onnx"})
    with pytest.raises(ModelMissing, match=rf"gone\.onnx: the {name} model is missing.*--model"):
        find_model(name)


def test_a_model_that_is_not_there(home: Path) -> None:
    with pytest.raises(ModelMissing, match=f"nothing: no such model file, and none of that name in {home}"):
        find_model("nothing")


def test_weights_without_a_spec_say_what_to_do(tmp_path: Path) -> None:
    path = put(tmp_path, spec=None)
    with pytest.raises(
        InputError, match=r"net\.onnx: its spec is missing; put it beside the file as net\.json, or give it \(--spec\)"
    ):
        find_model(path)


def test_a_broken_spec_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, spec=None)
    path.with_suffix(".json").write_text('{"name": "x", "skeleton": "openpose_18", "heads": {}, "colour": 1}')
    with pytest.raises(InputError, match=r"net\.json: "):
        find_model(path)


def test_the_file_must_be_the_one_of_the_spec(tmp_path: Path) -> None:
    right = zoo.sha256(put(tmp_path))
    assert right == "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"  # printf weights | sha256sum
    write_spec(replace(SPEC, sha256=right), tmp_path / "net.json")
    assert find_model(tmp_path / "net.onnx").spec.sha256 == right
    (tmp_path / "net.onnx").write_bytes(b"Weights")
    with pytest.raises(HashMismatch, match=r"net\.onnx: not the file its spec was written for"):
        find_model(tmp_path / "net.onnx")


def test_fields_of_known_weights_are_the_limbs_in_order() -> None:
    """The table of the weights' own README: limb (from, to) and the two channels of its field, after 19 heatmaps."""
    published = {(1, 2): 12, (1, 5): 20, (2, 3): 14, (3, 4): 16, (5, 6): 22, (6, 7): 24, (1, 8): 0, (8, 9): 2, (9, 10): 4, (1, 11): 6,
                 (11, 12): 8, (12, 13): 10, (1, 0): 28, (0, 14): 30, (14, 16): 34, (0, 15): 32, (15, 17): 36, (2, 16): 18,
                 (5, 17): 26}  # fmt: skip
    for spec in KNOWN_SPECS.values():
        channels = spec.heads["pafs"].channels
        assert spec.skeleton == OPENPOSE_18
        assert {limb: channels[2 * n] - 19 for n, limb in enumerate(spec.limbs)} == published
        assert all(channels[2 * n + 1] == channels[2 * n] + 1 for n in range(len(spec.limbs)))
        assert sorted((*spec.heads["heatmaps"].channels, *channels)) == list(range(57))


def test_known_weights_need_no_spec_and_see_a_person() -> None:
    """On a photo of dancers the head is over the feet, and fields of limbs that hang point down: the channels are where the spec says."""
    import numpy as np

    from limbwise.engine.base import EngineOptions
    from limbwise.engine.kinds import open_engine

    photo = SHARED / "data" / "photos" / "dance.png"
    if not WEIGHTS.is_file() or not photo.is_file():
        pytest.skip(f"needs {WEIGHTS} and {photo}")
    import cv2

    model = find_model(WEIGHTS)
    assert model.spec.licence == "Apache-2.0"
    picture = cv2.resize(cv2.imread(str(photo)), (376, 368), interpolation=cv2.INTER_AREA)
    batch = ((picture.astype(np.float32) - 128) / 128).transpose(2, 0, 1)[None]
    maps = open_engine("openvino", model.path, model.spec, EngineOptions(threads=1)).run(batch)
    heatmaps, pafs = (model.spec.heads[name].take(maps)[0] for name in ("heatmaps", "pafs"))
    assert heatmaps.shape == (19, 46, 47)
    assert pafs.shape == (38, 46, 47)
    assert (heatmaps[:18].max((1, 2)) > 0.4).all()
    peak = {
        name: np.unravel_index(heatmaps[k].argmax(), heatmaps[k].shape) for k, name in enumerate(OPENPOSE_18.keypoints)
    }
    assert peak["nose"][0] < peak["neck"][0] < peak["left_hip"][0] < peak["left_ankle"][0]
    for limb, (start, end) in enumerate(model.spec.limbs):
        field = pafs[2 * limb : 2 * limb + 2]
        y, x = np.unravel_index(np.hypot(*field).argmax(), field.shape[1:])
        assert np.hypot(*field[:, y, x]) > 0.5
        downwards = {"hip", "knee", "ankle", "elbow"} & {OPENPOSE_18.keypoints[end].split("_")[-1]}
        if downwards and start:
            assert field[1, y, x] > 0.5
