"""MPII as DeeperCut learns it: each person cut out at one scale, written as images and a COCO json.

In place of the published Matlab script (preprocess_single.m): people are brought to 400 pixels of height, taken as eight heads, and cut
out with a margin; also those of the test part, by their rough places, with the frame that leads back to the photo.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.data.mpii import HEIGHT, MpiiDataset, Person
from limbwise.errors import InputError
from limbwise.files import whole_file
from limbwise.geometry import Matrix, apply, compose, pad, resize
from limbwise.sample import ABSENT, HIDDEN, SEEN
from limbwise.skeletons import MPII_14, MPII_16

TALL = 400.0  # pixels of a person after scaling
HEADS = 8  # heads in a person's height
CATEGORY = {
    "id": 1,
    "name": "person",
    "keypoints": list(MPII_14.keypoints),
    "skeleton": [[a + 1, b + 1] for a, b in MPII_14.limbs],
}


@dataclass(frozen=True)
class CropOptions:
    """Pixels after scaling: `alone` about people by themselves and `crowded` about the others; `apart`: how far an edge at the side
    stays from the keypoints of other people there."""

    alone: float = 130.0
    crowded: float = 65.0
    apart: float = 20.0


@dataclass(frozen=True)
class Crop:
    """A cut-out: `frame` (2, 3) from the photo's pixels to its own, `scaled` (width, height) of the whole photo at its scale, and its
    edges there: `left`, `top`, `right`, `bottom`, the last two beyond it."""

    frame: Matrix
    scaled: tuple[int, int]
    left: int
    top: int
    right: int
    bottom: int


def plan_crop(
    person: Person, others: list[Person], size: tuple[int, int], options: CropOptions | None = None
) -> Crop | None:
    """How a person is cut out of a photo of (width, height) `size`; None where its size is not known or nothing is left."""
    options = options or CropOptions()
    zoom = _zoom(person)
    if not 0.01 < zoom < 100:
        return None
    scaled = (max(1, round(size[0] * zoom)), max(1, round(size[1] * zoom)))
    whole = resize(scaled[0] / size[0], scaled[1] / size[1])
    box = apply(whole, _extent(person).reshape(2, 2)).ravel()
    margin = options.alone if person.alone else options.crowded
    edges = box + margin * np.array([-1, -1, 1, 1])
    if person.alone:
        x = np.concatenate([apply(whole, other.points)[:, 0] for other in others] or [np.zeros(0)])
        edges[0] = min(box[0], max(edges[0], (x[x < box[0]] + options.apart).max(initial=-np.inf)))
        edges[2] = max(box[2], min(edges[2], (x[x > box[2]] - options.apart).min(initial=np.inf)))
    left, top = np.clip(np.round(edges[:2]), 0, scaled).astype(int).tolist()
    right, bottom = np.clip(np.round(edges[2:]) + 1, 0, scaled).astype(int).tolist()
    if min(right - left, bottom - top) < 8:
        return None
    return Crop(compose(whole, pad(-left, -top)), scaled, left, top, right, bottom)


def cut(image: npt.NDArray[np.uint8], crop: Crop) -> npt.NDArray[np.uint8]:
    """The pixels of a crop, (h, w, 3)."""
    import cv2

    shrinks = crop.scaled[0] < image.shape[1]
    scaled = cv2.resize(image, crop.scaled, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(scaled[crop.top : crop.bottom, crop.left : crop.right], np.uint8)


def write_crops(
    dataset: MpiiDataset, out: Path, options: CropOptions | None = None, tell: Callable[[], None] = lambda: None
) -> tuple[int, list[str]]:
    """All people of a part, cut out into `out`/images, and `out`/mpii.json; how many, and what is wrong with photos left out.

    In the json each image names its `source`, the number of the `person` in it and the `frame` from there. `tell` is called after
    each photo. Raises LimbwiseError where the disk says no.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    troubles: list[str] = []
    for i, name in enumerate(dataset.names):
        try:
            photo = dataset.images.load(name)
        except InputError as error:
            troubles.append(str(error))
            continue
        people = dataset.people[i]
        for number, person in enumerate(people):
            crop = plan_crop(person, [other for other in people if other is not person], photo.shape[1::-1], options)
            if crop is None or (not len(person.points) and dataset.marked(i)):
                continue
            image = _image(len(images) + 1, name, number, crop)
            _write_jpeg(out / "images" / image["file_name"], cut(photo, crop))
            images.append(image)
            annotations += _annotation(person, crop, image)
        tell()
    table = {"images": images, "annotations": annotations, "categories": [CATEGORY]}
    with whole_file(out / "mpii.json") as part:
        part.write_text(json.dumps(table) + "\n", encoding="utf-8")
    return len(images), troubles


def _zoom(person: Person) -> float:
    """What brings a person to TALL pixels: by the head, else by the given scale; 0 where neither is there."""
    size = person.head_size
    if np.isfinite(size) and size > 0:
        return TALL / HEADS / size
    scale = float(person.place[2])
    return TALL / (HEIGHT * scale) if np.isfinite(scale) and scale > 0 else 0.0


def _extent(person: Person) -> npt.NDArray[np.float64]:
    """(4,) xyxy of the marked keypoints, else of the rough place."""
    points = person.points
    box = np.concatenate([points.min(0), points.max(0)]) if len(points) else person.rough_box
    return np.asarray(box, np.float64)


def _image(number: int, source: str, person: int, crop: Crop) -> dict[str, Any]:
    name = f"{Path(source).stem}_{person + 1}.jpg"
    size = {"width": crop.right - crop.left, "height": crop.bottom - crop.top}
    return {"id": number, "file_name": name, **size, "source": source, "person": person, "frame": crop.frame.tolist()}


def _annotation(person: Person, crop: Crop, image: dict[str, Any]) -> list[dict[str, Any]]:
    """The person as COCO has it, on MPII_14; nothing of a test image, whose people have no keypoints."""
    source = MPII_14.map_from(MPII_16)
    xy = apply(crop.frame, person.xy[source])
    size = (image["width"], image["height"])
    with np.errstate(invalid="ignore"):
        inside = ((xy >= -0.5) & (xy < np.array(size) - 0.5)).all(1)
    visibility = np.where(inside, person.visibility[source], ABSENT)
    marked = visibility >= HIDDEN
    if not marked.any():
        return []
    written = np.where(visibility == SEEN, 2, np.where(marked, 1, 0))
    xyv = np.column_stack([np.where(marked[:, None], xy, 0), written])
    (left, top), (right, bottom) = xy[marked].min(0), xy[marked].max(0)
    box = [left, top, right - left + 1, bottom - top + 1]
    area = 0.5 * box[2] * box[3]  # about half of a person's box is person
    return [{"id": image["id"], "image_id": image["id"], "category_id": 1, "iscrowd": 0, "num_keypoints": int(marked.sum()),
             "keypoints": [round(float(value), 2) for value in xyv.ravel()], "area": round(float(area), 1),
             "bbox": [round(float(value), 2) for value in box]}]  # fmt: skip


def _write_jpeg(path: Path, image: npt.NDArray[np.uint8]) -> None:
    import cv2

    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    with whole_file(path) as part:
        part.write_bytes(data.tobytes())
