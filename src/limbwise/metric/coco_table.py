"""COCO keypoint tables as their measure reads them: people of one category, with what files may lack filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from limbwise.checked import is_person, person_categories
from limbwise.errors import InputError


def complete_people(table: Mapping[str, Any], count: int, where: object) -> list[dict[str, Any]]:
    """The annotations of a table with all that pycocotools reads, category 1; objects of categories with other keypoints are left out.

    Ids count from 1, since pycocotools takes 0 for nobody. `count`: keypoints of a person; who has none gets zeros. A missing box is
    that of the labelled keypoints, a missing area that of the box. Raises InputError that begins with `where`.
    """
    if not all(isinstance(row, dict) and "image_id" in row for row in table["annotations"]):
        raise InputError(f"{where}: annotations: each needs an image_id")
    wanted = person_categories(table)
    people = (row for row in table["annotations"] if is_person(row, wanted))
    return [_complete(row, number, count, where) for number, row in enumerate(people, 1)]


def _complete(row: dict[str, Any], number: int, count: int, where: object) -> dict[str, Any]:
    keypoints = row.get("keypoints") or [0] * (3 * count)
    if len(keypoints) != 3 * count:
        raise InputError(
            f"{where}: annotations: a person needs {count} keypoints as x, y, v; one has {len(keypoints)} numbers"
        )
    keypoints = [0 if value is None else value for value in keypoints]  # where nothing is marked
    labelled = int(sum(v > 0 for v in keypoints[2::3]))
    box = row.get("bbox") or _box(keypoints)
    area = row.get("area") or float(box[2] * box[3])
    own = {"id": number, "category_id": 1, "keypoints": keypoints, "bbox": box, "area": area}
    return {"iscrowd": 0, "ignore": 0, "num_keypoints": labelled, **row, **own}


def _box(keypoints: list[float]) -> list[float]:
    """x, y, width, height of the labelled keypoints; zeros where there are none."""
    xyv = np.array(keypoints, float).reshape(-1, 3)
    xy = xyv[xyv[:, 2] > 0, :2]
    return [*xy.min(0).tolist(), *np.ptp(xy, axis=0).tolist()] if len(xy) else [0.0, 0.0, 0.0, 0.0]
