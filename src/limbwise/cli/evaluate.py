"""`limbwise evaluate`: how good a model is, on labelled data."""

from __future__ import annotations

import json as json_
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from limbwise import __version__
from limbwise.cli.flags import flagged
from limbwise.cli.progress import counted
from limbwise.data.dataset import Subset
from limbwise.data.find import open_dataset
from limbwise.data.images import Images, find_images
from limbwise.data.lsp import LspDataset
from limbwise.draw.people import draw_people
from limbwise.draw.sheet import sheet
from limbwise.errors import InputError
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.grouping import DecoderOptions
from limbwise.evaluate.coco import CocoResult, evaluate_coco
from limbwise.evaluate.pck import evaluate_pck
from limbwise.evaluate.posetrack import Mode, as_table, as_tables, evaluate_posetrack
from limbwise.evaluate.reliability import draw_reliability, rightness
from limbwise.evaluate.reliability import reliability as judge_scores
from limbwise.fields import Given
from limbwise.files import check_place, whole_file
from limbwise.media.image import check_image_place, write_image
from limbwise.metric.pck import SHARES, Length, by_joint

app = typer.Typer(help="Measure a model, or predictions, on labelled data.", no_args_is_help=True)


@app.command("coco")
@flagged
def coco(
    labels: Annotated[Path, typer.Argument(help="a COCO keypoint file (JSON)")],
    model: ModelOptions,
    decoding: Given[DecoderOptions],
    images: Annotated[
        Path | None, typer.Option(help="folder of the images (default: images/ beside the labels, or beside them)")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first images")] = None,
    masks: Annotated[
        bool, typer.Option("--masks", help="DeeperCut's published way: seek one person within each labelled mask")
    ] = False,
    json: Annotated[
        Path | None, typer.Option(help="write the numbers with model, options, date and machine to this file")
    ] = None,
    worst: Annotated[
        Path | None, typer.Option(help="write a picture of the worst images to this file: found beside labelled")
    ] = None,
    reliability: Annotated[
        Path | None, typer.Option(help="write a picture to this file: how often people of a score are right")
    ] = None,
) -> None:
    """Average precision and recall of keypoints, as COCO defines them."""
    check_place(json)
    check_image_place(worst)
    check_image_place(reliability)
    folder = _folder(labels, images)
    estimator = Estimator(decode=decoding, **asdict(model))
    with counted("evaluate") as tell:
        within = estimator.find_in_masks if masks else None
        result = evaluate_coco(estimator, estimator.spec.skeleton, labels, folder, limit, tell, within)
    _print(result)
    if json is not None:
        found = {"labels": labels.name, "masks": masks, "images": result.images, "people": result.people,
                 "false_people": result.false_people, "score_error": judge_scores(*rightness(result.judged)).error}  # fmt: skip
        _write(json, estimator, asdict(estimator.decode_options), {**found, **asdict(result.numbers)})
    if worst is not None:
        write_image(worst, _pictures(result, Images(folder)))
    if reliability is not None:
        write_image(reliability, draw_reliability(judge_scores(*rightness(result.judged)), estimator.spec.name))


def _folder(labels: Path, images: Path | None) -> Path:
    """Where the images of a COCO file are."""
    folder = images or find_images(labels)
    if not folder.is_dir() and folder.suffix != ".zip":
        raise InputError(f"{folder}: no such folder of images")
    return folder


@app.command("pck")
@flagged
def pck(
    dataset: Annotated[Path, typer.Argument(help="a folder of LSP or LSPE (its last 1,000), or any labelled data set")],
    model: ModelOptions,
    by: Annotated[
        Length, typer.Option(help="what keypoints are judged by: torso, head (PCKh, MPII), or box of the keypoints")
    ] = "torso",
    share: Annotated[
        float | None, typer.Option(help="right is what lies within this share of it (default: 0.2, of the head 0.5)")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first images")] = None,
    json: Annotated[
        Path | None, typer.Option(help="write the numbers with model, options, date and machine to this file")
    ] = None,
) -> None:
    """Percentage of correct keypoints of labelled people, each found within its known box."""
    check_place(json)
    source = open_dataset(dataset)
    source = LspDataset(dataset, "val") if isinstance(source, LspDataset) else source
    share = SHARES[by] if share is None else share
    source = source if limit is None else Subset(source, range(min(limit, len(source))))
    estimator = Estimator(**asdict(model))
    with counted("evaluate") as tell:
        result = evaluate_pck(estimator.find_one, estimator.spec.skeleton, source, share, tell, by)
    joints = by_joint(result.numbers, result.names)
    table = Table("keypoint", "PCK", "counted", title=f"PCK@{share} of the {by} on {result.images} images")
    for name, value, count in zip(result.names, result.numbers.keypoints, result.numbers.counted, strict=True):
        table.add_row(name, f"{value:.3f}", str(count))
    table.add_row("all", f"{result.numbers.pck:.3f}", str(result.numbers.counted.sum()))
    Console().print(table)
    print("by joint: " + "  ".join(f"{joint} {value:.3f}" for joint, value in joints.items()))
    if json is not None:
        each = dict(zip(result.names, (round(float(v), 4) for v in result.numbers.keypoints), strict=True))
        numbers = {
            "dataset": dataset.name,
            "images": result.images,
            "by": by,
            "share": share,
            "pck": result.numbers.pck,
            "mean_of_keypoints": result.numbers.mean,
            "keypoints": each,
            "joints": {joint: round(value, 4) for joint, value in joints.items()},
        }
        _write(json, estimator, {}, numbers)


@app.command("posetrack")
@flagged
def posetrack(
    gt: Annotated[Path, typer.Option(help="folder of labels, PoseTrack 2017 or 2018, one file a sequence")],
    pred: Annotated[Path, typer.Option(help="folder of predictions, files of the same names")],
    mode: Annotated[Mode, typer.Option(help="poseval: its numbers, quirks and all; strict: without them")] = "poseval",
    json: Annotated[
        Path | None, typer.Option(help="write the numbers of all and of every sequence to this file")
    ] = None,
) -> None:
    """Poses and tracks on PoseTrack: AP, MOTA, MOTP, precision, recall, IDF1 and HOTA of every joint."""
    check_place(json)
    with counted("evaluate") as tell:
        result = evaluate_posetrack(gt, pred, mode, tell)
    columns = {"AP": "ap", "MOTA": "mota", "MOTP": "motp", "precision": "precision", "recall": "recall", "IDF1": "idf1",
               "HOTA": "hota"}  # fmt: skip
    title = f"{result.frames} frames in {len(result.sequences)} sequences, rules: {mode}"
    table, numbers = Table("joint", *columns, title=title), as_table(result.total)
    for name in numbers["ap"]:
        values = [numbers[measure][name] for measure in columns.values()]
        table.add_row(
            name, *("-" if value is None else f"{value:.1f}" for value in values), end_section=name == "head_top"
        )
    Console().print(table)
    if json is not None:
        content = {"numbers": as_tables(result), "mode": mode, "labels": gt.name, "predictions": pred.name}
        with whole_file(json) as part:
            part.write_text(json_.dumps({**content, **_signature()}, indent=1) + "\n", encoding="utf-8")


def _print(result: CocoResult) -> None:
    table = Table(
        "", "AP", "AP50", "AP75", "AP M", "AP L", "AR", title=f"{result.people} people in {result.images} images"
    )
    n = result.numbers
    table.add_row("", *(f"{value:.3f}" for value in (n.ap, n.ap50, n.ap75, n.ap_medium, n.ap_large, n.ar)))
    Console().print(table)
    print(f"{result.false_people} people where nobody is labelled")


def _write(path: Path, estimator: Estimator, decoding: dict[str, Any], numbers: dict[str, Any]) -> None:
    model = {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(estimator.options).items()
    }
    model["model"] = Path(model["model"]).name
    table = {
        "numbers": numbers,
        "model": model,
        "decoding": decoding,
        **_signature(),
    }
    with whole_file(path) as part:
        part.write_text(json_.dumps(table, indent=1) + "\n", encoding="utf-8")


def _signature() -> dict[str, str]:
    """What measured, when and on what."""
    return {
        "limbwise": __version__,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()} {platform.system()}, Python {platform.python_version()}",
    }


def _pictures(result: CocoResult, images: Images, count: int = 12) -> Any:
    """The worst images, as they were judged: found at the left, labelled at the right."""
    pictures, captions = [], []
    for one in result.judged[:count]:
        image = images.load(one.name, one.size)
        pictures += [draw_people(image, one.found), draw_people(image, one.truth)]
        captions += [f"{one.path.name} OKS {one.similarity:.2f}", "labelled"]
    return sheet(pictures, 4, captions)
