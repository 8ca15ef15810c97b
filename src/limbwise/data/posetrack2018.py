"""PoseTrack's form of 2018 as labels: images, annotations and one category, like COCO; read and written with all that poseval sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.checked import items, numbers, optional, table, whole_number
from limbwise.data.posetrack2017 import image_number
from limbwise.data.posetrack_frame import Floats, LabelledFrame, LabelledPerson
from limbwise.errors import InputError
from limbwise.skeleton import place
from limbwise.skeletons import POSETRACK_15, POSETRACK_17

# Where PoseTrack took its videos from; part of the numbers of its images.
SOURCES = {"mpii": 1, "bonn": 2, "mpiinew": 3}
_PLACES = [place(keypoint) for keypoint in POSETRACK_15.keypoints]


def frames_2018(content: dict[str, Any], path: str) -> list[LabelledFrame]:
    """The frames of a file's content, in the order of its images; raises InputError that names the field."""
    joints = joints_of(content, path)
    frames: dict[int | None, LabelledFrame] = {}
    for i, value in enumerate(items(content["images"], f"{path}: images")):
        where = f"{path}: images[{i}]"
        image = table(value, where)
        number = whole_number(image.get("id"), f"{where}.id")
        if number in frames:
            raise InputError(f"{where}.id: {number} comes twice")
        frames[number] = _frame(image, where)
    for i, value in enumerate(items(content.get("annotations", []), f"{path}: annotations")):
        where = f"{path}: annotations[{i}]"
        annotation = table(value, where)
        image_id = whole_number(annotation.get("image_id"), f"{where}.image_id")
        if image_id not in frames:
            raise InputError(f"{where}.image_id: {image_id} is not one of the images")
        frames[image_id].people.append(_person(annotation, joints, where))
    return list(frames.values())


def joints_of(content: dict[str, Any], path: str) -> npt.NDArray[np.intp]:
    """For each keypoint of the file its index in POSETRACK_15, -1 for those that poseval leaves out (ears)."""
    categories = items(content.get("categories", []), f"{path}: categories")
    names = list(POSETRACK_17.keypoints)
    if categories:
        where = f"{path}: categories[0]"
        names = [str(name) for name in items(table(categories[0], where).get("keypoints"), f"{where}.keypoints")]
    joints = np.array([_PLACES.index(place(name)) if place(name) in _PLACES else -1 for name in names], np.intp)
    if len(set(joints[joints >= 0])) != (joints >= 0).sum() or not (joints >= 0).any():
        raise InputError(f"{path}: categories[0].keypoints: these are not PoseTrack's")
    return joints


def _frame(image: dict[str, Any], where: str) -> LabelledFrame:
    name = str(image.get("file_name"))
    labelled = image.get("is_labeled")
    x, y = (items(image.get(f"ignore_regions_{axis}") or [], f"{where}.ignore_regions_{axis}") for axis in "xy")
    if len(x) != len(y):
        raise InputError(f"{where}: ignore_regions_x and ignore_regions_y do not fit each other")
    return LabelledFrame(
        name,
        whole_number(image.get("frame_id"), f"{where}.frame_id"),
        str(image["vid_id"]) if "vid_id" in image else PurePosixPath(name).parent.name.partition("_")[0],
        regions=[_polygon(*axes, f"{where}.ignore_regions") for axes in zip(x, y, strict=True)],
        labelled=None if labelled is None else bool(labelled),
    )


def _polygon(x: Any, y: Any, where: str) -> Floats:
    sides = [numbers(x, where), numbers(y, where)]
    if len(sides[0]) != len(sides[1]):
        raise InputError(f"{where}: x and y do not fit each other")
    return np.stack(sides, axis=1)


