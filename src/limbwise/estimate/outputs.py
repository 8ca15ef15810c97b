"""Outputs: where the results of a batch go, so that it can be stopped at any time and gone on with.

OUT/run.json                            what was asked: model, options, sources
OUT/openpose/...                        a file an image or frame, written at once
OUT/drawn/NAME.jpg|.png|.mp4            pictures, written at once
OUT/coco.json, people.csv, posetrack*/  made at the end, from the journal
OUT/timeline/...                        who was there when, made at the end
OUT/failed.json                         what could not be read or drawn, and why; not there where nothing failed
OUT/.journal.jsonl                      people of every frame so far; gone when all is done
OUT/.tracks.json                        how people were followed up to the last images; gone when all is done
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from limbwise.checked import read_json
from limbwise.draw.people import DrawOptions
from limbwise.draw.trails import Trails
from limbwise.errors import InputError, UsageError
from limbwise.estimate.drawn import Drawn
from limbwise.estimate.follow import Note
from limbwise.estimate.maps import Maps, save_maps
from limbwise.estimate.timelines import TimelineWriter
from limbwise.fields import option, read_table
from limbwise.files import whole_file
from limbwise.media.frame import Frame
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.write import OpenPoseWriter, Writer, open_writer
from limbwise.write.journal import Journal
from limbwise.write.openpose import Candidates
from limbwise.write.record import Record
from limbwise.write.writer import write_all


@dataclass(frozen=True)
class OutputOptions:
    """What is written."""

    draw: bool = option(False, "write pictures and videos with the people drawn")
    timeline: bool = option(False, "write a picture of who was there when (with --track)")
    audio: bool = option(False, "keep the sound of videos that are drawn")
    overlay: Literal["none", "heatmaps", "pafs"] = option("none", "maps drawn under the people (pafs: hue = direction)")
    part_candidates: bool = option(False, "write all peaks into the OpenPose files, too")
    save_maps: Path | None = option(None, "folder to keep the network's maps in, for `limbwise decode`")
    overwrite: bool = option(False, "replace the results of an earlier run")
    resume: bool = option(False, "go on with a run that was interrupted")

    def __post_init__(self) -> None:
        if self.overwrite and self.resume:
            raise ValueError("resume: goes on with the results that overwrite removes; leave one of the two out")


class Outputs:
    """The results of one batch; a context manager. The journal stays, for --resume, until `conclude` has made all files.

    `complete`: there is nothing (more) to do.
    """

    def __init__(
        self,
        out: Path,
        options: OutputOptions,
        formats: Sequence[str],
        drawing: DrawOptions,
        asked: dict[str, Any],
        image_rate: float = 25.0,
    ) -> None:
        self.out, self.options, self.formats, self.drawing = out, options, formats, drawing
        self.image_rate = image_rate
        self.complete = options.resume and _is_complete(out, asked)
        self._make_room()
        # What is made of the journal at the end may be another format when a run goes on.
        fingerprint = {**asked, "formats": [name for name in formats if name == "openpose"]}
        self.journal = Journal(out / JOURNAL, fingerprint, resume=options.resume)
        if self.complete:
            self.journal.errors.update(_failed(out))
        with whole_file(out / "run.json") as part:
            part.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        self._openpose = OpenPoseWriter(out / "openpose") if "openpose" in formats else None
        self._drawn = Drawn(out / "drawn", drawing, options.overlay, options.audio) if options.draw else None
        self._notes: list[dict[str, Any]] = []
        self._current: Source | None = None
        self._stack = ExitStack()

    def _make_room(self) -> None:
        """An empty place for the results, or the place of the run that goes on."""
        there = [name for name in RESULTS if (self.out / name).exists()]
        if self.options.overwrite and (self.out / "run.json").exists():
            for name in there:
                _remove(self.out / name)
        elif there and not self.options.resume and not self.options.overwrite:
            raise UsageError(f"{self.out}: holds {there[0]} already; --resume goes on, --overwrite starts anew")
        maps = self.options.save_maps
        if maps is not None and not (self.options.resume or self.options.overwrite) and any(maps.rglob("*.npz")):
            raise UsageError(f"{maps}: holds maps of another run already; name another folder, or --overwrite them")

    def __enter__(self) -> Outputs:
        self._stack.enter_context(self.journal)
        if self._openpose is not None:
            self._stack.enter_context(self._openpose)
        if self._drawn is not None:
            self._stack.enter_context(self._drawn)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._stack.__exit__(kind, *rest)
        if self.complete:
            _note_failed(self.out, self.journal.errors)
            self.journal.path.unlink()
            (self.out / TRACKS).unlink(missing_ok=True)

    def add(
        self,
        source: Source,
        record: Record,
        frame: Frame,
        maps: Maps | None,
        people: People,
        candidates: Candidates | None = None,
        trails: Trails | None = None,
    ) -> None:
        """One frame's people: journal, files of one frame, picture, maps; `candidates`: all peaks, for the OpenPose file; `trails`:
        drawn under the people. `maps` may be missing where they are neither kept nor drawn."""
        self._current = source
        self.journal.add(record, people)
        if self._openpose is not None:
            self._openpose.add(record, people, candidates)
        if self._drawn is not None:
            self._drawn.add(source, frame, maps, people, trails)
        if self.options.save_maps is not None and maps is not None:
            stem = source.name if record.frame is None else f"{source.name}/{record.frame:012d}"
            save_maps(maps, self.options.save_maps / f"{stem}.npz", record)

    def end(self, source: Source, error: InputError | None = None, note: Note | None = None) -> InputError | None:
        """A source is done, or broke off with an error; what came before that is kept. `note`: how people are followed after it.
        Gives the source's error, which may be that it could not be drawn."""
        undrawn = None if self._drawn is None else self._drawn.end(source)
        error = error or undrawn
        self._current = None
        if note is not None:  # two are kept: the journal may not get to know of the last
            self._notes = [*self._notes[-1:], {"after": source.name, **note.to_plain()}]
            with whole_file(self.out / TRACKS) as part:
                part.write_text(json.dumps(self._notes, separators=(",", ":")), encoding="ascii")
        self.journal.finish(source.name, None if error is None else str(error))
        return error

    def note_after(self, source: Source) -> dict[str, Any] | None:
        """How people were followed after an image, as an interrupted run noted it."""
        path = self.out / TRACKS
        notes = read_json(path) if path.exists() else []
        return next((note for note in notes if isinstance(note, dict) and note.get("after") == source.name), None)

    def conclude(self) -> InputError | None:
        """The files that hold everything, in one pass through the journal, which goes on leaving. A source under way ends here; gives
        its error.

        Raises LimbwiseError where one of them cannot be written; then the others are whole, and the journal stays.
        """
        error = None if self._current is None else self.end(self._current)
        writers: list[Writer] = [open_writer(name, self.out) for name in self.formats if name != "openpose"]
        if self.options.timeline:
            writers.append(TimelineWriter(self.out / "timeline", self.image_rate))
        if writers:
            write_all(writers, self.journal.replay())
        self.complete = True
        return error


