"""The verbs of the command line, put together."""

from __future__ import annotations

import typer

from limbwise.cli import benchmark, data, decode, evaluate, info, predict, train
from limbwise.cli.flags import flagged

app = typer.Typer(
    help="People in images and videos, limb by limb.",
    epilog="--debug anywhere shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for verb in (predict.predict, decode.decode, benchmark.benchmark, info.info, info.models):
    app.command()(flagged(verb))
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
