"""limbwise train: make weights by a recipe, and draw the curves of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train a network by a recipe, or draw the curves of a run.", no_args_is_help=True)

# The recipes of limbwise.train.presets.PRESETS, whose import takes torch along; a test keeps the two alike.
RECIPES = {
    "mobile": "Our own network, from nothing.",
    "deepercut_mpii": "DeeperCut for one person as published, from ImageNet's backbone.",
    "deepercut_coco": "DeeperCut for several people as published, from ImageNet's backbone.",
    "deepercut_lsp": "A small DeeperCut for one person, from nothing.",
    "refiner": "A small refiner of poses, from nothing.",
    "refiner_posetrack": "The published refiner's network.",
}


def _verb(name: str) -> Callable[..., None]:
    def train(
        out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
        sets: Annotated[
            list[str] | None, typer.Option("--set", help="A field of the recipe, as data.root=FOLDER.")
        ] = None,
        config: Annotated[Path | None, typer.Option(help="TOML file with fields of the recipe.")] = None,
        resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
        show: Annotated[bool, typer.Option("--show", help="Print the resolved recipe and stop.")] = False,
    ) -> None:
        from limbwise.train.presets import preset
        from limbwise.train.recipe import changed, recipe_text

        recipe = changed(preset(name), config, sets or ())
        if show:
            print(recipe_text(recipe))
            return
        from limbwise.train.run import train as run

        print(run(recipe, out, resume))

    train.__doc__ = RECIPES[name]
    return train


for _name in RECIPES:
    app.command(_name)(_verb(_name))


@app.command()
def plot(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture; default: curves.png in the folder.")] = None,
) -> None:
    """Draw loss, learning rate and validation of a run."""
    from limbwise.train.plot import plot_run

    print(plot_run(run, out))


if __name__ == "__main__":
    app(prog_name="limbwise train")
