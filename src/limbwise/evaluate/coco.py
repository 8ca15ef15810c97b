"""An estimator against a COCO keypoint file: the ten numbers of COCO's table, and the images that went worst."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.checked import person_categories
from limbwise.data.coco import stated_size
from limbwise.data.images import Images
from limbwise.data.regions import Mask, region
from limbwise.errors import InputError
from limbwise.fields import read_table
from limbwise.metric.coco_ap import CocoNumbers, coco_ap
from limbwise.metric.coco_table import complete_people
from limbwise.people import People
from limbwise.similarity import oks
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Judged:
    """One image: its file, who was found, who is labelled, the OKS (F, T) of each with each, the mean OKS of the labelled with their
    best match, how many of the found overlap with nobody labelled; the name that the labels
    have for it, and (width, height) as it was judged."""

    path: Path
    found: People
    truth: People
    alike: Floats
    similarity: float
    false: int
    name: str = ""
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class CocoResult:
    """`numbers` over `images` images with `people` labelled people; `judged` holds each image, the worst first."""

    numbers: CocoNumbers
    images: int
    people: int
    judged: list[Judged]

    @property
    def false_people(self) -> int:
        """People who were found where nobody is labelled: their box touches nobody's."""
        return sum(one.false for one in self.judged)


def evaluate_coco(
    estimate: Callable[[Image], People],
    skeleton: Skeleton,
    labels: Path,
    images: Path,
    limit: int | None = None,
    tell: Callable[[], None] = lambda: None,
    within: Callable[[Image, list[Mask]], People] | None = None,
) -> CocoResult:
    """Run `estimate` (an RGB image to its people on `skeleton`, in its pixels) over the images of a COCO keypoint file and judge it.

    `images`: the folder of the image files, which are not turned by EXIF, as in training. `limit`: the first images only. `tell` is called
    after each. `within` takes the place of `estimate`: it gets the labelled people's masks (H, W), too, and gives one person in each.
    Raises InputError for labels that are not COCO's and for images that are missing, MissingExtra without pycocotools.
    """
    table = read_table(labels)
    entries = _entries(table, labels)[:limit]
    judged_on = _judged_on(table, skeleton, labels)
    people = complete_people(table, len(judged_on), labels)
    if not entries:
        raise InputError(f"{labels}: lists no images; give labels of some")
    annotations, boxes = _by_image(people), _boxes(people)
    found, judged, files = {}, [], Images(images)
    for entry in entries:
        path = images / entry["file_name"]
        image, labelled = files.load(entry["file_name"], stated_size(entry)), annotations[entry["id"]]
        found[entry["id"]] = estimate(image) if within is None else within(image, masks(labelled, image))
        one = _judge(path, found[entry["id"]], labelled, boxes[entry["id"]], judged_on)
        judged.append(replace(one, name=entry["file_name"], size=(image.shape[1], image.shape[0])))
        tell()
    numbers = coco_ap(found, table, [entry["id"] for entry in entries], judged_on)
    judged.sort(key=lambda one: one.similarity)
    return CocoResult(numbers, len(entries), sum(len(one.truth) for one in judged), judged)


def masks(annotations: list[dict[str, Any]], image: Image) -> list[Mask]:
    """The mask (H, W) of each labelled person; its box where the file has no segmentation."""
    found = []
    for annotation in annotations:
        x, y, width, height = annotation.get("bbox") or (0, 0, image.shape[1], image.shape[0])
        box = np.array([x, y, x + width, y + height], np.float32) - np.float32(0.5)
        found.append(region(annotation.get("segmentation"), box, (image.shape[1], image.shape[0])))
    return found


def _entries(table: dict[str, Any], labels: Path) -> list[dict[str, Any]]:
    entries = table.get("images")
    if not isinstance(entries, list) or not isinstance(table.get("annotations"), list):
        raise InputError(f"{labels}: not a COCO keypoint file; it needs images and annotations")
    for entry in entries:
        if not isinstance(entry, dict) or not {"id", "file_name"} <= entry.keys():
            raise InputError(f"{labels}: images: each needs an id and a file_name")
    return entries


def _by_image(people: list[dict[str, Any]]) -> dict[Any, list[dict[str, Any]]]:
    """The annotations of people with keypoints, by image id."""
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in people:
        if not annotation["iscrowd"] and annotation["num_keypoints"]:
            found[annotation["image_id"]].append(annotation)
    return found


def _judged_on(table: dict[str, Any], own: Skeleton, labels: Path) -> Skeleton:
    """What the file's keypoints are: the model's own, if the category names them so, else COCO's; where no category names any, the
    model's if people have as many."""
    names = [str(name) for category in person_categories(table)[:1] for name in category["keypoints"]]
    if not names:
        people = (row["keypoints"] for row in table["annotations"] if isinstance(row, dict) and row.get("keypoints"))
        return own if len(next(people, ())) == 3 * len(own) else COCO_17
    for skeleton in (own, COCO_17):
        if sorted(names) == sorted(skeleton.keypoints):
            return skeleton.reordered(names)
    raise InputError(f"{labels}: categories: its keypoints are neither COCO's nor those of the model")


def _judge(path: Path, found: People, annotations: list[dict[str, Any]], boxes: Floats, skeleton: Skeleton) -> Judged:
    keypoints = np.array([a["keypoints"] for a in annotations], np.float32).reshape(-1, len(skeleton), 3)
    xy = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.float32("nan"))
    truth = People(skeleton, xy, np.minimum(keypoints[..., 2], 1))
    alike: Floats = oks(found.as_skeleton(skeleton), truth, np.array([a["area"] for a in annotations], np.float32))
    best = alike.max(0) if len(found) else np.zeros(len(truth))
    return Judged(path, found, truth, alike, float(best.mean()) if len(truth) else 1.0, _strangers(found, boxes))


def _strangers(found: People, boxes: Floats) -> int:
    """How many of the found have a box that touches none of the labelled ones."""
    own = found.boxes_xyxy[:, None]
    apart = (own[..., 2:] < boxes[:, :2]) | (own[..., :2] > boxes[:, 2:])
    return int(np.all(np.any(apart, axis=-1), axis=1).sum())


def _boxes(people: list[dict[str, Any]]) -> dict[Any, Floats]:
    """(B, 4) labelled boxes of each image as left, top, right, bottom, also of crowds and of people without keypoints."""
    found: dict[Any, list[list[float]]] = defaultdict(list)
    for annotation in people:
        x, y, width, height = annotation["bbox"]
        found[annotation["image_id"]].append([x, y, x + width, y + height])
    return defaultdict(lambda: np.zeros((0, 4), np.float32), {i: np.array(b, np.float32) for i, b in found.items()})
