"""OpenPose's JSON, version 1.3: one file an image or frame, as OpenPose's own writer makes it (fileStream.cpp), with real ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from limbwise.checked import items, points, read_json, table, whole_number
from limbwise.errors import InputError
from limbwise.files import whole_file
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import (
    BODY_25,
    COCO_17,
    FACE_70,
    LEFT_HAND_21,
    MPI_15,
    MPII_16,
    OPENPOSE_18,
    OPENPOSE_130,
    OPENPOSE_137,
    RIGHT_HAND_21,
)
from limbwise.write.arrays import filed_as, finite, gathered, is_body, triples
from limbwise.write.record import Record

Candidates = Sequence[npt.NDArray[np.float32]]

# Key in the file, part of our skeletons, points; in the file's order.
_PARTS = (
    ("pose_keypoints_2d", "body", None),
    ("face_keypoints_2d", "face", 70),
    ("hand_left_keypoints_2d", "left_hand", 21),
    ("hand_right_keypoints_2d", "right_hand", 21),
)
_THREE_D = ",".join(f'"{key.replace("2d", "3d")}":[]' for key, _, _ in _PARTS)
_OWN = (OPENPOSE_18, BODY_25, MPI_15, OPENPOSE_130, OPENPOSE_137)  # orders that OpenPose itself writes
_ALONE: dict[tuple[int, ...], Skeleton] = {
    (0, 70, 0, 0): FACE_70,
    (0, 0, 21, 0): LEFT_HAND_21,
    (0, 0, 0, 21): RIGHT_HAND_21,
}
_BY_LENGTH = {len(s): s for s in (MPI_15, MPII_16, COCO_17, OPENPOSE_18, BODY_25, OPENPOSE_130, OPENPOSE_137)}


class OpenPoseWriter:
    """A folder of OpenPose files.

    An image's is `<folder>/<name>_keypoints.json`, a frame's `<folder>/<video>_json/<video>_000000000012_keypoints.json`. Each is
    written on its own and is whole or not there. Raises LimbwiseError where the disk says no.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def add(self, record: Record, people: People, part_candidates: Candidates | None = None) -> None:
        """Write the file of one image or frame; `part_candidates` as in `openpose_text`."""
        with whole_file(self.folder / file_of(record)) as part:
            part.write_text(openpose_text(people, part_candidates), encoding="utf-8", newline="")


def file_of(record: Record) -> Path:
    """Where OpenPose puts the file of an image or a frame (12 digits, zero-based), inside the output folder."""
    if record.frame is None:
        return Path(f"{record.name}_keypoints.json")
    return Path(f"{record.name}_json") / f"{Path(record.name).name}_{record.frame:012d}_keypoints.json"


def written_skeleton(skeleton: Skeleton) -> Skeleton:
    """In which order people go to an OpenPose file.

    OpenPose's own orders (18, 25, MPI's 15, with face and hands 130 and 137) as they are; other bodies as OPENPOSE_18, or
    BODY_25 where they have feet, with the neck in the middle of the shoulders; keypoints that no table knows (one's own
    skeleton, a hand) in their own order.
    """
    if skeleton in _OWN or not is_body(skeleton):
        return skeleton
    return BODY_25 if "left_heel" in skeleton.keypoints or "left_big_toe" in skeleton.keypoints else OPENPOSE_18


def openpose_text(people: People, part_candidates: Candidates | None = None, skeleton: Skeleton | None = None) -> str:
    """The content of one file: one line, nine keys a person, 6 significant digits like a C++ stream's.

    `part_candidates`: for each keypoint of the people's skeleton (n, 3) x, y, score of every peak; written only when given.
    `skeleton`: the order in the file (default: see `written_skeleton`).
    """
    source, skeleton = people.skeleton, skeleton or written_skeleton(people.skeleton)
    people = filed_as(people, skeleton) if skeleton != source else finite(people)
    ids = [-1] * len(people) if people.ids is None else people.ids.tolist()
    found = triples(people, people.scores)
    persons = ",".join(_person(number, triple, skeleton) for number, triple in zip(ids, found, strict=True))
    candidates = "" if part_candidates is None else _candidates(part_candidates, skeleton.map_from(source))
    return f'{{"version":1.3,"people":[{persons}]{candidates}}}'


