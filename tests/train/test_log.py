from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from limbwise.train.log import Log, read_log
from limbwise.train.loop import StepReport

SCRIPT = Path(__file__).with_name("toy_training.py")


def report(loss: float, *skipped: str) -> StepReport:
    return StepReport({"loss": loss}, 0.1, 1.0, 8, 2.0, 0.5, list(skipped))


def test_means_since_the_last_line(tmp_path: Path) -> None:
    with Log(tmp_path, 0, 10) as log:
        log.add(report(1), 1, False)
        log.add(report(3, "a.jpg: cut short"), 2, True)
        log.add(report(7), 3, True)
    lines = read_log(tmp_path / "log.jsonl")
    assert [line["kind"] for line in lines] == ["skipped", "step", "step"]
    assert lines[1] == {"kind": "step", "step": 2, "time": lines[1]["time"], "loss": 2, "gradient": 1, "rate": 0.1,
                        "images_per_s": 4, "data_wait": 0.25}  # fmt: skip
    assert lines[2]["loss"] == 7


def test_lines_after_the_step_that_is_resumed_are_dropped(tmp_path: Path) -> None:
    with Log(tmp_path, 0, 10) as log:
        for step in range(1, 6):
            log.event("step", step)
    with Log(tmp_path, 3, 10):
        pass
    assert [line["step"] for line in read_log(tmp_path / "log.jsonl")] == [1, 2, 3]


def test_processes_that_do_not_lead_write_nothing(tmp_path: Path) -> None:
    with Log(tmp_path / "x", 0, 10, leads=False) as log:
        log.add(report(1), 1, True)
    assert not list(tmp_path.iterdir())


def test_tensorboard_has_the_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with Log(tmp_path, 0, 10) as log:
        log.add(report(1), 1, True)
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_bar_for_a_terminal_and_silence_elsewhere(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, str(SCRIPT)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "120"}
    seen = subprocess.Popen([*command, str(tmp_path / "a"), "steps=300"], env=environment, stderr=theirs, stdout=theirs)
    silent = subprocess.Popen(
        [*command, str(tmp_path / "b")], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 1000)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert seen.wait() == 0
    for part in ("images/s", "data wait", "loss"):
        assert part in text.decode(errors="replace")
    assert silent.communicate() == (b"", b"")
