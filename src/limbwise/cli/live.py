"""The live window of `limbwise predict --show`."""

from __future__ import annotations

import time
from types import TracebackType

from limbwise.draw.overlay import draw_timings
from limbwise.draw.people import DrawOptions, draw_people
from limbwise.draw.window import Window
from limbwise.estimate.step import Step


class Live:
    """People drawn in a window as they are found: q or Esc quits, Tab shows the times of the stages. A context manager."""

    def __init__(self, drawing: DrawOptions) -> None:
        self._window, self._drawing = Window("limbwise"), drawing
        self._last = time.perf_counter()
        self._pace = 0.0  # seconds a frame, smoothed

    def __enter__(self) -> Live:
        self._window.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._window.__exit__(kind, error, trace)

    def show(self, step: Step) -> bool:
        """Draw one frame; False when the user wants no more."""
        if step.frame is None or step.people is None:
            return True
        start = time.perf_counter()
        picture = draw_people(step.frame.image, step.people, self._drawing, step.trails)
        now = time.perf_counter()
        self._pace = (now - self._last) if self._pace == 0 else 0.9 * self._pace + 0.1 * (now - self._last)
        self._last = now
        if self._window.overlay:
            lines = [*step.times, ("draw", 1000 * (now - start))]
            picture = draw_timings(picture, lines, 1 / max(self._pace, 1e-6))
        return self._window.show(picture)