def _person(number: int, triple: npt.NDArray[np.float32], skeleton: Skeleton) -> str:
    """One person's object; `triple` (K, 3) in the order of `skeleton`."""
    parts = skeleton.parts
    if not any(part in parts for _, part, _ in _PARTS):
        parts = {"body": (0, len(skeleton))}
    keys = [f'"{key}":[{_digits(triple[slice(*parts.get(part, (0, 0)))])}]' for key, part, _ in _PARTS]
    return f'{{"person_id":[{number}],{",".join(keys)},{_THREE_D}}}'


def _candidates(candidates: Candidates, order: npt.NDArray[np.intp]) -> str:
    """The list of one object that holds every peak, by keypoint."""
    rows = [np.asarray(candidates[k]) if k >= 0 else np.zeros((0, 3)) for k in order]
    peaks = ",".join(f'"{k}":[{_digits(row[np.isfinite(row).all(1)])}]' for k, row in enumerate(rows))
    return f',"part_candidates":[{{{peaks}}}]'


def _digits(values: npt.NDArray[np.floating[Any]]) -> str:
    return ",".join(f"{value:g}" for value in values.ravel().tolist())


def read_openpose(path: str | Path, skeleton: Skeleton | None = None) -> People:
    """The people of an OpenPose file, of OpenPose itself or of its many relatives.

    Which keypoints they are is told from their number: 15 (MPI), 16 (MPII), 17 (COCO), 18, 25, 130, 137; 18 and 25 with a face or
    hands are OPENPOSE_130 and OPENPOSE_137. `skeleton` names them where it has as
    many keypoints; otherwise the people are converted to it. A person that is `{}` is absent and left out. Score 0, null, NaN:
    missing. Versions, missing keys, `person_id` as a number or list and the names of version 1.0 are accepted.
    Raises InputError that names the file and the field.
    """
    persons = items(table(read_json(path), str(path)).get("people"), f"{path}: people")
    found: list[list[npt.NDArray[np.float64]]] = []
    ids: list[int | None] = []
    for i, value in enumerate(persons):
        where = f"{path}: people[{i}]"
        person = table(value, where)
        parts = [_points(_part(person, key), f"{where}.{key}") for key, _, _ in _PARTS]
        if any(len(part) for part in parts):
            found.append(parts)
            ids.append(whole_number(person.get("person_id"), f"{where}.person_id"))
    if not found:
        return People.empty(skeleton or OPENPOSE_18)
    return _named(found, ids, skeleton, str(path))


def _part(person: dict[str, Any], key: str) -> Any:
    return person.get(key, person.get(key.removesuffix("_2d"), []))


def _points(value: Any, where: str) -> npt.NDArray[np.float64]:
    """(K, 3) of a part; none where others write null, or fewer than three numbers for nothing."""
    return points([] if value is None or (isinstance(value, list) and len(value) < 3) else value, where)


def _named(
    found: list[list[npt.NDArray[np.float64]]], ids: list[int | None], skeleton: Skeleton | None, path: str
) -> People:
    """People of the skeleton that has as many keypoints as were found."""
    sizes = [max(len(person[part]) for person in found) for part in range(len(_PARTS))]
    for i, person in enumerate(found):
        for (key, _, count), part, size in zip(_PARTS, person, sizes, strict=True):
            if len(part) not in (0, size) or size not in (0, count or size):
                raise InputError(f"{path}: person {i}: {key}: {count or size} keypoints are expected, not {len(part)}")
    blocks = _blocks(sizes)
    total = sum(size for _, size in blocks)
    alone = _ALONE.get(tuple(sizes))
    own = skeleton if skeleton and len(skeleton) == total else alone or _BY_LENGTH.get(total)
    if own is None:
        known = ", ".join(str(length) for length in _BY_LENGTH)
        raise InputError(f"{path}: pose_keypoints_2d: {total} keypoints are not one of {known}; give their skeleton")
    missing = np.array([np.nan, np.nan, 0])
    rows = [
        np.concatenate([person[k] if len(person[k]) else np.tile(missing, (size, 1)) for k, size in blocks])
        for person in found
    ]
    people = gathered(own, [(row, None, i) for row, i in zip(rows, ids, strict=True)])
    return people if skeleton is None else people.as_skeleton(skeleton)


def _blocks(sizes: list[int]) -> list[tuple[int, int]]:
    """(part, points) that make up the skeleton: all four for 18 or 25 points with a face or hands, else the body, else the face."""
    if sizes[0] in (len(OPENPOSE_18), len(BODY_25)) and any(sizes[1:]):
        return [(k, count or sizes[0]) for k, (_, _, count) in enumerate(_PARTS)]
    return [(0, sizes[0])] if sizes[0] else [(k, size) for k, size in enumerate(sizes) if size][:1]
