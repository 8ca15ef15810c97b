"""`limbwise data`: look at a labelled data set before a long training run, and convert PoseTrack files."""

from __future__ import annotations

import json as json_
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from limbwise.augment.scene import More, SceneOptions, augment
from limbwise.cli.progress import counted
from limbwise.data.check import check as check_dataset
from limbwise.data.find import open_dataset
from limbwise.data.mpii import MpiiDataset
from limbwise.data.mpii_crops import write_crops
from limbwise.data.pairwise_stats import labelled_people, write_statistics
from limbwise.data.posetrack import convert as convert_posetrack
from limbwise.data.posetrack import files
from limbwise.draw.maps import draw_heatmaps, draw_pafs
from limbwise.draw.people import draw_people
from limbwise.draw.sheet import sheet
from limbwise.errors import InputError, UsageError
from limbwise.geometry import cell_frame
from limbwise.media.image import write_image
from limbwise.sample import Sample
from limbwise.skeleton import Skeleton
from limbwise.skeletons import find_skeleton
from limbwise.spec import Head, ModelSpec
from limbwise.target.deepercut import statistics
from limbwise.target.openpose import Targets, targets

app = typer.Typer(help="Look at labelled data, and turn PoseTrack's forms into each other.", no_args_is_help=True)


@app.command()
def check(
    dataset: Annotated[Path, typer.Argument(help="a folder (LSP, or a COCO json with images) or a COCO json")],
    labels_only: Annotated[bool, typer.Option("--labels-only", help="do not read the images")] = False,
    json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Say what is wrong with a data set: exit code 3 where something is."""
    source = open_dataset(dataset)
    findings = check_dataset(source, pixels=not labels_only)
    if json:
        print(json_.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding)
        print(f"{len(source)} images, {len(findings)} findings")
    if findings:
        sys.exit(InputError.exit_code)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="a PoseTrack file of 2017 or 2018, or a folder of them")],
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for files of the same names")],
    year: Annotated[int | None, typer.Option(help="2017 or 2018 (default: of each file the other)")] = None,
) -> None:
    """Turn PoseTrack annotations of 2017 into the form of 2018, and back."""
    for path in files(source):
        target = out / path.name
        if target.resolve() == path.resolve():
            raise UsageError(f"{target}: would be overwritten by its own conversion; give another --out")
        print(f"{target}: PoseTrack {convert_posetrack(path, target, year)}")


@app.command()
def view(
    dataset: Annotated[Path, typer.Argument(help="a folder (LSP, or a COCO json with images) or a COCO json")],
    out: Annotated[Path, typer.Option("-o", "--out", help="picture to write")],
    skeleton: Annotated[str | None, typer.Option(help="a name, or a TOML file (default: the data set's own)")] = None,
    count: Annotated[int, typer.Option(min=1, help="how many samples")] = 8,
    side: Annotated[int, typer.Option(min=32, help="side of a training scene in pixels")] = 256,
    seed: Annotated[int, typer.Option(help="which samples and which changes")] = 0,
) -> None:
    """Draw training scenes: people, heatmaps, PAFs (hue = direction), and in red what the loss leaves out."""
    source = open_dataset(dataset)
    if not len(source):
        raise InputError(f"{dataset}: holds no images")
    spec = _spec(find_skeleton(skeleton) if skeleton else source.skeleton)
    rng = np.random.default_rng(seed)
    options = SceneOptions()
    options = replace(options, spatial=replace(options.spatial, size=(side, side)))
    pictures: list[Any] = []
    captions: list[str] = []
    more = More(partial(source.draw, rng), partial(source.draw, rng))
    for _ in range(count):
        scene = augment(source.draw(rng), more, spec.skeleton, options, rng)
        pictures += _row(scene, targets(scene, spec), spec)
        captions += [scene.name, "heatmaps", *(["PAFs"] if spec.limbs else []), "left out of the loss"]
    wide = len(captions) // count
    write_image(out, sheet(pictures, 2 * wide if count > 1 else wide, captions))


@app.command("pairwise-stats")
def pairwise_stats(
    dataset: Annotated[
        Path, typer.Argument(help="a folder (LSP, MPII, or a COCO json) or a COCO json; no images are read")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="JSON file to write")],
) -> None:
    """Means and deviations of the vectors between a person's keypoints, mirrored copies included, as DeeperCut's training has them."""
    source = open_dataset(dataset)
    people = labelled_people(source)
    if not len(people):
        raise InputError(f"{dataset}: nobody is labelled")
    write_statistics(*statistics(people, source.skeleton.flip), source.skeleton, out)
    print(f"{out}: {len(people)} people in {len(source)} images")


def _spec(skeleton: Skeleton) -> ModelSpec:
    """What a network of that skeleton gives: its keypoints, and PAFs of its own limbs."""
    heads = {
        "heatmaps": Head("heatmaps", tuple(range(len(skeleton) + 1))),
        "pafs": Head("pafs", tuple(range(2 * len(skeleton.limbs)))),
    }
    return ModelSpec("view", skeleton, heads, skeleton.limbs)


def _row(scene: Sample, wanted: Targets, spec: ModelSpec) -> list[Any]:
    """One scene four times: people, heatmaps, PAFs (where there are limbs), and the share of channels that the loss leaves out, in red."""
    frame = cell_frame(8)
    left_out = 1 - wanted.mask.mean(0)
    red = np.repeat(np.repeat(left_out, 8, 0), 8, 1)[: scene.image.shape[0], : scene.image.shape[1], None]
    masked = scene.image * (1 - red) + np.array([255, 0, 0]) * red
    fields = [draw_pafs(scene.image, wanted.pafs, frame)] if spec.limbs else []
    heatmaps = draw_heatmaps(scene.image, wanted.heatmaps, spec.skeleton, frame)
    return [draw_people(scene.image, scene.people), heatmaps, *fields, masked.astype(np.uint8)]


@app.command()
def mpii(
    dataset: Annotated[Path, typer.Argument(help="folder of MPII: mpii_human_pose*.mat, and images/")],
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for the cut-outs, images/ and mpii.json")],
    part: Annotated[str, typer.Option(help="train, or test: by the rough places of people")] = "train",
) -> None:
    """Cut out each person of MPII at one scale, as DeeperCut learns and tests it; exit code 3 where a photo was damaged."""
    if part not in ("train", "test"):
        raise UsageError(f"--part {part}: there are train and test")
    source = MpiiDataset(dataset, "train" if part == "train" else "test")
    with counted("mpii") as tell:
        count, troubles = write_crops(source, out, tell=tell)
    print(
        "\n".join([*troubles, f"{out / 'mpii.json'}: {count} people of {len(source)} photos, {len(troubles)} troubles"])
    )
    if troubles:
        sys.exit(InputError.exit_code)
