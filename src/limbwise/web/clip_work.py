"""The work on one uploaded video: frame after frame into a journal, from which every form of result is made."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from limbwise.errors import LimbwiseError
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.follow import follow
from limbwise.estimate.grouping import group
from limbwise.estimate.maps import Maps
from limbwise.files import whole_file
from limbwise.media.frame import Frame
from limbwise.media.video import VideoReader
from limbwise.people import People
from limbwise.track.tracker import TrackOptions
from limbwise.web.answers import person_list
from limbwise.web.clip import check_length, check_size
from limbwise.web.job import Job
from limbwise.web.options import ServeOptions
from limbwise.write import CocoWriter, CsvWriter, Journal, Record
from limbwise.write.openpose import file_of, openpose_text
from limbwise.write.writer import JsonList

ClipFormat = Literal["limbwise", "openpose", "coco", "csv"]
JOURNAL = "journal.jsonl"
NAMES = {"limbwise": "people.json", "openpose": "openpose.zip", "coco": "coco.json", "csv": "people.csv"}


class Stopped(Exception):
    """The job was cancelled."""


def work(job: Job, estimator: Estimator, options: ServeOptions) -> None:
    """Find the people of every frame, note them in the job's journal, and count in `job.frames`.

    Raises Stopped when the job is cancelled, InputError where the video is damaged, Refusal where it is longer than its header said.
    """
    with (
        VideoReader(job.clip) as reader,
        closing(estimator.watch(_bounded(reader, job, options))) as watched,
        Journal(job.folder / JOURNAL, {}) as journal,
    ):
        job.total = reader.frame_count
        for frame, people in _found(watched, estimator, job):
            height, width = frame.image.shape[:2]
            journal.add(Record("clip", "clip", frame.index, frame.index, frame.time, width, height), people)
            job.frames += 1
        journal.finish("clip")
    job.total = job.frames


def _bounded(frames: Iterator[Frame], job: Job, options: ServeOptions) -> Iterator[Frame]:
    """The frames, as long as they keep to the limits and nobody cancels."""
    end = time.monotonic() + options.job_seconds
    for frame in frames:
        if job.cancelled.is_set():
            raise Stopped
        if time.monotonic() > end:
            raise LimbwiseError(f"clip: took more than the {options.job_seconds:g} s allowed")
        check_size(frame.image.shape[1], frame.image.shape[0], options)
        check_length(frame.index + 1, frame.time, options)
        yield frame


def _found(watched: Iterator[tuple[Frame, Maps]], estimator: Estimator, job: Job) -> Iterator[tuple[Frame, People]]:
    """Each frame with the people in its maps, followed where the client wants that."""
    options, threshold = job.ask.decoder(estimator)
    found = (
        (frame, estimator.complete(frame.image, group(maps, options, threshold, estimator.terms)))
        for frame, maps in watched
    )
    if not job.track:
        return found
    return follow(((frame, people, frame.time) for frame, people in found), TrackOptions())


def result(job: Job, format: ClipFormat) -> Path:
    """The file of a done job's people in a form; made when it is asked for first."""
    path = job.folder / NAMES[format]
    with job.writing:
        if not path.exists():
            _write(Journal(job.folder / JOURNAL, {}, resume=True), path, format)
    return path


def _write(journal: Journal, path: Path, format: ClipFormat) -> None:
    with journal:
        if format == "openpose":
            _write_zip(journal, path)
        elif format == "limbwise":
            _write_frames(journal, path)
        else:
            with CocoWriter(path) if format == "coco" else CsvWriter(path) as writer:
                for record, people in journal.replay():
                    writer.add(record, people)


def _write_frames(journal: Journal, path: Path) -> None:
    """The server's own form: the size of the pictures as they are stored, and the people of each."""
    width, height = next((record.width, record.height) for record, _ in journal.replay())
    with JsonList(path, f'{{"width":{width},"height":{height},"frames":[', "]}") as frames:
        for record, people in journal.replay():
            frames.append({"frame": record.frame, "time": record.time, "people": person_list(people)})


def _write_zip(journal: Journal, path: Path) -> None:
    """OpenPose's files, one a frame."""
    with whole_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for record, people in journal.replay():
            archive.writestr(file_of(record).name, openpose_text(people))
