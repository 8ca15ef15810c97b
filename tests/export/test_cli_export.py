from __future__ import annotations

from pathlib import Path

import pytest
import torch

from limbwise.cli.export import export
from limbwise.errors import InputError, UsageError
from limbwise.export.quantise import Int8Options
from limbwise.net.mobile import Mobile, mobile_spec
from limbwise.spec import read_spec
from limbwise.train import checkpoint
from limbwise.train.presets import mobile
from limbwise.train.processes import World
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
