"""PoseTrack's form of 2017, which poseval takes: every scalar a list of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from limbwise.checked import items, number, only, optional, table, whole_number
from limbwise.errors import InputError, LimbwiseError
from limbwise.people import People
from limbwise.skeletons import POSETRACK_15
from limbwise.write.arrays import Row, filed_as, gathered, given_ids, shortest
from limbwise.write.record import Record
from limbwise.write.writer import JsonList

MAX_TRACKS = 1000  # poseval takes ids 0 to 999


class Tracks2017:
    """The numbers of tracks in the file `path`: ids stay as they are from 0 to 999, others get free numbers in that range."""

    def __init__(self, path: Path) -> None:
        self._path, self._given = path, dict[int, int]()
        self._free = list(range(MAX_TRACKS))

    def number(self, track: int) -> int:
        """A track's own number while that is free, else the highest free one; raises LimbwiseError past 1000 tracks."""
        if track not in self._given:
            if not self._free:
                raise self.too_many()
            own = track if track in self._free else self._free[-1]
            self._free.remove(own)
            self._given[track] = own
        return self._given[track]

    def too_many(self) -> LimbwiseError:
        """What there is to say past 1000 tracks."""
        return LimbwiseError(
            f"{self._path}: PoseTrack 2017 has room for {MAX_TRACKS} tracks a sequence; write 2018's form"
        )


class Sequence2017(JsonList):
    """One sequence in the form of 2017: {"annolist": [...]}, every scalar a list of one.

    Raises LimbwiseError past 1000 tracks.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, '{"annolist":[', "]}")
        self._tracks = Tracks2017(self.path)

    def add(self, record: Record, people: People) -> None:
        people = filed_as(people, POSETRACK_15)
        tracks = [i if people.ids is None else self._tracks.number(i) for i in given_ids(people)]
        if len(tracks) > MAX_TRACKS:
            raise self._tracks.too_many()
        position = self.count if record.frame is None else record.frame
        image = {"image": [{"name": record.file_name}], "imgnum": [position + 1]}
        self.append({**image, "annorect": results_2017(people, tracks)})


def results_2017(people: People, track_ids: list[int]) -> list[dict[str, Any]]:
    """The people of an image in the form of 2017; x1 to y2 is the box around the keypoints."""
    boxes = shortest(np.nan_to_num(people.boxes_xyxy))
    columns = zip(shortest(people.xy), shortest(people.scores), shortest(people.person_scores), boxes, strict=True)
    return [
        {**{corner: [side] for corner, side in zip(("x1", "y1", "x2", "y2"), box, strict=True)}, "score": [score],
         "track_id": [track], "annopoints": [{"point": _points(xy, scores)}]}
        for track, (xy, scores, score, box) in zip(track_ids, columns, strict=True)
    ]  # fmt: skip


def _points(xy: list[list[float | None]], scores: list[float]) -> list[dict[str, list[float | None]]]:
    return [
        {"id": [k], "x": [x], "y": [y], "score": [score]}
        for k, ((x, y), score) in enumerate(zip(xy, scores, strict=True))
        if x is not None
    ]


def read_2017(content: dict[str, Any], path: str) -> list[tuple[str, People]]:
    """(file name, people) of every image of a file's content; raises InputError that names the field."""
    images = items(content["annolist"], f"{path}: annolist")
    return [_image(value, f"{path}: annolist[{i}]") for i, value in enumerate(images)]


def _image(value: Any, where: str) -> tuple[str, People]:
    image = table(value, where)
    name = table(only(image.get("image")), f"{where}.image").get("name")
    rects = image.get("annorect", [])
    rects = [rects] if isinstance(rects, dict) else items(rects, f"{where}.annorect")
    people = [_rect(table(rect, f"{where}.annorect[{i}]"), f"{where}.annorect[{i}]") for i, rect in enumerate(rects)]
    return str(only(name)), gathered(POSETRACK_15, people)


def _rect(rect: dict[str, Any], where: str) -> Row:
    """Keypoints (15, 3), score and id of one person of 2017."""
    keypoints = np.full((len(POSETRACK_15), 3), (np.nan, np.nan, 0))
    listed = only(rect.get("annopoints", []))
    listed = listed.get("point", []) if isinstance(listed, dict) else listed
    for i, value in enumerate([listed] if isinstance(listed, dict) else items(listed, f"{where}.annopoints")):
        here = f"{where}.annopoints.point[{i}]"
        point = table(value, here)
        k = whole_number(point.get("id"), f"{here}.id")
        if k is None or not 0 <= k < len(keypoints):
            raise InputError(f"{here}.id: {k} is not a keypoint from 0 to {len(keypoints) - 1}")
        keypoints[k] = [number(point.get(axis), f"{here}.{axis}") for axis in ("x", "y")] + [
            _keypoint_score(point, here)
        ]
    return (
        keypoints,
        optional(rect.get("score"), f"{where}.score"),
        whole_number(rect.get("track_id"), f"{where}.track_id"),
    )


def _keypoint_score(point: dict[str, Any], where: str) -> float:
    """Labels have no score and count as sure."""
    score = optional(point.get("score"), f"{where}.score")
    return 1 if score is None else score
