"""PoseTrack's form of 2018: images, annotations and categories, like COCO."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from limbwise.checked import items, numbers, optional, table, whole_number
from limbwise.errors import InputError, LimbwiseError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import POSETRACK_17
from limbwise.write.arrays import Row, filed_as, gathered, given_ids, shortest, skeleton_of, triples
from limbwise.write.record import Record
from limbwise.write.writer import TextFile, compact


class Sequence2018:
    """One sequence in the form of 2018: {"images": [...], "annotations": [...], "categories": [...]}.

    `frame_id` is the frame's number in the video, or the image's in the sequence, and `file_name` the source's own: poseval takes
    the names of PoseTrack's own images only. Images and annotations wait in nameless temporary files until the number of frames is
    known, so that memory does not grow.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = TextFile(path)
        self._images, self._annotations = 0, 0
        self._skeleton = POSETRACK_17
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._file)
            self._spools = [
                opening.enter_context(tempfile.TemporaryFile("w+", encoding="ascii", dir=self._file.path.parent))
                for _ in range(2)
            ]
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with self._open:
                self._assemble()
        else:
            self._open.__exit__(kind, error, trace)

    def add(self, record: Record, people: People) -> None:
        people = filed_as(people, POSETRACK_17)
        self._skeleton = people.skeleton
        frame = self._images if record.frame is None else record.frame
        name = self._file.path.stem
        image = {
            "id": record.image_id,
            "file_name": record.file_name,
            "frame_id": frame,
            "vid_id": name,
            "is_labeled": True,
        }
        self._spool(0, image)
        self._images += 1
        for annotation in results_2018(people, record.image_id, self._annotations):
            self._spool(1, annotation)
            self._annotations += 1

    def _spool(self, which: int, item: Any) -> None:
        try:
            self._spools[which].write(compact(item) + "\n")
        except OSError as error:
            raise LimbwiseError(f"{self._file.path}: cannot be written ({error.strerror or error})") from error

    def _assemble(self) -> None:
        """Images, annotations and the category into the one file."""
        images, found = self._spools
        self._file.write('{"images":[')
        self._copy(images, f',"nframes":{self._images}}}')
        self._file.write('],"annotations":[')
        self._copy(found, "}")
        category = {"supercategory": "person", "id": 1, "name": "person"}
        self._file.write(
            '],"categories":[' + compact({**category, "keypoints": self._skeleton.keypoints, "skeleton": []})
        )
        self._file.write("]}\n")

    def _copy(self, spool: Any, ending: str) -> None:
        """The lines of a spool as items of a list, each object ended by `ending`."""
        spool.seek(0)
        for i, line in enumerate(spool):
            self._file.write((",\n" if i else "\n") + line.rstrip("\n").removesuffix("}") + ending)


def results_2018(people: People, image_id: int, first: int) -> list[dict[str, Any]]:
    """The people of an image in the form of 2018, numbered from `first`; `bbox` is x, y, width, height of the keypoints."""
    boxes = np.nan_to_num(people.boxes_xyxy)
    boxes[:, 2:] -= boxes[:, :2]
    keypoints = shortest(triples(people, people.visible).reshape(len(people), 3 * len(people.skeleton)))
    columns = zip(
        given_ids(people),
        keypoints,
        shortest(people.scores),
        shortest(people.person_scores),
        shortest(boxes),
        strict=True,
    )
    return [
        {"image_id": image_id, "id": first + i, "track_id": track, "category_id": 1, "keypoints": points,
         "scores": scores, "score": score, "bbox": box}
        for i, (track, points, scores, score, box) in enumerate(columns)
    ]  # fmt: skip


def read_2018(content: dict[str, Any], path: str) -> list[tuple[str, People]]:
    """(file name, people) of every image of a file's content; raises InputError that names the field."""
    skeleton = _category(content, path)
    names: dict[int | None, str] = {}
    for i, value in enumerate(items(content["images"], f"{path}: images")):
        image = table(value, f"{path}: images[{i}]")
        number = whole_number(image.get("id"), f"{path}: images[{i}].id")
        if number is None or number in names:
            raise InputError(f"{path}: images[{i}].id: {'is missing' if number is None else f'{number} comes twice'}")
        names[number] = str(image.get("file_name"))
    found: dict[int | None, list[Row]] = {image: [] for image in names}
    for i, value in enumerate(items(content.get("annotations", []), f"{path}: annotations")):
        where = f"{path}: annotations[{i}]"
        annotation = table(value, where)
        image_id = whole_number(annotation.get("image_id"), f"{where}.image_id")
        if image_id not in found:
            raise InputError(f"{where}.image_id: {image_id} is not one of the images")
        found[image_id].append(_annotation(annotation, skeleton, where))
    return [(name, gathered(skeleton, found[image])) for image, name in names.items()]


def _category(content: dict[str, Any], path: str) -> Skeleton:
    """The skeleton that the category names."""
    categories = items(content.get("categories", []), f"{path}: categories")
    if not categories:
        return POSETRACK_17
    where = f"{path}: categories[0].keypoints"
    keypoints = items(table(categories[0], f"{path}: categories[0]").get("keypoints"), where)
    try:
        return skeleton_of([str(keypoint) for keypoint in keypoints], Path(path).stem)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _annotation(annotation: dict[str, Any], skeleton: Skeleton, where: str) -> Row:
    """Keypoints (K, 3), score and id of one person of 2018; only 0, 0, 0 is missing, as poseval has it."""
    flat = numbers(annotation.get("keypoints"), f"{where}.keypoints")
    if len(flat) != 3 * len(skeleton):
        raise InputError(f"{where}.keypoints: 3 x {len(skeleton)} numbers are expected, not {len(flat)}")
    keypoints = flat.reshape(-1, 3)
    missing = (keypoints == 0).all(1) | ~np.isfinite(keypoints).all(1)
    scores = numbers(annotation.get("scores") or [1] * len(skeleton), f"{where}.scores")
    if len(scores) != len(skeleton):
        raise InputError(f"{where}.scores: {len(skeleton)} numbers are expected, not {len(scores)}")
    keypoints[:, 2] = scores
    keypoints[missing] = (np.nan, np.nan, 0)
    return (
        keypoints,
        optional(annotation.get("score"), f"{where}.score"),
        whole_number(annotation.get("track_id"), f"{where}.track_id"),
    )
