"""What a run says while it trains: JSON lines for grep and plots, TensorBoard where it is installed, a bar for people.

`log.jsonl` has one table a line: {"kind": "step", "step": ..., "loss": ...} means over the steps since the last such line,
{"kind": "validation", ...}, {"kind": "skipped", "message": ...} a damaged sample, {"kind": "start", ...}.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from limbwise.train.loop import StepReport

NAME = "log.jsonl"


class Log:
    """The log of a run in `folder`, from `step` of `steps`; lines of later steps, which a killed run left, are dropped.

    Silent where `leads` is False (all processes but one); no bar where stderr is no terminal. A context manager.
    """

    def __init__(self, folder: Path, step: int, steps: int, leads: bool = True) -> None:
        self.path, self.leads = folder / NAME, leads
        self._sums: dict[str, float] = defaultdict(float)
        self._count = self._samples = 0
        self._board: Any = None
        if leads:
            folder.mkdir(parents=True, exist_ok=True)
            kept = [line for line in read_log(self.path) if line.get("step", 0) <= step]
            self.path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
            if importlib.util.find_spec("tensorboard") is not None:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)
        self._file = self.path.open("a", encoding="utf-8") if leads else None
        self._bar = Bar(step, steps, leads and sys.stderr.isatty())

    def __enter__(self) -> Log:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def add(self, report: StepReport, step: int, flush: bool) -> None:
        """Take in a step; with `flush` write the means since the last line."""
        for message in report.skipped:
            self.event("skipped", step, message=message)
        for name, value in {**report.losses, "gradient": report.gradient}.items():
            self._sums[name] += value
        self._sums["seconds"] += report.seconds
        self._sums["waited"] += report.waited
        self._count, self._samples = self._count + 1, self._samples + report.samples
        seconds = max(self._sums["seconds"], 1e-9)
        self._bar.show(step, self._samples / seconds, self._sums["waited"] / seconds, self._sums["loss"] / self._count)
        if flush:
            means = {
                name: value / self._count for name, value in self._sums.items() if name not in {"seconds", "waited"}
            }
            speed = {"images_per_s": self._samples / seconds, "data_wait": self._sums["waited"] / seconds}
            self.event("step", step, **means, rate=report.rate, **speed)
            self._sums.clear()
            self._count = self._samples = 0

    def event(self, kind: str, step: int, **values: Any) -> None:
        """One line; numbers go to TensorBoard too."""
        if self._file is None:
            return
        rounded = {name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in values.items()}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._file.write(json.dumps({"kind": kind, "step": step, "time": now, **rounded}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self._board.add_scalar(f"{kind}/{name}", value, step)
        if kind != "step":
            self._bar.say(f"{kind} at step {step}: " + ", ".join(f"{k} {v}" for k, v in rounded.items()))


class Bar:
    """A progress bar with images a second, the share of time that data was waited for, the loss and the time left."""

    def __init__(self, step: int, steps: int, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not shown)
        self._task = self._bar.add_task("", total=steps, completed=step, text="")
        self._last = 0.0
        self.start, self.stop = self._bar.start, self._bar.stop

    def show(self, step: int, speed: float, waited: float, loss: float) -> None:
        """Redraw, ten times a second at most."""
        if not self._bar.disable and time.monotonic() - self._last > 0.1:
            text = f"{speed:.1f} images/s · data wait {waited:.0%} · loss {loss:.4g}"
            self._bar.update(self._task, completed=step, text=text)
            self._last = time.monotonic()

    def say(self, message: str) -> None:
        """A line above the bar, only while there is one."""
        if not self._bar.disable:
            self._bar.console.print(message, markup=False, highlight=False)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; none where there is no file, and without a last line that was cut off by a kill."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines
