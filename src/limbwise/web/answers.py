"""People as answers: the server's own JSON, OpenPose's, COCO's, a table, a drawn picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from limbwise.draw.people import draw_people
from limbwise.media.frame import Image
from limbwise.media.image import write_image
from limbwise.people import People
from limbwise.write import save_people
from limbwise.write.arrays import finite, rounded
from limbwise.write.coco import coco_results
from limbwise.write.openpose import openpose_text
from limbwise.write.writer import compact

Format = Literal["limbwise", "openpose", "coco", "csv", "png"]
Times = dict[str, float]
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "png": "image/png", "zip": "application/zip"}


def person_list(people: People) -> list[dict[str, Any]]:
    """Each person as {id, score, box, keypoints}: pixels to 3 decimals, scores to 4, null for what is not there."""
    people = finite(people)
    boxes, places, scores = rounded(people.boxes_xyxy, 3), rounded(people.xy, 3), rounded(people.scores, 4)
    ids = [None] * len(people) if people.ids is None else [None if i < 0 else i for i in people.ids.tolist()]
    return [
        {
            "id": number,
            "score": score,
            "box": None if box[0] != box[0] else box,
            "keypoints": [None if x != x else [x, y, s] for (x, y), s in zip(xy, heights, strict=True)],
        }
        for number, score, box, xy, heights in zip(
            ids, rounded(people.person_scores, 4), boxes, places, scores, strict=True
        )
    ]


def people_answer(image: Image, people: People, times: Times) -> dict[str, Any]:
    """One picture's people in the server's own form."""
    height, width = image.shape[:2]
    milliseconds = {stage: round(value, 3) for stage, value in times.items()}
    return {"width": width, "height": height, "people": person_list(people), "milliseconds": milliseconds}


def answer(format: Format, image: Image, people: People, times: Times) -> bytes:
    """One picture's people in any form, as bytes."""
    if format == "openpose":
        return openpose_text(people).encode()
    if format == "coco":
        return compact(coco_results(people, 0)).encode()
    if format == "csv":
        return _through_a_file("image.csv", lambda path: save_people(people, path, "csv"))
    if format == "png":
        return _through_a_file("image.png", lambda path: write_image(path, draw_people(image, people)))
    return compact(people_answer(image, people, times)).encode()


def media_type(format: str) -> str:
    """What HTTP calls a form."""
    return MEDIA_TYPES.get(format, "application/json")


def _through_a_file(name: str, write: Callable[[Path], None]) -> bytes:
    """What a writer of files would have written."""
    with tempfile.TemporaryDirectory(prefix="limbwise-") as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()
