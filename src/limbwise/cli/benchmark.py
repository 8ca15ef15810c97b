"""`limbwise benchmark`: what each stage costs on this machine."""

from __future__ import annotations

import json as json_
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from limbwise.errors import InputError
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.grouping import DecoderOptions
from limbwise.estimate.timing import Figures, measure
from limbwise.fields import Given
from limbwise.media.sources import find_sources


def benchmark(
    model: ModelOptions,
    decoding: Given[DecoderOptions],
    source: Annotated[list[str] | None, typer.Argument(help="images to measure with (default: a drawn one)")] = None,
    against: Annotated[str | None, typer.Option(help="another model, measured in turns with the first")] = None,
    runs: Annotated[int, typer.Option(min=1, help="how often each image is taken")] = 20,
    json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Measure each stage in milliseconds (medians), and frames a second with the stages side by side."""
    sources, problems = find_sources(source or [])
    if problems:
        raise problems[0]
    images = [s.path for s in sources if s.kind == "image"]
    if source and not images:
        raise InputError(f"{source[0]}: no images; benchmark measures with images")
    models = [model, replace(model, model=against, spec=None)] if against else [model]
    all_figures = measure([Estimator(decode=decoding, **asdict(m)) for m in models], images, runs)
    if json:
        tables = [asdict(figures) for figures in all_figures]
        print(json_.dumps(tables if against else tables[0], indent=1))
        return
    for figures in all_figures:
        _print(figures)
    if against:
        first, second = all_figures
        ratio = second.end_to_end / first.end_to_end
        pace = first.frames_per_second / second.frames_per_second
        print(
            f"{first.model} takes {first.end_to_end:.1f} ms from file to people, {second.model} {ratio:.2f} times that; "
            f"in a stream {first.model} is {pace:.2f} times as fast"
        )


def _print(figures: Figures) -> None:
    title = f"{figures.model} · {figures.engine} · {figures.input} · {figures.people:.1f} people an image"
    table = Table("stage", "ms", title=title)
    for stage, milliseconds in figures.milliseconds.items():
        table.add_row(stage, f"{milliseconds:.2f}")
    Console().print(table)
    print(
        f"one at a time: the network takes {figures.network_share:.0%} of the {figures.end_to_end:.1f} ms from file to people; "
        f"a stream: {figures.stream_share:.0%}, {figures.frames_per_second:.1f} frames/s, "
        f"the network alone {figures.network_per_second:.1f}"
    )
