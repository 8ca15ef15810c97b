"""People to files and back: OpenPose JSON, COCO, PoseTrack 2017 and 2018, CSV, and the journal of a batch.

A writer is a context manager with one method, `add(record, people)`. Files appear whole or not at all.
"""

from __future__ import annotations

from pathlib import Path

from limbwise.errors import UsageError
from limbwise.files import whole_file
from limbwise.people import People
from limbwise.write.coco import CocoWriter, coco_results, read_coco
from limbwise.write.journal import Journal
from limbwise.write.openpose import OpenPoseWriter, openpose_text, read_openpose
from limbwise.write.posetrack import PoseTrackWriter, read_posetrack, sequence
from limbwise.write.record import Record
from limbwise.write.table import CsvWriter, read_csv
from limbwise.write.writer import JsonList, Writer

__all__ = [
    "FORMATS", "CocoWriter", "CsvWriter", "Journal", "OpenPoseWriter", "PoseTrackWriter", "Record", "Writer",
    "open_writer", "read_coco", "read_csv", "read_openpose", "read_posetrack", "save_people",
]  # fmt: skip

FORMATS = ("openpose", "coco", "csv", "posetrack2017", "posetrack2018")


def open_writer(format: str, out_dir: str | Path) -> Writer:
    """The writer of a format, into its place in a folder of results; "posetrack" is posetrack2018.

    OUT/openpose/..., OUT/coco.json with OUT/coco_images.json, OUT/people.csv, OUT/posetrack2017/<sequence>.json and
    OUT/posetrack2018/<sequence>.json. Raises UsageError that lists the formats.
    """
    out, format = Path(out_dir), _known(format)
    if format == "openpose":
        return OpenPoseWriter(out / "openpose")
    if format == "coco":
        return CocoWriter(out / "coco.json")
    if format == "csv":
        return CsvWriter(out / "people.csv")
    return PoseTrackWriter(out / format, _year(format))


def save_people(people: People, path: str | Path, format: str = "openpose") -> None:
    """Write the people of one image to one file; formats as in `open_writer`. Raises UsageError that lists them."""
    path, format = Path(path), _known(format)
    record = Record(path.stem, path.name, 0, None, None, 0, 0)
    if format == "openpose":
        with whole_file(path) as part:
            part.write_text(openpose_text(people), encoding="utf-8")
    elif format == "coco":
        with JsonList(path) as file:
            for result in coco_results(people, record.image_id):
                file.append(result)
    else:
        one_file: Writer = CsvWriter(path) if format == "csv" else sequence(path, _year(format))
        with one_file as writer:
            writer.add(record, people)


def _year(format: str) -> int:
    return int(format.removeprefix("posetrack"))


def _known(format: str) -> str:
    name = "posetrack2018" if format == "posetrack" else format
    if name not in FORMATS:
        raise UsageError(f"{format!r} is not a format of results; there are {', '.join(FORMATS)}")
    return name
