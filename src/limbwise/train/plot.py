"""Curves of a run as a picture: losses, learning rate and validation over steps, drawn from its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError
from limbwise.files import whole_file
from limbwise.train.log import NAME, read_log

Picture = npt.NDArray[np.uint8]
Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 300, 80, 36, 24, 36
NOT_LOSSES = {"kind", "step", "time", "rate", "gradient", "images_per_s", "data_wait"}
COLOURS = ((180, 90, 30), (40, 120, 220), (60, 150, 60), (150, 60, 150), (90, 90, 90))  # blue first, as OpenCV orders


@dataclass(frozen=True)
class Panel:
    """One plot: `title`, `curves` by name as (steps, values), and whether the axis is logarithmic."""

    title: str
    curves: dict[str, Curve]
    logarithmic: bool = False


def plot_run(run: str | Path, out: str | Path | None = None) -> Path:
    """Draw the curves of the run in folder `run` as a PNG (default: curves.png in it); returns its path.

    Raises InputError where there is no log with steps.
    """
    run = Path(run)
    lines = read_log(run / NAME)
    panels = [panel for panel in panels_of(lines) if panel.curves]
    if not panels:
        raise InputError(f"{run / NAME}: no log of a run, or no step in it yet")
    out = Path(out) if out is not None else run / "curves.png"
    write_panels(panels, out)
    return out


def write_panels(panels: Sequence[Panel], path: Path) -> None:
    """Plots as a PNG, one below the other."""
    import cv2

    ok, data = cv2.imencode(".png", np.concatenate([draw(panel) for panel in panels]))
    assert ok
    with whole_file(path) as part:
        part.write_bytes(data.tobytes())


def panels_of(lines: list[dict[str, Any]]) -> list[Panel]:
    """What there is to draw of a log."""
    steps = [line for line in lines if line.get("kind") == "step"]
    checks = [line for line in lines if line.get("kind") == "validation"]
    losses = sorted({name for line in steps for name in line} - NOT_LOSSES)
    numbers = sorted({name for line in checks for name in line} - NOT_LOSSES)
    return [
        Panel("loss", curves(steps, losses), logarithmic=True),
        Panel("learning rate", curves(steps, ["rate"])),
        Panel("images a second", curves(steps, ["images_per_s"])),
        Panel("validation", curves(checks, numbers)),
    ]


def curves(lines: list[dict[str, Any]], names: list[str]) -> dict[str, Curve]:
    """Finite values by step of each name that occurs."""
    found = {}
    for name in names:
        points = [
            (line["step"], line[name])
            for line in lines
            if isinstance(line.get(name), (int, float)) and np.isfinite(line[name])
        ]
        if points:
            found[name] = (np.array([p[0] for p in points], float), np.array([p[1] for p in points], float))
    return found


def draw(panel: Panel) -> Picture:
    """(HEIGHT, WIDTH, 3) uint8 BGR."""
    import cv2

    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    steps = np.concatenate([x for x, _ in panel.curves.values()])
    values = np.concatenate([y for _, y in panel.curves.values()])
    logarithmic = panel.logarithmic and bool((values > 0).all())
    low, high = _bounds(np.log10(values) if logarithmic else values)
    last = max(float(steps.max()), 1.0)
    frame = (LEFT, TOP), (WIDTH - RIGHT, HEIGHT - BOTTOM)
    cv2.rectangle(picture, *frame, (200, 200, 200), 1, cv2.LINE_AA)
    for share in np.linspace(0, 1, 5):
        y = round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP))
        x = round(LEFT + share * (WIDTH - LEFT - RIGHT))
        at = low + share * (high - low)
        cv2.line(picture, (LEFT, y), (WIDTH - RIGHT, y), (230, 230, 230), 1)
        _write(picture, f"{10**at if logarithmic else at:.3g}", (LEFT - 8, y + 4), align=1)
        _write(picture, f"{share * last:.0f}", (x, HEIGHT - 14), align=0.5)
    _write(picture, panel.title, (LEFT, 22))
    right = WIDTH - RIGHT
    for (name, (x, y)), colour in zip(panel.curves.items(), COLOURS * 4, strict=False):
        height = (np.log10(y) if logarithmic else y) - low
        points = np.stack(
            [
                LEFT + x / last * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - height / (high - low) * (HEIGHT - BOTTOM - TOP),
            ],
            axis=1,
        )
        cv2.polylines(picture, [np.round(points * 16).astype(np.int32)], False, colour, 2, cv2.LINE_AA, 4)
        if len(points) == 1:
            cv2.circle(picture, (round(points[0, 0]), round(points[0, 1])), 3, colour, -1, cv2.LINE_AA)
        right -= _write(picture, name, (right, 22), colour, align=1) + 14
    return picture


def _bounds(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or max(abs(high) * 0.1, 1e-9)
    return low - margin, high + margin


def _write(
    picture: Picture, text: str, at: tuple[int, int], colour: tuple[int, int, int] = (60, 60, 60), align: float = 0
) -> int:
    """Text whose left (0), middle (0.5) or right (1) end is at x; returns its width."""
    import cv2

    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]
    place = (round(at[0] - align * width), at[1])
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
    return int(width)
