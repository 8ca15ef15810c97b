from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.train.log import read_log
from limbwise.train.plot import COLOURS, HEIGHT, Panel, draw, panels_of, plot_run


def log(folder: Path, lines: list[dict[str, object]]) -> None:
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_curves_of_a_run(tmp_path: Path) -> None:
    steps = [{"kind": "step", "step": s, "loss": 1 / s, "rate": 0.1, "images_per_s": 5.0} for s in range(1, 50)]
    log(tmp_path, [{"kind": "start", "step": 0}, *steps, {"kind": "validation", "step": 49, "ap": 0.5}])
    picture = cv2.imread(str(plot_run(tmp_path)))
    assert picture.shape[0] == 4 * HEIGHT
    assert not list(tmp_path.glob(".*"))


def test_a_falling_curve_is_drawn_falling() -> None:
    x = np.arange(100.0)
    picture = draw(Panel("loss", {"loss": (x, 100 - x)})).astype(int)
    rows, columns = np.nonzero((np.abs(picture - COLOURS[0]).sum(-1) < 30)[40:])  # below the legend
    assert np.corrcoef(rows, columns)[0, 1] > 0.99


def test_what_is_not_finite_is_left_out() -> None:
    panels = panels_of([{"kind": "step", "step": 1, "loss": float("nan")}, {"kind": "step", "step": 2, "loss": 3.0}])
    assert panels[0].curves["loss"][0].tolist() == [2.0]
    assert draw(panels[0]).shape == (HEIGHT, 760, 3)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.jsonl"):
        plot_run(tmp_path)


def test_a_last_line_cut_by_a_kill_is_no_line(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"kind": "step", "step": 1}\n{"kind": "st')
    assert read_log(tmp_path / "log.jsonl") == [{"kind": "step", "step": 1}]
