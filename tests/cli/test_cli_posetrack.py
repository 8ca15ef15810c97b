"""`limbwise evaluate posetrack` and `limbwise data convert` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_predict import run


def test_evaluate_and_convert(shared: Path, tmp_path: Path) -> None:
    folder = shared / "oracles" / "poseval" / "2018"
    done = run("evaluate", "posetrack", "--gt", folder / "gt", "--pred", folder / "pred", "--json", tmp_path / "a.json")
    assert done.returncode == 0, done.stderr
    expected = json.loads((folder / "expected" / "total_MOT_metrics.json").read_text())["mota"][-1]
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["numbers"]["total"]["mota"]["total"] == pytest.approx(expected)
    assert len(written["numbers"]["sequences"]) == 4
    assert f" {expected:.1f} " in done.stdout
    done = run("data", "convert", folder / "gt", "-o", tmp_path / "gt")
    assert done.returncode == 0, done.stderr
    assert [len(json.loads(path.read_text())["annolist"]) > 0 for path in sorted((tmp_path / "gt").iterdir())] == [
        True
    ] * 4


def test_errors_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "a.json").write_text('{"annolist": []}')
    done = run("evaluate", "posetrack", "--gt", tmp_path / "gt", "--pred", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "a.json: no predictions" in done.stderr
    done = run("data", "convert", tmp_path / "gt", "-o", tmp_path / "gt")
    assert done.returncode == 2
    assert (tmp_path / "gt" / "a.json").read_text() == '{"annolist": []}'
