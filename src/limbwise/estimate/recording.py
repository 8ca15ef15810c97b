"""Recordings: people that other programs wrote, as sequences, and back into files of the same names: OpenPose, COCO, PoseTrack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limbwise.checked import items, only, read_json, table, whole_number
from limbwise.errors import InputError
from limbwise.estimate.outputs import FRAMES_A_VIDEO
from limbwise.files import whole_file
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.write.arrays import finite, given_ids, rounded, triples
from limbwise.write.coco import read_coco
from limbwise.write.openpose import openpose_text, read_openpose
from limbwise.write.posetrack import read_posetrack
from limbwise.write.posetrack2017 import Tracks2017, results_2017
from limbwise.write.posetrack2018 import results_2018

NUMBER = re.compile(r"(\d+)(?:_keypoints)?$")  # of a frame, at the end of a file's stem
Frames = list[tuple[int, int | str]]  # of a sequence: number of the frame, id of the image


@dataclass(frozen=True)
class Recording:
    """One sequence: `name`, people of its frames in the order of time, and the number of each frame; they need not be without gaps."""

    name: str
    people: list[People]
    numbers: list[int]


@dataclass(frozen=True)
class Recorded:
    """A file, or a folder of OpenPose's files: its sequences, the files it is written to, and the function that does it, given the
    folder and the people of all sequences one after the other."""

    sequences: list[Recording]
    names: list[Path]
    write: Callable[[Path, Sequence[People]], None]


def _below(path: Path, base: Path | None) -> Path:
    return path.relative_to(base) if base is not None else Path(path.name)


def read_openpose_files(
    folder: Path,
    stem: str,
    files: list[Path],
    skeleton: Skeleton | None,
    base: Path | None,
    problems: list[InputError],
) -> Recorded:
    """One video's files, in the order of the numbers in their names; those that cannot be read are left out and their errors added to
    `problems`."""
    numbered = {path: int(found[1]) if (found := NUMBER.search(path.stem)) else n for n, path in enumerate(files)}
    read: dict[Path, People] = {}
    for path in sorted(files, key=lambda path: (numbered[path], path)):
        try:
            read[path] = read_openpose(path, skeleton)
        except InputError as problem:
            problems.append(problem)
    people = _one_skeleton(list(read.values()), folder)
    names = [_below(path, base) for path in read]

    def write(out: Path, followed: Sequence[People]) -> None:
        for name, one in zip(names, followed, strict=True):
            with whole_file(out / name) as part:
                part.write_text(openpose_text(one, skeleton=one.skeleton), encoding="utf-8", newline="")

    name = (
        (stem.rstrip("_") or folder.name or "people")
        if base is None
        else _below(folder / (stem.rstrip("_") or "people"), base).as_posix()
    )
    return Recorded([Recording(name, people, [numbered[path] for path in read])], names, write)


def _one_skeleton(people: list[People], where: Path) -> list[People]:
    """Frames without people do not say what their keypoints would be; of the others one must have all that others have, as faces and
    hands may be missing in some. Raises InputError."""
    kinds = {one.skeleton.name: one.skeleton for one in people if len(one)}
    if not kinds:
        return people
    whole = max(kinds.values(), key=len)
    if any(not set(kind.keypoints) <= set(whole.keypoints) for kind in kinds.values()):
        raise InputError(f"{where}: frames of different keypoints ({', '.join(sorted(kinds))}); give --skeleton")
    return [one.as_skeleton(whole) if len(one) else People.empty(whole) for one in people]


def read_coco_file(path: Path, skeleton: Skeleton, base: Path | None) -> Recorded:
    """Results by image; frames and their numbers from `<stem>_images.json` where that lies beside it, else from the image ids."""
    found = read_coco(path, skeleton)
    beside = path.with_name(f"{path.stem}_images.json")
    if beside.exists():
        sequences = _films(beside)
        missing = found.keys() - {key for _, frames in sequences for _, key in frames}
        if missing:
            raise InputError(f"{path}: image_id {min(missing, key=str)} is not in {beside.name}")
    else:
        sequences = [(path.stem, _numbered(list(found)))]
    recordings = []
    for name, frames in sequences:
        frames.sort(key=lambda frame: frame[0])
        people = [found.get(key, People.empty(skeleton)) for _, key in frames]
        recordings.append(Recording(name, people, [number for number, _ in frames]))
    keys = [key for _, frames in sequences for _, key in frames]
    place = _below(path, base)

    def write(out: Path, followed: Sequence[People]) -> None:
        results = [result for key, people in zip(keys, followed, strict=True) for result in _coco_results(people, key)]
        _write_json(out / place, results)

    return Recorded(recordings, [place], write)


def _films(beside: Path) -> list[tuple[str, Frames]]:
    """Videos and all images, with names of their own; the ids tell videos of one file name apart."""
    films: dict[tuple[str, int | None], Frames] = {}
    for n, value in enumerate(items(read_json(beside), str(beside))):
        image = table(value, f"{beside}: [{n}]")
        key, frame = image.get("id"), whole_number(image.get("frame_id"), f"{beside}: [{n}].frame_id")
        if not isinstance(key, (int, str)):
            raise InputError(f"{beside}: [{n}].id: missing")
        film = key // FRAMES_A_VIDEO if isinstance(key, int) else 0
        which = ("images", None) if frame is None else (str(image.get("file_name")), film)
        films.setdefault(which, []).append((n if frame is None else frame, key))
    names = [name for name, _ in films]
    return [(name if names.count(name) == 1 else f"{name}_{n}", frames) for (name, n), frames in films.items()]


def _numbered(keys: list[int | str]) -> Frames:
    """Image ids as frame numbers: numbers as they are, names by the number at their end, or in their order."""
    numbers = [
        key if isinstance(key, int) else int(m[1]) if (m := NUMBER.search(Path(key).stem)) else None for key in keys
    ]
    if None in numbers or len(set(numbers)) < len(numbers):
        return list(enumerate(sorted(keys, key=str)))
    return [(number, key) for number, key in zip(numbers, keys, strict=True) if number is not None]


def _coco_results(people: People, image_id: int | str) -> list[dict[str, Any]]:
    """As write.coco has them, but with the score of each keypoint as other programs put it third; 0 for what was filled in."""
    people = finite(people)
    keypoints = rounded(triples(people, people.scores).reshape(len(people), 3 * len(people.skeleton)), 4)
    ids = np.asarray(people.ids).tolist()
    rows = zip(keypoints, rounded(people.person_scores, 6), ids, strict=True)
    return [
        {"image_id": image_id, "category_id": 1, "keypoints": flat, "score": score, "track_id": i}
        for flat, score, i in rows
    ]  # fmt: skip


def read_posetrack_file(path: Path, content: dict[str, Any], base: Path | None) -> Recorded:
    """A file of either year; frames in the order of their numbers, videos apart. It is written with everything but the people as it was."""
    people = _one_skeleton([one for _, one in read_posetrack(path)], path)
    year_2017 = "annolist" in content
    images = content["annolist"] if year_2017 else content["images"]
    numbers, videos = [], []
    for n, image in enumerate(images):
        field = "imgnum" if year_2017 else "frame_id"
        number = whole_number(image.get(field), f"{path}: [{n}].{field}")
        numbers.append(n if number is None else number)
        videos.append(str(only(image.get("vid_id", ""))))
    if len(set(zip(videos, numbers, strict=True))) < len(numbers):
        raise InputError(f"{path}: {'imgnum' if year_2017 else 'frame_id'}: a frame's number comes twice")
    order = sorted(range(len(people)), key=lambda n: (videos.index(videos[n]), numbers[n]))
    names = dict.fromkeys(videos[n] for n in order)
    recordings = []
    for video in names:
        mine = [n for n in order if videos[n] == video]
        name = path.stem if len(names) == 1 else f"{path.stem}_{video}"
        recordings.append(Recording(name, [people[n] for n in mine], [numbers[n] for n in mine]))
    place = _below(path, base)

    def write(out: Path, followed: Sequence[People]) -> None:
        by_image = dict(zip(order, followed, strict=True))
        if year_2017:
            tracks = Tracks2017(out / place)
            found = [finite(by_image[n]) for n in range(len(images))]
            rects = [results_2017(people, [tracks.number(i) for i in given_ids(people)]) for people in found]
            written = {"annolist": [{**image, "annorect": rect} for image, rect in zip(images, rects, strict=True)]}
        else:
            annotations: list[dict[str, Any]] = []
            for n, image in enumerate(images):
                annotations += results_2018(finite(by_image[n]), image["id"], len(annotations))
            written = {"annotations": annotations}
        _write_json(out / place, {**content, **written})

    return Recorded(recordings, [place], write)


def _write_json(path: Path, content: Any) -> None:
    with whole_file(path) as part:
        part.write_text(json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n", encoding="utf-8")
