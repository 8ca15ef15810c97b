"""`limbwise refine`: poses that are there already, in files of any system, made better; and `limbwise evaluate refiner`."""

from __future__ import annotations

import json as json_
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from limbwise.cli import evaluate
from limbwise.cli.flags import flagged
from limbwise.cli.problems import report
from limbwise.cli.progress import counted
from limbwise.data.dataset import Dataset, Subset
from limbwise.data.lsp import LspDataset
from limbwise.errors import InputError, UsageError
from limbwise.estimate.refine import RefineOptions, Refiner
from limbwise.estimate.refine_files import refine_file
from limbwise.evaluate.refiner import evaluate_refiner
from limbwise.files import check_place, whole_file
from limbwise.target.refiner import Corruptions

Model = Annotated[Path, typer.Option(help="the refiner: an .onnx file with its spec beside it")]


def refine(
    predictions: Annotated[
        Path, typer.Argument(help="a folder of poses (PoseTrack, OpenPose, COCO results), or a file")
    ],
    images: Annotated[Path, typer.Option(help="the folder that the names of the pictures begin in")],
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for files of the same names")],
    model: Model,
    options: RefineOptions,
) -> None:
    """Refine the poses in files: each person is looked at again in its picture."""
    paths = [predictions] if predictions.is_file() else sorted(predictions.rglob("*.json"))
    if not paths:
        raise InputError(f"{predictions}: holds no .json files")
    if out.resolve() == (predictions.parent if predictions.is_file() else predictions).resolve():
        raise UsageError(f"--out {out}: would overwrite the poses that are to be refined")
    refiner, problems = Refiner(model, options), []
    for path in paths:
        target = out / (path.name if predictions.is_file() else path.relative_to(predictions))
        try:
            count = refine_file(path, images, target, refiner, options.keep_scores)
        except InputError as error:
            problems.append(error)
            continue
        print(f"{path}: holds no poses, left out" if count is None else f"{target}: {count} people")
    report(problems)


@evaluate.app.command("refiner")
@flagged
def evaluate_one(
    dataset: Annotated[Path, typer.Argument(help="a folder of LSP or LSPE; its last 1,000 images count")],
    model: Model,
    options: RefineOptions,
    share: Annotated[float, typer.Option(help="right is what lies within this share of the torso")] = 0.2,
    seed: Annotated[int, typer.Option(help="of the corruptions")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first images")] = None,
    json: Annotated[Path | None, typer.Option(help="write the numbers to this file")] = None,
) -> None:
    """PCK of corrupted poses before and after a refiner, and of true ones after it."""
    check_place(json)
    source: Dataset = LspDataset(dataset, "val")
    source = source if limit is None else Subset(source, np.arange(min(limit, len(source))))
    with counted("evaluate") as tell:
        result = evaluate_refiner(Refiner(model, options), source, Corruptions(), share, seed, tell)
    columns = {"corrupted": result.corrupted, "refined": result.refined, "true, refined": result.refined_true}
    table = Table("keypoint", *columns, title=f"PCK@{share} on {result.images} people")
    for k, name in enumerate(result.names):
        table.add_row(name, *(f"{numbers.keypoints[k]:.3f}" for numbers in columns.values()))
    table.add_row("all", *(f"{numbers.pck:.4f}" for numbers in columns.values()))
    Console().print(table)
    if json is not None:
        numbers = {
            "corrupted": result.corrupted.pck,
            "refined": result.refined.pck,
            "true_refined": result.refined_true.pck,
        }
        content = {"numbers": numbers, "share": share, "images": result.images, "seed": seed, "options": asdict(options),
                   "corruptions": asdict(Corruptions()), "model": model.name}  # fmt: skip
        with whole_file(json) as part:
            part.write_text(json_.dumps(content, indent=1) + "\n", encoding="utf-8")
