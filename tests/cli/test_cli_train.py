"""`limbwise train NAME --init FILE`: which file a run begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
from limbwise.cli.train import app, begun_with
from limbwise.train.presets import preset


def convert(file: Path, *_: object) -> str:
    return file.name


def write_start(found: str, network: object, shown: object, path: Path) -> None:
    path.write_text(found)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversion in the fewest words: a start is the name of the file that it is of."""
    monkeypatch.setattr("limbwise.convert.kinds.convert", convert)
    monkeypatch.setattr("limbwise.convert.start.write_start", write_start)


def test_another_attempt_begins_with_its_own_file(tmp_path: Path) -> None:
    recipe, start = preset("hand"), tmp_path / "start.pt"
    for name in ("a.pth", "b.pth"):
        assert begun_with(tmp_path / name, recipe, start).start == str(start)
        assert start.read_text() == name


def test_a_run_that_has_begun_keeps_its_start(tmp_path: Path) -> None:
    begun_with(tmp_path / "a.pth", preset("hand"), tmp_path / "start.pt")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-00000010.pt").touch()
    begun_with(tmp_path / "b.pth", preset("hand"), tmp_path / "start.pt")
    assert (tmp_path / "start.pt").read_text() == "a.pth"


def test_show_only_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    app(["hand", "-o", str(out), "--init", str(tmp_path / "a.pth"), "--show"], standalone_mode=False)
    assert str(out / "start.pt") in capsys.readouterr().out
    assert not out.exists()
