"""A timeline of tracks: a bar for each person over the time in which it was seen, pale where a gap was filled."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from limbwise.draw.palette import WHITE, Colour, id_colour
from limbwise.draw.sheet import GROUND
from limbwise.draw.text import Image, put_text, text_width
from limbwise.people import People

LINE: Colour = (70, 70, 78)
GREY: Colour = (190, 190, 198)
STEPS = (0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass
class Presence:
    """Who was there when: for each id the spans in which it was seen and in which it was only filled in; grows with the number of
    spans, not of frames."""

    spans: dict[int, list[tuple[float, float, bool]]] = field(default_factory=dict)  # from, to (seconds), filled in
    start: float = math.inf
    stop: float = -math.inf
    _here: dict[int, bool] = field(default_factory=dict)

    def add(self, people: People, time: float) -> None:
        """One frame more, at `time` in seconds; who has no id is not noted."""
        before = self.stop
        self.start, self.stop = min(self.start, time), max(self.stop, time)
        seen = np.asarray((people.scores > 0).any(1))
        ids = [] if people.ids is None else people.ids.tolist()
        here = {i: not bool(seen[n]) for n, i in enumerate(ids) if i >= 0}
        for i, filled in here.items():
            spans = self.spans.setdefault(i, [])
            if i in self._here and self._here[i] == filled:
                spans[-1] = (spans[-1][0], time, filled)
            else:  # the span begins where the one before ended, if that was the frame before
                spans.append((before if i in self._here else time, time, filled))
        self._here = here

    def shown(self, i: int) -> float:
        """Seconds in which a person was there."""
        return sum(stop - start for start, stop, _ in self.spans[i])


def draw_timeline(presence: Presence, width: int = 1200, most: int = 60) -> Image:
    """A picture (H, W, 3) uint8 RGB, a row for each id in the order of coming; beyond `most` rows only those who stayed longest.

    Raises ValueError for a width below 200 pixels.
    """
    if width < 200 or most < 1:
        raise ValueError(f"width, most: at least 200 pixels and 1 row, got {width} and {most}")
    kept = sorted(
        sorted(presence.spans, key=lambda i: (-presence.shown(i), i))[:most], key=lambda i: (presence.spans[i][0][0], i)
    )
    row, text = (26, 11) if len(kept) <= 25 else (18, 10)
    left = 24 + max([text_width(str(i), text) for i in kept], default=0)
    top, right, foot = 16, 24, 58
    picture = np.full((top + row * max(len(kept), 1) + foot, width, 3), GROUND, np.uint8)
    length = max(presence.stop - presence.start, 1e-9) if presence.spans else 1.0
    start = presence.start if presence.spans else 0.0
    scale = (width - left - right) / length
    _draw_axis(picture, start, length, left, scale, top + row * max(len(kept), 1))
    for line, i in enumerate(kept):
        middle = top + row * line + row // 2
        put_text(picture, str(i), left - 10 - text_width(str(i), text), middle + text // 2, text, WHITE)
        for begin, end, filled in presence.spans[i]:
            a, b = (left + round((time - start) * scale) for time in (begin, end))
            half = row // 8 if filled else row // 3
            cv2.rectangle(picture, (a, middle - half), (max(b, a + 1), middle + half), _shade(i, filled), -1)
    said = f"{len(presence.spans)} people" + (
        f", the {len(kept)} who stayed longest" if len(kept) < len(presence.spans) else ""
    )
    put_text(picture, said, left, picture.shape[0] - 12, 10, GREY)
    return picture


def _shade(i: int, filled: bool) -> Colour:
    """The person's colour, half way to the ground where it was only filled in."""
    if not filled:
        return id_colour(i)
    red, green, blue = ((a + b) // 2 for a, b in zip(id_colour(i), GROUND, strict=True))
    return red, green, blue


def _draw_axis(picture: Image, start: float, length: float, left: int, scale: float, bottom: int) -> None:
    """Lines and times at round steps, at least 70 pixels apart."""
    step = next((s for s in STEPS if s * scale >= 70), STEPS[-1] * math.ceil(70 / max(STEPS[-1] * scale, 1e-9)))
    for n in range(math.ceil(start / step - 1e-9), math.floor((start + length) / step + 1e-9) + 1):
        x = left + round((n * step - start) * scale)
        cv2.line(picture, (x, 8), (x, bottom + 6), LINE, 1)
        said = clock(n * step)
        put_text(picture, said, x - text_width(said, 10) / 2, bottom + 22, 10, GREY)


def clock(seconds: float) -> str:
    """1.5 s, 2:05, 1:02:05."""
    if seconds < 60:
        return f"{seconds:.4g} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
