"""What is wrong with a data set: each trouble with the file it is in, found without training on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from limbwise.data.dataset import SLACK, Dataset, Labels, outside
from limbwise.data.sides import CLEARLY, trunk_sides
from limbwise.errors import InputError
from limbwise.sample import SEEN
from limbwise.skeleton import Skeleton

Trouble = Literal["duplicate id", "missing image", "broken image", "other size", "turned by EXIF", "not a number", "keypoint outside",
                  "box outside", "empty box", "no labels", "swapped sides"]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """`file`: the image, or the data set itself. `detail`: one line for people, with the numbers."""

    file: str
    trouble: Trouble
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.trouble}: {self.detail}"


def check(dataset: Dataset, pixels: bool = True) -> list[Finding]:
    """All that is wrong with a data set, image by image; `pixels` reads every image (about 1 ms each), else only labels are read."""
    findings = list(_duplicates(dataset))
    for i, name in enumerate(dataset.names):
        labels = dataset.labels(i)
        size = labels.size
        if pixels:
            found, size = _check_image(dataset, labels)
            findings += found
        findings += _check_numbers(labels)
        findings += _check_places(labels, size, dataset.skeleton)
        findings += _check_sides(labels, dataset.skeleton)
        if not len(labels.xy) and not dataset.has_ignored(i):
            findings.append(Finding(name, "no labels", "nobody is labelled; fine if nobody is in the picture"))
    return findings


def _duplicates(dataset: Dataset) -> Iterator[Finding]:
    ids = Counter(number for i in range(len(dataset)) for number in dataset.labels(i).ids)
    for kind, counts in (
        ("image", Counter(dataset.names)),
        ("annotation id", ids),
        ("image id", Counter(dataset.image_ids)),
    ):
        for name, count in counts.items():
            if count > 1:
                yield Finding(str(dataset.images.where), "duplicate id", f"{kind} {name} stands there {count} times")


def _check_image(dataset: Dataset, labels: Labels) -> tuple[list[Finding], tuple[int, int] | None]:
    """What is wrong with the file, and its (width, height) where it can be read."""
    if labels.name not in dataset.images:
        return [Finding(labels.name, "missing image", f"not in {dataset.images.where}")], labels.size
    try:
        image, turned = dataset.images.stored(labels.name)
    except InputError as error:
        return [Finding(labels.name, "broken image", str(error).rpartition(": ")[2])], labels.size
    height, width = image.shape[:2]
    is_said = turned and labels.size == (height, width) != (width, height)  # then training turns it, too
    if labels.size is not None and labels.size != (width, height) and not is_said:
        stated = "{} x {}".format(*labels.size)
        return [Finding(labels.name, "other size", f"is {width} x {height}, the labels say {stated}")], (width, height)
    if turned and not is_said:
        detail = "labels are taken to be in its pixels as they are stored; save it upright if they are not"
        return [Finding(labels.name, "turned by EXIF", detail)], (width, height)
    return [], labels.size or (width, height)


def _check_numbers(labels: Labels) -> Iterator[Finding]:
    for person in range(len(labels.xy)):
        bad = int((~np.isfinite(labels.xy[person]).all(-1) & labels.marked[person]).sum())
        parts = [f"{bad} keypoints"] if bad else []
        parts += ["box"] if not np.isfinite(labels.boxes[person]).all() else []
        parts += ["area"] if not np.isfinite(labels.areas[person]) else []
        if parts:
            yield Finding(labels.name, "not a number", f"{_who(labels, person)}: {', '.join(parts)}")


def _check_places(labels: Labels, size: tuple[int, int] | None, skeleton: Skeleton) -> Iterator[Finding]:
    beyond = outside(labels, size) if size else np.zeros_like(labels.marked)
    for person, box in enumerate(labels.boxes):
        if not (box[2:] > box[:2]).all() and np.isfinite(box).all():
            yield Finding(labels.name, "empty box", f"{_who(labels, person)}: {_numbers(box)}")
        if size is None:
            continue
        for k in np.flatnonzero(beyond[person]):
            where = f"{_numbers(labels.xy[person, k])} in {size[0]} x {size[1]}"
            yield Finding(
                labels.name, "keypoint outside", f"{_who(labels, person)}: {skeleton.keypoints[k]} at {where}"
            )
        if labels.stated_boxes and ((box[:2] < -SLACK) | (box[2:] > np.array(size) - 1 + SLACK)).any():
            yield Finding(
                labels.name, "box outside", f"{_who(labels, person)}: {_numbers(box)} in {size[0]} x {size[1]}"
            )


def _check_sides(labels: Labels, skeleton: Skeleton) -> Iterator[Finding]:
    for person in range(len(labels.xy)):
        shoulders, hips, eyes = trunk_sides(labels.xy[person], labels.visibility[person] == SEEN, skeleton)
        if min(abs(shoulders), abs(hips)) < CLEARLY:
            continue
        if shoulders * hips < 0:
            yield Finding(labels.name, "swapped sides", f"{_who(labels, person)}: shoulders and hips run opposite ways")
        elif eyes * hips < 0 and abs(eyes) > CLEARLY / 5:
            detail = "the face looks at the camera, shoulders and hips run the other way round"
            yield Finding(labels.name, "swapped sides", f"{_who(labels, person)}: {detail}")


def _who(labels: Labels, person: int) -> str:
    return f"annotation {labels.ids[person]}" if person < len(labels.ids) else f"person {person + 1}"


def _numbers(values: Iterable[float]) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in values) + ")"
