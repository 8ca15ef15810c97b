"""`limbwise track`: people in files that other programs wrote are followed; files of the same names and format come out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from limbwise.checked import read_json
from limbwise.cli.problems import report
from limbwise.draw.timeline import Presence, draw_timeline
from limbwise.errors import InputError, UsageError
from limbwise.estimate.follow import Follower, Note
from limbwise.estimate.recorded import read_recorded
from limbwise.estimate.recording import Recorded, Recording
from limbwise.files import whole_file
from limbwise.media.image import write_image
from limbwise.people import People
from limbwise.skeletons import find_skeleton, of_the_house
from limbwise.track.tracker import TrackOptions


def track(
    files: Annotated[
        list[Path],
        typer.Argument(help="folders of OpenPose's files, COCO results, PoseTrack files, or folders of these"),
    ],
    tracking: TrackOptions,
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for the results")],
    skeleton: Annotated[
        str | None, typer.Option(help="what the keypoints are: a name, or a TOML file (default: told from the files)")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="file that keeps the tracks: read where it exists, written at the end")
    ] = None,
    timeline: Annotated[bool, typer.Option("--timeline", help="write a picture of who was there when")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files that are there")] = False,
) -> None:
    """Follow the people in files that other programs wrote."""
    recorded, problems = read_recorded(files, find_skeleton(skeleton) if skeleton else None, out)
    sequences = [sequence for one in recorded for sequence in one.sequences]
    if state is not None and len(sequences) != 1:
        raise UsageError(f"--state: keeps the tracks of one sequence, and these are {len(sequences)}")
    _check_room(recorded, out, overwrite)
    before = read_json(state) if state is not None and state.exists() else None
    for one in recorded:
        followed: list[People] = []
        for sequence in one.sequences:
            people, note = follow_recording(sequence, tracking, before, str(state))
            followed += people
            if timeline:
                _write_timeline(sequence, people, tracking.image_rate, out / "timeline" / f"{sequence.name}.png")
        one.write(out, followed)
    if state is not None and note is not None and (before is not None or _somebody(sequences[0])):
        with whole_file(state) as part:
            part.write_text(json.dumps(note.to_plain(), separators=(",", ":")) + "\n", encoding="ascii")
    report(problems, f"{len(problems)} of the inputs failed, as said above")


def follow_recording(
    sequence: Recording, options: TrackOptions, before: Any, where: str
) -> tuple[list[People], Note | None]:
    """The people of a sequence with ids, and what it takes to go on; `before`: that of an earlier run, read from the file `where`.

    Frames whose numbers begin again follow the earlier run's last one at once.
    """
    if before is not None and not _somebody(sequence):
        sequence = _as_before(sequence, before)
    note = _note(before, sequence, where)
    follower = Follower(options, note)
    times = [number / options.image_rate for number in sequence.numbers]
    if note is not None and times and times[0] <= note.time:
        times = [time - times[0] + note.time + 1 / options.image_rate for time in times]
    people = [one for time, found in zip(times, sequence.people, strict=True) for _, one in follower.push(found, time)]
    return [*people, *(one for _, one in follower.flush())], follower.note


def _somebody(sequence: Recording) -> bool:
    """Whether there is anybody in it; frames without people do not say what their keypoints would be."""
    return any(len(people) for people in sequence.people)


def _as_before(sequence: Recording, before: Any) -> Recording:
    """A sequence without people, of the keypoints that an earlier run kept."""
    tracks = before.get("tracks") if isinstance(before, dict) else None
    names = tracks.get("keypoints") if isinstance(tracks, dict) else None
    known = of_the_house(tuple(names)) if isinstance(names, list) else None
    return sequence if known is None else replace(sequence, people=[People.empty(known)] * len(sequence.people))


def _note(before: Any, sequence: Recording, where: str) -> Note | None:
    if before is None or not sequence.people:
        return None
    try:
        return Note.from_plain(before, sequence.people[0].skeleton)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _check_room(recorded: list[Recorded], out: Path, overwrite: bool) -> None:
    """No file is overwritten unasked, and never two of the same name."""
    names = [name for one in recorded for name in one.names]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise UsageError(f"{twice}: comes from two folders; follow them one by one, or give the folder above both")
    there = next((out / name for name in names if (out / name).exists()), None)
    if there is not None and not overwrite:
        raise UsageError(f"{there}: is there already; --overwrite replaces it")


def _write_timeline(sequence: Recording, people: list[People], rate: float, path: Path) -> None:
    presence = Presence()
    for number, one in zip(sequence.numbers, people, strict=True):
        presence.add(one, (number - sequence.numbers[0]) / rate)
    write_image(path, draw_timeline(presence))
