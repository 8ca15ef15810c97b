from __future__ import annotations

from pathlib import Path

import pytest
import torch

import limbwise.cli.export
from limbwise.cli.export import export
from limbwise.errors import InputError, UsageError
from limbwise.export.quantise import Int8Options
from limbwise.net.mobile import Mobile, mobile_spec
from limbwise.spec import ModelSpec, read_spec, write_spec
from limbwise.train import checkpoint
from limbwise.train.networks import find_network
from limbwise.train.presets import mobile
from limbwise.train.processes import World
from limbwise.train.recipe import Recipe, changed, write_recipe
from limbwise.train.run import begin


def test_a_run_becomes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begin(Mobile, mobile_spec(), mobile(), World(0, 1, torch.device("cpu")))
    run.step, run.seen = 7, 77
    checkpoint.save(run, tmp_path / "run" / "checkpoints")
    export(tmp_path / "run", tmp_path / "mine.onnx", side=320)
    spec = read_spec(tmp_path / "mine.json")
    assert (spec.name, spec.input.size.side) == ("mine", 320)
    assert (tmp_path / "mine.onnx").stat().st_size < 8_000_000
    said = capsys.readouterr().out
    assert "step 7, 77 samples" in said
    assert "openvino" in said


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint in it"):
        export(tmp_path, tmp_path / "x.onnx")
    with pytest.raises(UsageError, match=r"ends in \.onnx or \.xml"):
        export(tmp_path, tmp_path / "x.pb")
    with pytest.raises(UsageError, match=r"INT8 is written as OpenVINO's form"):
        export(tmp_path, tmp_path / "x.onnx", eight=Int8Options(tmp_path))
    with pytest.raises(UsageError, match="would take the place of that of"):
        export(tmp_path / "body.onnx", tmp_path / "body.xml")
    with pytest.raises(UsageError, match="is a model already"):
        export(tmp_path / "a.onnx", tmp_path / "x.onnx")
    for more in ({"last": True}, {"recipe": "mobile"}):
        with pytest.raises(UsageError, match="is a model already"):
            export(tmp_path / "a.onnx", tmp_path / "x.xml", **more)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--side 0: at least 1 pixel"):
        export(tmp_path / "a.onnx", tmp_path / "x.xml", side=0)
    for given in ({"keep": 0.5}, {"images": tmp_path}, {"most": 5}):
        with pytest.raises(ValueError, match="is for INT8, which --int8"):
            Int8Options(**given)  # type: ignore[arg-type]
    (tmp_path / "a.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a\.pt: not a checkpoint"):
        export(tmp_path / "a.pt", tmp_path / "x.onnx")


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """A run on an own skeleton, whose file is gone by now, in a folder that it was not trained in."""
    folder = tmp_path / "copied"
    (tmp_path / "bird.toml").write_text('keypoints = ["beak", "tail"]\nlimbs = [["beak", "tail"]]\n')
    recipe: Recipe = changed(mobile(), sets=[f"skeleton={tmp_path / 'bird.toml'}"])
    network, spec = find_network(recipe)
    run = begin(network, spec, recipe, World(0, 1, torch.device("cpu")))
    run.step = 7
    checkpoint.save(run, folder / "checkpoints")
    torch.save(run.net.state_dict(), folder / "weights.pt")
    write_recipe(recipe, folder / "recipe.json", commit="abc")
    write_spec(spec, folder / "spec.json")
    (tmp_path / "bird.toml").unlink()
    return folder


@pytest.mark.parametrize("source", [".", "checkpoints/step-00000007.pt", "weights.pt"])
def test_a_run_on_an_own_skeleton_is_exported_wherever_it_lies(
    moved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(limbwise.cli.export, "_as_onnx", lambda net, spec, folder, half: wrote(net, spec, folder))
    export(moved / source, tmp_path / "bird.onnx")
    spec = read_spec(tmp_path / "bird.json")
    assert (spec.name, spec.skeleton.keypoints, spec.limbs) == ("bird", ("beak", "tail"), ((0, 1),))


def wrote(net: torch.nn.Module, spec: ModelSpec, folder: Path) -> tuple[Path, ModelSpec, str]:
    """In place of an export: whether the network gives what the spec says, and nothing but its spec."""
    maps = net.eval()(torch.zeros(1, 3, 64, 64))[-1]
    assert {name: len(head.channels) for name, head in spec.heads.items()} == {n: m.shape[1] for n, m in maps.items()}
    write_spec(spec, folder / f"{spec.name}.json")
    (folder / f"{spec.name}.onnx").touch()
    return folder / f"{spec.name}.onnx", spec, ""
