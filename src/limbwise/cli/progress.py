"""A progress bar with frames a second and time left; silent where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from limbwise.estimate.step import Step


@contextmanager
def counted(name: str) -> Iterator[Callable[[], None]]:
    """Counts calls of what it gives; on a terminal it shows them."""
    with Bar(TextColumn(name), MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True,
             disable=not sys.stderr.isatty()) as bar:  # fmt: skip
        task = bar.add_task("", total=None)
        yield lambda: bar.advance(task)


class Progress:
    """Counts frames; on a terminal it shows them. A context manager."""

    def __init__(self, wanted: bool, total: int | None) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Bar(
            *columns, console=Console(stderr=True), disable=not (wanted and sys.stderr.isatty()), transient=True
        )
        self._task = self._bar.add_task("", total=total, rate="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, step: Step) -> None:
        """A frame more, or the end of a source."""
        if step.frame is not None:
            task = self._bar.tasks[0]
            speed = task.finished_speed or task.speed
            rate = "" if speed is None else f"{speed:.1f} frames/s"
            self._bar.update(self._task, advance=1, description=step.source.name[-40:], rate=rate)

    def say(self, message: str) -> None:
        """A line above the bar, only while there is one: the end of the run repeats it."""
        if not self._bar.disable:
            self._bar.console.print(message, markup=False, highlight=False)
