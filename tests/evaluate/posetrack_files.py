"""Small PoseTrack sequences of both years, made for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

JOINTS_2018 = ["nose", "head_bottom", "head_top", "left_ear", "right_ear"] + [
    f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
TO_2018 = (16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, 1, 0, 2)  # of each joint of 2017
HEAD = 10.0  # the head box's diagonal is HEAD / 0.6, so that distances are in tenths of 1

Points = dict[int, tuple[float, float]]
Person = tuple[int | None, Points]  # track id, keypoints


def standing(x: float = 0, joints: Iterable[int] = range(15)) -> Points:
    """Somebody whose joints lie 100 pixels from each other, so that none is near another."""
    return {joint: (x, 100.0 * joint) for joint in joints}


def name(frame: int, sequence: str = "300000_mpii_test") -> str:
    return f"images/val/{sequence}/{frame:06d}.jpg"


def write_2017(path: Path, frames: Sequence[Sequence[Person]], order: Sequence[int] | None = None, **more: Any) -> None:
    """A file of 2017; `order`: the frames' numbers; `more` goes to every frame."""
    rows = []
    for number, people in zip(order or range(len(frames)), frames, strict=True):
        rects = [_rect(person, i) for i, person in enumerate(people)]
        rows.append({"image": [{"name": name(number)}], "imgnum": [number + 1], "annorect": rects, **more})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"annolist": rows}))


def _rect(person: Person, place: int) -> dict[str, Any]:
    identity, points = person
    side = HEAD / 0.6 / 2**0.5
    listed = [{"id": [k], "x": [x], "y": [y], "score": [0.5 + 0.01 * place]} for k, (x, y) in points.items()]
    rect = {"x1": [0], "y1": [0], "x2": [side], "y2": [side], "annopoints": [{"point": listed}]}
    return rect if identity is None else {**rect, "track_id": [identity]}


def write_2018(path: Path, frames: Sequence[Sequence[Person]]) -> None:
    """A file of 2018."""
    side = HEAD / 0.6 / 2**0.5
    images = [{"id": 100 + i, "file_name": name(i), "frame_id": i, "vid_id": "300000"} for i in range(len(frames))]
    found = []
    for i, people in enumerate(frames):
        for identity, points in people:
            rows = [[0.0, 0.0, 0.0] for _ in JOINTS_2018]
            for k, (x, y) in points.items():
                rows[TO_2018[k]] = [x, y, 1]
            flat = [value for row in rows for value in row]
            found.append({"image_id": 100 + i, "id": len(found), "track_id": identity, "category_id": 1, "keypoints": flat,
                          "scores": [0.5] * 17, "bbox_head": [0, 0, side, side]})  # fmt: skip
    category = {"name": "person", "id": 1, "keypoints": JOINTS_2018}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": found, "categories": [category]}))
