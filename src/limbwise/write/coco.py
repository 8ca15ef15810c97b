"""COCO's keypoint results, as pycocotools' loadRes takes them, and a list of the images beside them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from limbwise.checked import items, only, optional, points, read_json, table, whole_number
from limbwise.errors import InputError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17
from limbwise.write.arrays import Row, filed_as, gathered, rounded, triples
from limbwise.write.record import Record
from limbwise.write.writer import JsonList


class CocoWriter:
    """A flat list of results in one file, and the images they are of in `<stem>_images.json` beside it.

    The images are {"id", "file_name", "width", "height"}, frames of a video also "frame_id" and "time" in seconds. Both files are
    whole or not there. Raises LimbwiseError where the disk says no.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self._results = JsonList(path)
        self._images = JsonList(path.with_name(f"{path.stem}_images.json"))
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._results)
            opening.enter_context(self._images)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, record: Record, people: People) -> None:
        """Append the image, and one result a person."""
        self._images.append(image_entry(record))
        for result in coco_results(people, record.image_id):
            self._results.append(result)


def image_entry(record: Record) -> dict[str, Any]:
    """An image in the form of COCO's "images"."""
    entry = {"id": record.image_id, "file_name": record.file_name, "width": record.width, "height": record.height}
    return entry if record.frame is None else {**entry, "frame_id": record.frame, "time": record.time}


def coco_results(people: People, image_id: int) -> list[dict[str, Any]]:
    """One result a person, with `track_id` where people were followed.

    Bodies become COCO_17; keypoints that no table knows stay as they are. Keypoints are x, y, 1 in pixels to 3 decimals, or
    0, 0, 0 where missing: COCO's results have no score for each. What was filled in without being seen is x, y, 0.
    """
    people = filed_as(people, COCO_17)
    keypoints = rounded(
        triples(people, people.visible & ~people.filled).reshape(len(people), 3 * len(people.skeleton)), 3
    )
    results = [
        {"image_id": image_id, "category_id": 1, "keypoints": [*_whole_thirds(flat)], "score": score}
        for flat, score in zip(keypoints, rounded(people.person_scores, 6), strict=True)
    ]
    if people.ids is not None:
        results = [{**result, "track_id": i} for result, i in zip(results, people.ids.tolist(), strict=True)]
    return results


def _whole_thirds(flat: list[float]) -> list[float]:
    """Every third number, the visibility, as an integer."""
    return [int(value) if k % 3 == 2 else value for k, value in enumerate(flat)]


def read_coco(path: str | Path, skeleton: Skeleton = COCO_17) -> dict[int | str, People]:
    """People by image id from a file of results; also AlphaPose's, whose ids are file names and whose `idx` is a list.

    The third number of a keypoint becomes its score (at most 1); 0 and less is missing. Images without people are not in the file.
    Raises InputError that names the file and the field.
    """
    rows: dict[int | str, list[Row]] = {}
    for i, value in enumerate(items(read_json(path), str(path))):
        where = f"{path}: [{i}]"
        result = table(value, where)
        rows.setdefault(_image_id(result.get("image_id"), where), []).append(_person(result, skeleton, where))
    return {image: gathered(skeleton, found) for image, found in rows.items()}


def _image_id(value: Any, where: str) -> int | str:
    found = value if isinstance(value, str) else whole_number(value, f"{where}.image_id")
    if found is None:
        raise InputError(f"{where}.image_id: missing")
    return found


def _person(result: dict[str, Any], skeleton: Skeleton, where: str) -> Row:
    keypoints = points(result.get("keypoints"), f"{where}.keypoints")
    if len(keypoints) != len(skeleton):
        raise InputError(f"{where}.keypoints: {len(skeleton)} keypoints are expected, not {len(keypoints)}")
    keypoints[:, 2] = np.minimum(keypoints[:, 2], 1)
    score = optional(result.get("score"), f"{where}.score")
    # AlphaPose wraps idx in up to two lists when people were matched by their looks.
    track = only(only(result.get("track_id", result.get("idx"))))
    return keypoints, score, whole_number(track, f"{where}.track_id")