def _person(annotation: dict[str, Any], joints: npt.NDArray[np.intp], where: str) -> LabelledPerson:
    flat = numbers(annotation.get("keypoints"), f"{where}.keypoints")
    scores = numbers(annotation.get("scores") or [], f"{where}.scores")
    if len(flat) != 3 * len(joints) or len(scores) not in (0, len(joints)):
        raise InputError(
            f"{where}: {len(joints)} keypoints as x, y, v are expected, and as many scores; "
            f"there are {len(flat)} numbers and {len(scores)} scores"
        )
    person = LabelledPerson(
        score=optional(annotation.get("score"), f"{where}.score"),
        id=whole_number(annotation.get("track_id"), f"{where}.track_id"),
    )
    triples = flat.reshape(-1, 3)
    there = (joints >= 0) & triples.any(1) & ~np.isnan(triples).any(1)  # 10, 20, 0 is there, only 0, 0, 0 is not
    person.points[joints[there], :2], person.points[joints[there], 3] = triples[there, :2], triples[there, 2]
    if len(scores):
        person.points[joints[there], 2] = scores[there]
    head = numbers(annotation.get("bbox_head") or [], f"{where}.bbox_head")
    if len(head) == 4:
        person.head = np.concatenate([head[:2], head[:2] + head[2:]])
    return person


def table_2018(frames: Sequence[LabelledFrame]) -> dict[str, Any]:
    """A file's content from frames; images are numbered as PoseTrack does where their names allow it, else from 0."""
    found: list[dict[str, Any]] = []
    images = []
    known = [image_id(frame.name) for frame in frames]
    by_name = None not in known and len(set(known)) == len(known)
    for position, frame in enumerate(frames):
        own = known[position] if by_name else position
        assert own is not None
        images.append(_image(frame, own, len(frames)))
        found += [_annotation(person, own, own * 100 + i) for i, person in enumerate(frame.people)]
    category = {"supercategory": "person", "id": 1, "name": "person", "keypoints": list(POSETRACK_17.keypoints),
                "skeleton": [[a + 1, b + 1] for a, b in POSETRACK_17.limbs]}  # fmt: skip
    return {"images": images, "annotations": found, "categories": [category]}


def image_id(name: str) -> int | None:
    """PoseTrack's number of an image by its name, source x 10^10 + video x 10^4 + frame; None for other names."""
    path = PurePosixPath(name)
    video = re.match(rf"(\d{{1,6}})_({'|'.join(sorted(SOURCES, reverse=True))})(_|$)", path.parent.name)
    frame = image_number(name, -1)
    if video is None or not 0 <= frame < 10**4:
        return None
    return SOURCES[video[2]] * 10**10 + int(video[1]) * 10**4 + frame


def _image(frame: LabelledFrame, number: int, count: int) -> dict[str, Any]:
    image = {
        "id": number,
        "file_name": frame.name,
        "frame_id": number,
        "vid_id": frame.video.partition("_")[0],
        "nframes": count,
        "is_labeled": bool(frame.people) if frame.labelled is None else frame.labelled,
        "has_no_densepose": True,
    }
    regions = {f"ignore_regions_{axis}": [polygon[:, i].tolist() for polygon in frame.regions]
               for i, axis in enumerate("xy")}  # fmt: skip
    return {**image, **regions}


def _annotation(person: LabelledPerson, image: int, number: int) -> dict[str, Any]:
    rows = np.zeros((len(POSETRACK_17), 4))
    joints = POSETRACK_17.map_from(POSETRACK_15)
    there = (joints >= 0) & ~np.isnan(person.points[joints, 0])
    rows[there] = person.points[joints[there]]
    rows[:, 3] = np.where(np.isnan(rows[:, 3]), 1, rows[:, 3])
    annotation = {"image_id": image, "id": number, "category_id": 1, "keypoints": rows[:, [0, 1, 3]].ravel().tolist()}
    if person.id is not None:
        annotation["track_id"] = person.id
    if there.any():
        annotation["bbox"] = _grown(rows[there, :2])
    if not np.isnan(person.points[:, 2]).all():
        annotation["scores"] = np.nan_to_num(rows[:, 2]).tolist()
    if not np.isnan(person.head).any():
        annotation["bbox_head"] = [*person.head[:2].tolist(), *(person.head[2:] - person.head[:2]).tolist()]
    return annotation if person.score is None else {**annotation, "score": person.score}


def _grown(xy: Floats) -> list[float]:
    """x, y, width, height of the keypoints' extent x 1.3 (poseval's rule)."""
    size = 1.3 * (xy.max(0) - xy.min(0))
    return [*((xy.max(0) + xy.min(0) - size) / 2).tolist(), *size.tolist()]