JOURNAL = ".journal.jsonl"
TRACKS = ".tracks.json"
FAILED = "failed.json"
RESULTS = ("run.json", JOURNAL, TRACKS, FAILED, "openpose", "drawn", "timeline", "coco.json", "coco_images.json", "people.csv",
           "posetrack2017", "posetrack2018")  # fmt: skip


def _is_complete(out: Path, asked: dict[str, Any]) -> bool:
    """Whether an earlier run has done all this: its journal is gone, and it was asked the same. Raises UsageError where it was not."""
    if (out / JOURNAL).exists() or not (out / "run.json").exists():
        return False
    if read_table(out / "run.json") != asked:
        raise UsageError(f"{out}: holds the results of a run with other settings (run.json); --overwrite starts anew")
    return True


def _failed(out: Path) -> dict[str, str]:
    """What failed in a run that is done, by source."""
    return {name: str(error) for name, error in read_table(out / FAILED).items()} if (out / FAILED).exists() else {}


def _note_failed(out: Path, errors: dict[str, str]) -> None:
    """Say beside the results what failed, so that a run that is asked to go on does not forget it."""
    if errors:
        with whole_file(out / FAILED) as part:
            part.write_text(json.dumps(errors, indent=1) + "\n", encoding="utf-8")
    else:
        (out / FAILED).unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def image_ids(sources: Sequence[Source]) -> dict[str, int]:
    """COCO's image id of each source: the number that is its file name where all are images with such names (COCO's own), else 1, 2, ..

    Frames of a video are numbered from the source's id x 10 million upwards.
    """
    numbers = [Path(source.path).stem for source in sources]
    if all(s.kind == "image" for s in sources) and all(n.isdigit() and n.isascii() for n in numbers):
        ids = [int(number) for number in numbers]
        if len(set(ids)) == len(ids):
            return {source.name: number for source, number in zip(sources, ids, strict=True)}
    return {source.name: i + 1 for i, source in enumerate(sources)}


FRAMES_A_VIDEO = 10_000_000


def file_names(sources: Sequence[Source]) -> dict[str, str]:
    """How each source is called in files: as it lies below the folder that was named; below the folder that holds them all where several
    would be called the same."""
    names = {s.name: (PurePosixPath(s.name).parent / (Path(s.path).name or s.path)).as_posix() for s in sources}
    several = Counter(names.values())
    alike = {s.name: os.path.abspath(s.path) for s in sources if several[names[s.name]] > 1 and "://" not in s.path}
    above = os.path.commonpath(alike.values()) if len(alike) > 1 else ""
    return names | {name: Path(path).relative_to(above).as_posix() for name, path in alike.items() if above}


def record_of(source: Source, frame: Frame, number: int, name: str, followed: bool) -> Record:
    """Where a frame's people were found; `number` is the source's image id, `name` how it is called, `followed` whether people have ids
    from frame to frame."""
    height, width = frame.image.shape[:2]
    if source.kind == "image":
        folder = str(Path(source.path).parent) if followed else ""
        return Record(source.name, name, number, None, None, width, height, folder)
    return Record(source.name, name, number * FRAMES_A_VIDEO + frame.index, frame.index, frame.time, width, height)
