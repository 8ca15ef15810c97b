"""PoseTrack annotations of both years, as labels and as what is to be judged; and turning one year's form into the other's."""

from __future__ import annotations

import json
from pathlib import Path

from limbwise.checked import read_json, table
from limbwise.data.posetrack2017 import frames_2017, table_2017
from limbwise.data.posetrack2018 import frames_2018, table_2018
from limbwise.data.posetrack_frame import LabelledFrame
from limbwise.errors import InputError, UsageError
from limbwise.files import whole_file


def read_frames(path: str | Path) -> tuple[int, list[LabelledFrame]]:
    """The year of a PoseTrack file (2017 or 2018) and its frames in their order there.

    Raises InputError that names the file and the field.
    """
    content = table(read_json(path), str(path))
    if "annolist" in content:
        return 2017, frames_2017(content, str(path))
    if "images" in content:
        return 2018, frames_2018(content, str(path))
    raise InputError(f"{path}: neither annolist (PoseTrack 2017) nor images (2018) is there")


def write_frames(path: str | Path, frames: list[LabelledFrame], year: int) -> None:
    """Frames as a PoseTrack file of 2017 or 2018."""
    content = table_2017(frames) if year == 2017 else table_2018(frames)
    with whole_file(path) as part:
        part.write_text(json.dumps(content), encoding="utf-8")


def convert(source: str | Path, target: str | Path, year: int | None = None) -> int:
    """Write a file of one year in the form of `year`, or of the other year; gives the year written.

    Track ids, scores, visibility, head boxes and regions to ignore stay; the ears of 2018 have no place in 2017. Raises UsageError for
    another year, InputError that names the file and the field.
    """
    if year not in (None, 2017, 2018):
        raise UsageError(f"PoseTrack {year}: only 2017 and 2018 are formats")
    own, frames = read_frames(source)
    wanted = year or (2018 if own == 2017 else 2017)
    write_frames(target, frames, wanted)
    return wanted


def files(where: str | Path) -> list[Path]:
    """The .json files of a folder, sorted, or the one file; raises InputError where there is none."""
    where = Path(where)
    if where.is_file():
        return [where]
    if not where.is_dir():
        raise InputError(f"{where}: no such folder or file")
    found = sorted(where.glob("*.json"))
    if not found:
        raise InputError(f"{where}: holds no .json files")
    return found
