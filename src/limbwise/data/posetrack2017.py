"""PoseTrack's form of 2017 as labels: {"annolist": [...]}, every scalar a list of one; read and written with all that poseval sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from limbwise.checked import items, number, only, optional, table, whole_number
from limbwise.data.posetrack_frame import JOINTS, Floats, LabelledFrame, LabelledPerson
from limbwise.errors import InputError

CORNERS = ("x1", "y1", "x2", "y2")


def frames_2017(content: dict[str, Any], path: str) -> list[LabelledFrame]:
    """The frames of a file's content, in its order; raises InputError that names the field."""
    return [
        _frame(table(value, f"{path}: annolist[{i}]"), f"{path}: annolist[{i}]")
        for i, value in enumerate(items(content["annolist"], f"{path}: annolist"))
    ]


def _frame(image: dict[str, Any], where: str) -> LabelledFrame:
    name = str(only(table(only(image.get("image")), f"{where}.image").get("name")))
    labelled = whole_number(image.get("is_labeled"), f"{where}.is_labeled")
    return LabelledFrame(
        name,
        whole_number(image.get("imgnum"), f"{where}.imgnum"),
        PurePosixPath(name).parent.name,
        [_person(rect, here) for rect, here in _listed(image.get("annorect"), f"{where}.annorect")],
        [_polygon(region, here) for region, here in _listed(image.get("ignore_regions"), f"{where}.ignore_regions")],
        None if labelled is None else bool(labelled),
    )


def _listed(value: Any, where: str) -> list[tuple[dict[str, Any], str]]:
    """The objects of a list with their places; one object alone counts as a list of one, as MATLAB writes it."""
    rows = [] if value is None else [value] if isinstance(value, dict) else items(value, where)
    return [(table(row, f"{where}[{i}]"), f"{where}[{i}]") for i, row in enumerate(rows)]


def _person(rect: dict[str, Any], where: str) -> LabelledPerson:
    annopoints = only(rect.get("annopoints"))
    person = LabelledPerson(
        score=optional(rect.get("score"), f"{where}.score"),
        id=whole_number(rect.get("track_id"), f"{where}.track_id"),
        listed=isinstance(annopoints, dict) and "point" in annopoints,
    )
    if any(corner in rect for corner in CORNERS):
        person.head = np.array([number(rect.get(corner), f"{where}.{corner}") for corner in CORNERS])
    for point, here in _listed(annopoints.get("point") if person.listed else None, f"{where}.annopoints.point"):
        k = whole_number(point.get("id"), f"{here}.id")
        if k is None or not 0 <= k < JOINTS:
            raise InputError(f"{here}.id: {k} is not a keypoint from 0 to {JOINTS - 1}")
        if np.isnan(person.points[k, 0]):  # the first counts
            person.points[k] = _point(point, here)
    return person


def _point(point: dict[str, Any], where: str) -> list[float]:
    more = (optional(point.get(name), f"{where}.{name}") for name in ("score", "is_visible"))
    x, y = (number(point.get(axis), f"{where}.{axis}") for axis in ("x", "y"))
    return [x, y, *(np.nan if value is None else value for value in more)]


def _polygon(region: dict[str, Any], where: str) -> Floats:
    points = [(number(point.get("x"), f"{here}.x"), number(point.get("y"), f"{here}.y"))
              for point, here in _listed(region.get("point"), f"{where}.point")]  # fmt: skip
    return np.array(points, np.float64).reshape(-1, 2)


def table_2017(frames: Sequence[LabelledFrame]) -> dict[str, Any]:
    """A file's content from frames."""
    return {"annolist": [_written(frame, i) for i, frame in enumerate(frames)]}


def _written(frame: LabelledFrame, position: int) -> dict[str, Any]:
    labelled = bool(frame.people) if frame.labelled is None else frame.labelled
    row: dict[str, Any] = {"image": [{"name": frame.name}], "imgnum": [image_number(frame.name, position) + 1]}
    if frame.regions:
        row["ignore_regions"] = [
            {"point": [{"x": [x], "y": [y]} for x, y in polygon.tolist()]} for polygon in frame.regions
        ]
    return {**row, "annorect": [_rect(person) for person in frame.people], "is_labeled": [int(labelled)]}


def image_number(name: str, position: int) -> int:
    """The number that the name of a frame's image begins with (000013.jpg), or its position."""
    digits = re.match(r"\d+", PurePosixPath(name).stem)
    return int(digits.group()) if digits else position


def _rect(person: LabelledPerson) -> dict[str, Any]:
    rect: dict[str, Any] = {} if person.id is None else {"track_id": [person.id]}
    rect["annopoints"] = [{"point": _points(person.points)}] if person.listed else []
    if not np.isnan(person.head).any():
        rect |= {corner: [side] for corner, side in zip(CORNERS, person.head.tolist(), strict=True)}
    return rect if person.score is None else {**rect, "score": [person.score]}


def _points(points: Floats) -> list[dict[str, Any]]:
    rows = []
    for k in np.flatnonzero(~np.isnan(points[:, :2]).any(1)).tolist():
        x, y, score, visible = points[k].tolist()
        row = {"id": [k], "x": [x], "y": [y]}
        row |= {} if np.isnan(score) else {"score": [score]}
        rows.append(row if np.isnan(visible) else {**row, "is_visible": [visible]})
    return rows
