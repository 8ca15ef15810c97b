"""A table for people who count and plot: CSV, one row for each person in each image or frame."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from limbwise.errors import InputError, UsageError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.write.arrays import Row, finite, gathered, rounded, skeleton_of
from limbwise.write.record import Record
from limbwise.write.writer import TextFile

COLUMNS = ("source", "frame", "time", "person", "id", "score", "box_x", "box_y", "box_w", "box_h")


class CsvWriter(TextFile):
    """One CSV file: the columns above, then x, y, score of every keypoint by its name.

    Pixels and seconds, to 3 and 6 decimals; cells are empty where there is nothing to say (a missing keypoint, no id). An image
    without people has one row whose `person` is empty, so that time goes on without gaps; a table without images has the columns above
    alone. All people must have one skeleton:
    raises UsageError for another.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._skeleton: Skeleton | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._skeleton is None:
            csv.writer(self, lineterminator="\n").writerow(COLUMNS)
        super().__exit__(kind, error, trace)

    def add(self, record: Record, people: People) -> None:
        """Append one row a person."""
        rows = csv.writer(self, lineterminator="\n")
        if self._skeleton is None:
            self._skeleton = people.skeleton
            rows.writerow([*COLUMNS, *keypoint_columns(people.skeleton)])
        if people.skeleton != self._skeleton:
            raise UsageError(f"{self.path}: {people.skeleton.name} cannot follow {self._skeleton.name} in one table")
        time = "" if record.time is None else round(record.time, 6)
        where = [record.name, "" if record.frame is None else record.frame, time]
        found = list(person_cells(finite(people)))
        rows.writerows([*where, *cells] for cells in found or [[""] * (7 + 3 * len(people.skeleton))])


def keypoint_columns(skeleton: Skeleton) -> list[str]:
    """left_wrist_x, left_wrist_y, left_wrist_score, ... in the order of the skeleton."""
    return [f"{keypoint}_{what}" for keypoint in skeleton.keypoints for what in ("x", "y", "score")]


def person_cells(people: People) -> Iterator[list[Any]]:
    """For each person its number in the image, id, score, box and keypoints."""
    boxes = people.boxes_xyxy
    boxes[:, 2:] -= boxes[:, :2]
    points = np.concatenate([people.xy, people.scores[..., None]], axis=-1)
    points[~people.visible] = np.nan
    ids = [""] * len(people) if people.ids is None else ["" if i < 0 else i for i in people.ids.tolist()]
    xy, scores = rounded(points, 3), rounded(points[..., 2], 6)
    for n, (i, score, box) in enumerate(zip(ids, rounded(people.person_scores, 6), rounded(boxes, 3), strict=True)):
        keypoints = [cell for (x, y, _), c in zip(xy[n], scores[n], strict=True) for cell in (x, y, c)]
        yield [n, i, score, *("" if cell != cell else cell for cell in [*box, *keypoints])]


def read_csv(path: str | Path, skeleton: Skeleton | None = None) -> dict[tuple[str, int | None], People]:
    """People by (source, frame) from such a table, in its order; frame is None for an image.

    The skeleton is told from the columns when it is not given. Raises InputError that names the file, the row and the column.
    """
    rows: dict[tuple[str, int | None], list[Row]] = {}
    for line, row in _rows(path):
        if skeleton is None:
            skeleton = _skeleton(row, path)
        people = rows.setdefault((row["source"], _whole(row, "frame", path, line)), [])
        if row.get("person"):
            people.append(_person(row, skeleton, path, line))
    return {key: gathered(skeleton, found) for key, found in rows.items() if skeleton is not None}


def _rows(path: str | Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells by column) of each row."""
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file, restval="")
            for row in reader:
                if None in row or not {"source", "frame", "person"} <= row.keys():
                    raise InputError(f"{path}: line {reader.line_num}: its columns are not those of a table of people")
                yield reader.line_num, row
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except csv.Error as error:
        raise InputError(f"{path}: not valid CSV ({error})") from error


def _skeleton(row: dict[str, str], path: str | Path) -> Skeleton:
    names = [column.removesuffix("_x") for column in row if column.endswith("_x") and column != "box_x"]
    try:
        return skeleton_of(names, Path(path).stem)
    except ValueError as error:
        raise InputError(f"{path}: columns: {error}") from error


def _cell(row: dict[str, str], column: str, path: str | Path, line: int) -> float | None:
    """A number, None for an empty cell."""
    text = row.get(column)
    if text is None:
        raise InputError(f"{path}: column {column} is missing")
    try:
        return float(text) if text else None
    except ValueError:
        raise InputError(f"{path}: line {line}: {column}: a number is expected, not {text!r}") from None


def _whole(row: dict[str, str], column: str, path: str | Path, line: int) -> int | None:
    """A whole number, None for an empty cell or none."""
    found = _cell({column: "", **row}, column, path, line)
    if found is not None and not (found == found // 1 and abs(found) < 2**53):
        raise InputError(f"{path}: line {line}: {column}: a whole number is expected, not {row[column]!r}")
    return None if found is None else int(found)


def _person(row: dict[str, str], skeleton: Skeleton, path: str | Path, line: int) -> Row:
    """Keypoints (K, 3), score and id of one row."""
    cells = [_cell(row, column, path, line) for column in keypoint_columns(skeleton)]
    points = np.array([np.nan if cell is None else cell for cell in cells], np.float64).reshape(-1, 3)
    points[~np.isfinite(points).all(1)] = (np.nan, np.nan, 0)
    return points, _cell(row, "score", path, line), _whole(row, "id", path, line)
