"""limbwise train: make weights by a recipe, and draw the curves of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limbwise.cli.flags import flagged
from limbwise.cli.progress import counted
from limbwise.data.dataset import Subset
from limbwise.data.find import open_dataset
from limbwise.decode.deepercut import DeepercutOptions
from limbwise.estimate.estimator import ModelOptions
from limbwise.estimate.fit_pairwise import fit_pairwise
from limbwise.estimate.pairwise import write_terms
from limbwise.fields import Given

if TYPE_CHECKING:
    from limbwise.train.recipe import Recipe

app = typer.Typer(help="Train a network by a recipe, or draw the curves of a run.", no_args_is_help=True)

# The recipes of limbwise.train.presets.PRESETS, whose import takes torch along; a test keeps the two alike.
RECIPES = {
    "mobile": "Our own network, from nothing.",
    "openpose_cpm": "OpenPose's first network, from VGG-19.",
    "openpose_paf": "OpenPose's second network, fields first, from VGG-19.",
    "openpose_paf_184": "The same at 184 pixels.",
    "face": "OpenPose's face network, from VGG-19.",
    "hand": "OpenPose's hand network, from VGG-19.",
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
        init: Annotated[
            Path | None,
            typer.Option(help="Weights of another system to begin with: ImageNet's backbone, or a network."),
        ] = None,
        resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
        show: Annotated[bool, typer.Option("--show", help="Print the resolved recipe and stop.")] = False,
    ) -> None:
        from limbwise.train.presets import preset
        from limbwise.train.recipe import changed, recipe_text

        recipe = changed(preset(name), config, sets or ())
        if show:
            print(recipe_text(recipe if init is None else replace(recipe, start=str(out / "start.pt"))))
            return
        if init is not None:
            recipe = begun_with(init, recipe, out / "start.pt")
        from limbwise.train.run import train as run

        print(run(recipe, out, resume))

    train.__doc__ = RECIPES[name]
    return train


def begun_with(file: Path, recipe: Recipe, start: Path) -> Recipe:
    """The recipe with `start` to begin with: the weights of a file of another system as its network takes them in.

    A run that has checkpoints beside `start` has begun with it, so that it stays.
    """
    from limbwise.convert.kinds import convert
    from limbwise.convert.start import write_start
    from limbwise.train.checkpoint import PATTERN
    from limbwise.train.networks import find_network

    network, spec = find_network(recipe)
    if not start.is_file() or not any((start.parent / "checkpoints").glob(PATTERN)):
        write_start(convert(file, spec.skeleton), network, spec.input, start)
    return replace(recipe, start=str(start))


for _name in RECIPES:
    app.command(_name)(_verb(_name))


@app.command("pairwise")
@flagged
def pairwise(
    dataset: Annotated[Path, typer.Argument(help="a folder or a COCO json of labelled images with several people")],
    model: ModelOptions,
    decoding: Given[DeepercutOptions],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="file to write (default: beside the model, STEM.pairwise.json)")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first images")] = None,
) -> None:
    """Fit the pairwise terms by which a DeeperCut model tells people apart, from the parts that it finds in labelled images."""
    source = open_dataset(dataset)
    source = source if limit is None else Subset(source, range(min(limit, len(source))))
    with counted("fit") as tell:
        terms, path = fit_pairwise(model, decoding, source, tell)
    target = out or path.with_suffix(".pairwise.json")
    write_terms(terms, target)
    print(f"{target}: {len(terms.pairs)} pairs of keypoints, from {len(source)} images")


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
