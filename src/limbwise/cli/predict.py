"""`limbwise predict`: images, folders, videos and cameras to people."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from limbwise import __version__
from limbwise.cli.live import Live
from limbwise.cli.problems import report
from limbwise.cli.progress import Progress
from limbwise.draw.people import DrawOptions
from limbwise.errors import InputError, UsageError
from limbwise.estimate.batch import count_frames, look_here, run_batch
from limbwise.estimate.cluster import Cluster
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.frames import Cut
from limbwise.estimate.grouping import DecoderOptions
from limbwise.estimate.machines import ClusterOptions
from limbwise.estimate.outputs import RESULTS, OutputOptions, Outputs
from limbwise.estimate.refine import Refiner
from limbwise.estimate.step import Step
from limbwise.estimate.wholebody import PartOptions, WholeBody, open_estimator
from limbwise.estimate.worker import Setup
from limbwise.estimate.zoo import sha256
from limbwise.fields import Given
from limbwise.media.sources import Source, find_sources
from limbwise.track.tracker import TrackOptions
from limbwise.write import FORMATS


def predict(
    source: Annotated[list[str], typer.Argument(help="images, folders, globs, videos, camera numbers or URLs")],
    model: ModelOptions,
    parts: PartOptions,
    cut: Cut,
    keep: OutputOptions,
    drawing: DrawOptions,
    decoding: Given[DecoderOptions],
    tracking: TrackOptions,
    many: ClusterOptions,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="folder for the results")] = None,
    json: Annotated[str, typer.Option(help=f"formats, with commas between: {', '.join(FORMATS)}")] = "openpose",
    refine: Annotated[
        Path | None, typer.Option(help="a refiner (.onnx): each person is looked at again; see `limbwise refine`")
    ] = None,
    track: Annotated[
        bool, typer.Option("--track", help="follow people: ids that stay, gaps filled, no jitter")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="a live window: q quits, Tab shows the times of the stages")
    ] = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="no progress bar")] = False,
) -> None:
    """Find the people in images, folders, videos or a camera, and write them to files."""
    if out is None and not show:
        raise UsageError("predict: nowhere to put the people; give -o FOLDER or --show")
    if keep.timeline and not track:
        raise UsageError("--timeline: shows who was there when, for which people must be followed; add --track")
    if show and many.cluster is not None:
        raise UsageError("--show: a live window is fed by this machine; leave --cluster out")
    sources, problems = find_sources(source)
    sources = [s for s in sources if out is None or not _inside(s, out)]
    if not sources:
        raise problems[0] if problems else InputError(f"{source[0]}: holds nothing but results of an earlier run")
    estimator = _open(model, parts, decoding, keep)
    refiner = None if refine is None else Refiner(refine, engine=model.engine, run=model.run)
    estimator.refiner = refiner
    hashes = {} if out is None else _hashes(estimator, refiner)
    with ExitStack() as stack:
        outputs = None
        if out is not None:
            formats = _formats(json)
            asked = _asked(
                estimator,
                sources,
                {"formats": formats, "refine": refine, "sha256": hashes},
                cut,
                keep,
                drawing,
                estimator.decode_options,
                parts,
                *([tracking] if track else []),
            )
            outputs = stack.enter_context(Outputs(out, keep, formats, drawing, asked, tracking.image_rate))
        live = stack.enter_context(Live(drawing)) if show else None
        progress = stack.enter_context(Progress(not no_progress, count_frames(sources, cut)))
        look = look_here(estimator)
        if many.cluster is not None and not (outputs is not None and outputs.complete):
            setup = Setup(model, hashes["model"], parts, dict(decoding), refine)
            look = stack.enter_context(Cluster(many, setup)).look
        steps = run_batch(look, sources, cut, outputs, tracking if track else None, drawing.trail)
        watching = sources[-1].kind == "camera"
        if outputs is not None:
            problems += [InputError(error) for error in outputs.journal.errors.values()]
        try:
            problems += _follow(steps, live, progress, outputs if show or watching else None)
        except KeyboardInterrupt:
            print("limbwise: stopped; the same command with --resume goes on", file=sys.stderr)
            sys.exit(130)
    report(problems, f"{len(problems)} of {max(len(sources), len(problems))} inputs failed, as said above")


def _open(model: ModelOptions, parts: PartOptions, decoding: Given[DecoderOptions], keep: OutputOptions) -> Estimator:
    """The estimator; says which parts of a whole body no network was given for."""
    if parts.part is not None and keep.part_candidates:
        raise UsageError("--part-candidates: are the peaks of bodies; --part seeks none")
    estimator = open_estimator(model, parts, decode=decoding)
    if isinstance(estimator, WholeBody):
        for name in estimator.missing:
            print(
                f"limbwise: no {name} network is given (--{name} FILE); these keypoints stay missing", file=sys.stderr
            )
    return estimator


def _follow(steps: Iterator[Step], live: Live | None, progress: Progress, outputs: Outputs | None) -> list[InputError]:
    """Run the steps to their end, or until the window is closed; gives what failed.

    Somebody who watches ends the run by closing the window or by Ctrl-C: then `outputs` gets what there is until now. A batch
    without watchers that is interrupted keeps its journal instead, for --resume.
    """
    problems: list[InputError] = []
    try:
        for step in steps:
            if step.error is not None:
                problems.append(step.error)
                progress.say(str(step.error))
            progress.advance(step)
            if live is not None and not live.show(step):
                break
        else:
            return problems
    except KeyboardInterrupt:
        if outputs is None:
            raise
    if outputs is not None and (error := outputs.conclude()) is not None:
        problems.append(error)
    return problems


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names and text:
        raise UsageError(f"--json: {text!r} names no format; there are {', '.join(FORMATS)}")
    names = tuple("posetrack2018" if name == "posetrack" else name for name in names)
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"--json: {name!r} is unknown; there are {', '.join(FORMATS)}")
    return names


def _inside(source: Source, out: Path) -> bool:
    """Whether a file is a result of an earlier run, found because the output folder lies in the input folder."""
    path, out = Path(source.path).resolve(), out.resolve()
    return source.kind != "camera" and any(path.is_relative_to(out / name) for name in RESULTS)


def _hashes(estimator: Estimator, refiner: Refiner | None) -> dict[str, str]:
    """The hash of each weights file, and of what was read beside it: one that was made again under its old name finds other people."""
    networks: dict[str, Estimator | Refiner | None] = {"model": estimator, "refine": refiner}
    if isinstance(estimator, WholeBody):
        networks |= {"face": estimator.face, "hand": estimator.hand}
    given = {name: network for name, network in networks.items() if network is not None}
    files = {name: sha256(network.path) for name, network in given.items()}
    specs = {f"spec of {name}": _digest(asdict(network.spec)) for name, network in given.items()}
    terms = {} if estimator.terms is None else {"pairwise terms": _digest(asdict(estimator.terms))}
    return files | specs | terms


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(dumps(_plain(value), sort_keys=True).encode()).hexdigest()


def _asked(estimator: Estimator, sources: list[Source], more: dict[str, Any], *options: Any) -> dict[str, Any]:
    """What this run was asked to do: kept beside the results, and compared when it is resumed."""
    kept = {type(o).__name__: {k: v for k, v in asdict(o).items() if k not in {"resume", "overwrite"}} for o in options}
    asked = {
        "limbwise": __version__,
        "model": asdict(estimator.options),
        **more,
        **kept,
        "sources": {s.name: os.path.abspath(s.path) if "://" not in s.path else s.kind for s in sources},
    }
    plain: dict[str, Any] = _plain(asked)
    return plain


def _plain(value: Any) -> Any:
    """As JSON would give it back."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
