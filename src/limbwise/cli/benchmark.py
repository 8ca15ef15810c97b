"""`limbwise benchmark`: what each stage costs on this machine."""

from __future__ import annotations

import json as json_
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from limbwise.decode.openpose import OpenPoseOptions
from limbwise.errors import InputError
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.timing import measure
from limbwise.media.sources import find_sources


def benchmark(
    model: ModelOptions,
    decoding: OpenPoseOptions,
    source: Annotated[list[str] | None, typer.Argument(help="images to measure with (default: a drawn one)")] = None,
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
    figures = measure(Estimator(decode=decoding, **asdict(model)), images, runs)
    if json:
        print(json_.dumps(asdict(figures), indent=1))
        return
    table = Table(
        "stage",
        "ms",
        title=f"{figures.model} · {figures.engine} · {figures.input} · {figures.people:.1f} people an image",
    )
    for stage, milliseconds in figures.milliseconds.items():
        table.add_row(stage, f"{milliseconds:.2f}")
    Console().print(table)
    print(
        f"network {figures.network_share:.0%} of the time; {figures.frames_per_second:.1f} frames/s with the stages side by side"
    )
