"""Files of poses refined: PoseTrack of 2017 and 2018, OpenPose and COCO results; what is no pose in them stays as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.checked import items, number, only, read_json, table
from limbwise.data.posetrack2017 import frames_2017
from limbwise.data.posetrack2018 import frames_2018, joints_of
from limbwise.data.posetrack_frame import LabelledFrame
from limbwise.errors import InputError
from limbwise.files import whole_file
from limbwise.media.image import read_image
from limbwise.media.sources import IMAGE_SUFFIXES
from limbwise.people import People
from limbwise.skeletons import POSETRACK_15
from limbwise.write import read_coco, read_openpose

Image = npt.NDArray[np.uint8]
Refine = Callable[[Image, People], People]

_IS_PART = re.compile(r"keypoints(_2d)?$")
OUTSIDE = -500.0  # what lies beyond is no keypoint (the published refiner's rule)


def refine_file(path: Path, images: Path, out: Path, refine: Refine, keep_scores: bool = False) -> int | None:
    """Refine the poses of one file with the pictures in `images` into `out`; gives how many people, None where it holds no poses.

    Each picture is read once; that of an OpenPose file is looked for in the sub-folders first that `path` and `out` have in common. A
    list of images beside COCO results is copied. Raises InputError that names the file or the missing picture; then `out` is not there.
    """
    content = read_json(path)
    if isinstance(content, dict) and "annolist" in content:
        count = _refine_2017(content, path, images, refine, keep_scores)
    elif isinstance(content, dict) and "images" in content and "annotations" in content:
        count = _refine_2018(content, path, images, refine, keep_scores)
    elif isinstance(content, dict) and "people" in content:
        count = _refine_openpose(content, path, images, _in_common(path, out), refine)
    elif isinstance(content, list) and all(isinstance(row, dict) and "keypoints" in row for row in content):
        count = _refine_coco(content, path, images, refine, keep_scores)
    elif isinstance(content, list) and all(isinstance(row, dict) and "file_name" in row for row in content):
        count = 0
    else:
        return None
    with whole_file(out) as part:
        part.write_text(json.dumps(content), encoding="utf-8")
    return count


def _picture(images: Path, name: str, path: Path) -> Image:
    picture = images / name
    if not picture.is_file():
        raise InputError(
            f"{picture}: no such picture, for {path.name}; --images names the folder that its names begin in"
        )
    return read_image(picture)


def _refine_2017(content: dict[str, Any], path: Path, images: Path, refine: Refine, keep_scores: bool) -> int:
    count = 0
    for frame, row in zip(frames_2017(content, str(path)), content["annolist"], strict=True):
        rects = row.get("annorect") or []
        rects = [rects] if isinstance(rects, dict) else rects
        people = _people(frame)
        kept = np.asarray(people.visible.any(1))
        if kept.any():
            refined = refine(_picture(images, frame.name, path), people)
            for rect, xy, scores, score in zip(rects, refined.xy, refined.scores, refined.person_scores, strict=True):
                rect["annopoints"] = [{"point": _points_2017(xy, scores)}]
                if not keep_scores:
                    rect["score"] = [_digits(score)]
        row["annorect"] = [rect for rect, keep in zip(rects, kept.tolist(), strict=True) if keep]  # as published
        count += int(kept.sum())
    return count


def _points_2017(xy: npt.NDArray[np.float32], scores: npt.NDArray[np.float32]) -> list[dict[str, list[float]]]:
    return [
        {"id": [k], "x": [_digits(xy[k, 0])], "y": [_digits(xy[k, 1])], "score": [_digits(scores[k])]}
        for k in np.flatnonzero(~np.isnan(xy[:, 0])).tolist()
    ]


def _refine_2018(content: dict[str, Any], path: Path, images: Path, refine: Refine, keep_scores: bool) -> int:
    frames, joints = frames_2018(content, str(path)), joints_of(content, str(path))
    rows: dict[Any, list[dict[str, Any]]] = {only(image["id"]): [] for image in content["images"]}
    for annotation in content["annotations"]:
        rows[only(annotation["image_id"])].append(annotation)
    count = 0
    for frame, persons in zip(frames, rows.values(), strict=True):
        people = _people(frame, seen_only=True)
        kept = np.asarray(people.visible.any(1))
        if not kept.any():
            continue
        refined = refine(_picture(images, frame.name, path), people)
        for n in np.flatnonzero(kept):
            _write_2018(
                persons[n],
                joints,
                refined.xy[n],
                refined.scores[n],
                None if keep_scores else float(refined.person_scores[n]),
            )
        count += int(kept.sum())
    return count


def _write_2018(
    annotation: dict[str, Any], joints: npt.NDArray[np.intp], xy: npt.NDArray[np.float32], scores: npt.NDArray[np.float32],
    score: float | None,
) -> None:  # fmt: skip
    """Put one person's keypoints into its annotation; keypoints that PoseTrack's 15 lack (ears) stay."""
    flat, listed = annotation["keypoints"], annotation.get("scores") or [0.0] * len(joints)
    for place, k in enumerate(joints.tolist()):
        if k < 0:
            continue
        there = not np.isnan(xy[k, 0])
        flat[3 * place : 3 * place + 3] = [_digits(xy[k, 0]), _digits(xy[k, 1]), 1] if there else [0, 0, 0]
        listed[place] = _digits(scores[k])
    annotation["scores"] = listed
    if score is not None and "score" in annotation:
        annotation["score"] = _digits(score)


def _people(frame: LabelledFrame, seen_only: bool = False) -> People:
    """The people of a PoseTrack frame; `seen_only`: keypoints with 0 in the third place are missing (2018; others write 1, COCO's 2, or
    a score)."""
    points = frame.points
    wrong = np.asarray((points[..., :2] <= OUTSIDE).any(-1))
    if seen_only:
        wrong |= ~(points[..., 3] > 0)
    xy = np.where(wrong[..., None], np.nan, points[..., :2])
    scores = np.where(np.isnan(points[..., 2]), 0, points[..., 2])
    people = People(POSETRACK_15, xy.astype(np.float32), scores.astype(np.float32))
    given = [mean if person.score is None else person.score
             for person, mean in zip(frame.people, people.person_scores.tolist(), strict=True)]  # fmt: skip
    return replace(people, person_scores=np.array(given, np.float32))


def _in_common(path: Path, out: Path) -> Path:
    """The folders at the end of both paths of a file: where it lies below the folder of predictions."""
    pairs = zip(reversed(path.parts), reversed(out.parts), strict=False)
    shared = [part for part, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    return Path(*reversed(shared[1:]))


def _refine_openpose(content: dict[str, Any], path: Path, images: Path, below: Path, refine: Refine) -> int:
    people = read_openpose(path)
    if not len(people):
        return 0
    refined = refine(_picture(images, _named(images, below / path.name), path), people)
    body = slice(*people.skeleton.parts.get("body", (0, len(people.skeleton))))
    persons = [person for person in content["people"] if any(person.get(key) for key in person if _IS_PART.search(key))]
    for person, xy, scores in zip(persons, refined.xy[:, body], refined.scores[:, body], strict=True):
        key = "pose_keypoints_2d" if "pose_keypoints_2d" in person else "pose_keypoints"
        triples = np.concatenate([np.nan_to_num(xy), scores[:, None]], axis=1)
        person[key] = [_digits(value) for value in triples.ravel().tolist()]
    return len(people)


def _named(images: Path, place: Path) -> str:
    """The picture of an OpenPose file: SUB/NAME_keypoints.json is of SUB/NAME with any suffix; else of NAME alone, as for files whose
    folder is of another kind (`openpose`, a video's)."""
    stem = place.name.removesuffix(".json").removesuffix("_keypoints")
    names = [Path(*place.parent.parts[n:], stem).as_posix() for n in range(len(place.parent.parts) + 1)]
    for name in names:
        for suffix in sorted(IMAGE_SUFFIXES):
            for spelt in (suffix, suffix.upper()):
                if (images / f"{name}{spelt}").is_file():
                    return f"{name}{spelt}"
    return f"{names[0]}.jpg"


def _refine_coco(rows: list[dict[str, Any]], path: Path, images: Path, refine: Refine, keep_scores: bool) -> int:
    found, names = read_coco(path), dict(_coco_names(path))
    by_image: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        by_image.setdefault(only(row["image_id"]), []).append(row)
    for (image_id, people), results in zip(found.items(), by_image.values(), strict=True):
        name = names.get(image_id, image_id if isinstance(image_id, str) else f"{image_id:012d}.jpg")
        refined = refine(_picture(images, name, path), people)
        for row, xy, scores, score in zip(results, refined.xy, refined.scores, refined.person_scores, strict=True):
            thirds = {number(value, f"{path}: keypoints") for value in row["keypoints"][2::3]}
            third = (scores > 0).astype(np.float32) if thirds <= {0.0, 1.0, 2.0} else scores
            there = ~np.isnan(xy[:, :1])
            triples = np.where(
                there, np.concatenate([np.nan_to_num(xy), np.where(there, third[:, None], 0)], axis=1), 0
            )
            row["keypoints"] = [_digits(value) for value in triples.ravel().tolist()]
            if not keep_scores:
                row["score"] = _digits(score)
    return len(rows)


def _coco_names(path: Path) -> Iterator[tuple[Any, str]]:
    """Names of pictures by their ids, from the list that `limbwise predict` puts beside the results."""
    beside = path.with_name(f"{path.stem}_images.json")
    if beside.is_file():
        for row in items(read_json(beside), str(beside)):
            image = table(row, str(beside))
            yield image.get("id"), str(image.get("file_name"))


def _digits(value: float | np.floating[Any]) -> float:
    """A float32 as the shortest decimal that reads back as the same."""
    return float(str(np.float32(value)))
