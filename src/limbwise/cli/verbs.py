"""The verbs of the command line, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from limbwise import __version__
from limbwise.cli import benchmark, convert, data, decode, evaluate, export, info, predict, refine, serve, track, train
from limbwise.cli.flags import flagged


def _version(wanted: bool) -> None:
    if wanted:
        print(f"limbwise {__version__}")
        raise typer.Exit


app = typer.Typer(
    epilog="--debug anywhere shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)


@app.callback()
def limbwise(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and stop.")
    ] = False,
) -> None:
    """People in images and videos, limb by limb."""


for verb in (
    predict.predict,
    track.track,
    decode.decode,
    benchmark.benchmark,
    info.info,
    info.models,
    export.export,
    convert.convert,
    refine.refine,
    serve.serve,
):
    app.command()(flagged(verb))
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
