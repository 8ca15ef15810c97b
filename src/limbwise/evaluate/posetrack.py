"""Folders of PoseTrack files, labelled and predicted, to PoseTrack's numbers: of every sequence and of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from limbwise.data.posetrack import files
from limbwise.data.posetrack_frame import JOINTS
from limbwise.errors import InputError
from limbwise.evaluate.posetrack_frames import judged_frames
from limbwise.metric.posetrack import POSEVAL, STRICT, JointCounts, PoseTrackNumbers, count, numbers
from limbwise.skeletons import POSETRACK_15

Mode = Literal["poseval", "strict"]
RULES = {"poseval": POSEVAL, "strict": STRICT}
NAMES = (*POSETRACK_15.keypoints, "total")


@dataclass(frozen=True)
class PoseTrackResult:
    """`total` over all sequences and `sequences` by name, each with a number for each of NAMES; `frames` that were judged."""

    total: PoseTrackNumbers
    sequences: dict[str, PoseTrackNumbers]
    frames: int


def evaluate_posetrack(
    truth: str | Path, found: str | Path, mode: Mode = "poseval", tell: Callable[[], None] = lambda: None
) -> PoseTrackResult:
    """Judge the predictions in a folder against the labels in another, files of either year and of the same names.

    `mode`: the rules, see metric.posetrack. Either may be one file. `tell` is called after each sequence. Raises InputError that
    names the file and what is wrong with it; a labelled sequence without predictions is that too.
    """
    counts = [JointCounts() for _ in range(JOINTS)]
    sequences, frames = {}, 0
    for labels in files(truth):
        judged = judged_frames(labels, _beside(labels, truth, found), mode == "strict")
        own = count(judged, JOINTS, RULES[mode])
        sequences[labels.stem] = numbers(own, RULES[mode])
        counts = [a + b for a, b in zip(counts, own, strict=True)]
        frames += len(judged)
        tell()
    return PoseTrackResult(numbers(counts, RULES[mode]), sequences, frames)


def _beside(labels: Path, truth: str | Path, found: str | Path) -> Path:
    """The predictions for a file of labels."""
    found = Path(found)
    path = found if Path(truth).is_file() and found.is_file() else found / labels.name
    if not path.is_file():
        raise InputError(f"{path}: no predictions for the labelled sequence {labels.stem}")
    return path


def as_table(numbers: PoseTrackNumbers) -> dict[str, dict[str, float | None]]:
    """{measure: {joint or total: percent}}, None where there is no number."""
    return {
        measure: {name: None if np.isnan(value) else float(value) for name, value in zip(NAMES, values, strict=True)}
        for measure, values in vars(numbers).items()
    }


def as_tables(result: PoseTrackResult) -> dict[str, Any]:
    """The result as plain tables, for JSON."""
    sequences = {name: as_table(own) for name, own in result.sequences.items()}
    return {"frames": result.frames, "total": as_table(result.total), "sequences": sequences}
