"""PoseTrack's annotation files, 2017 (what poseval takes) and 2018 (like COCO): one file a sequence, and reading both.

A video is a sequence; images given one by one form the sequence "images". People who were not followed get numbers 0, 1, ... anew
in every image, since poseval asks for ids even where they do not matter.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import POSETRACK_15, POSETRACK_17
from limbwise.write.arrays import filed_as, gathered, shortest, skeleton_of, triples
from limbwise.write.checked import items, number, numbers, only, read_json, table, whole_number
from limbwise.write.record import Record
from limbwise.write.writer import JsonList, TextFile, compact

LOOSE = "images"  # the sequence of images that belong to no video
MAX_TRACKS = 1000  # poseval 2017 takes ids 0 to 999


class Sequence(Protocol):
    """One open file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, record: Record, people: People) -> None: ...


class PoseTrackWriter:
    """A folder of PoseTrack files, `<folder>/<video>.json` and `<folder>/images.json`.

    `year` 2017 or 2018. The frames of a video must come together. A sequence is whole when the next video begins; after an
    exception those that were open are gone. Raises UsageError for another year or a video that comes back.
    """

    def __init__(self, folder: str | Path, year: int = 2018) -> None:
        if year not in _SEQUENCES:
            raise UsageError(f"PoseTrack {year}: only 2017 and 2018 are formats")
        self.folder, self.year = Path(folder), year
        self._open: dict[str, Sequence] = {}
        self._done: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closing = ExitStack()
        for sequence in self._open.values():
            closing.push(sequence)
        self._open = {}
        closing.__exit__(kind, error, trace)

    def add(self, record: Record, people: People) -> None:
        """Append one image or frame to its sequence."""
        name = LOOSE if record.frame is None else record.name
        if name not in self._open:
            self._begin(name)
        self._open[name].add(record, people)

    def _begin(self, name: str) -> None:
        """Open a sequence; a video's ends the video before."""
        if name in self._done:
            raise UsageError(f"{name}: the frames of a PoseTrack sequence must come together")
        for other in [open_name for open_name in self._open if LOOSE not in (open_name, name)]:
            self._open.pop(other).__exit__(None, None, None)
            self._done.add(other)
        self._open[name] = _SEQUENCES[self.year](self.folder / f"{name}.json").__enter__()


class Sequence2017(JsonList):
    """One sequence in the form of 2017: {"annolist": [...]}, every scalar a list of one.

    Ids stay as they are from 0 to 999; others get free numbers in that range. Raises LimbwiseError past 1000 tracks.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, '{"annolist":[', "]}")
        self._tracks: dict[int, int] = {}
        self._free = list(range(MAX_TRACKS))

    def add(self, record: Record, people: People) -> None:
        people = filed_as(people, POSETRACK_15)
        tracks = [i if people.ids is None else self._track(i) for i in given_ids(people)]
        if len(tracks) > MAX_TRACKS:
            raise self._too_many()
        position = self.count if record.frame is None else record.frame
        image = {"image": [{"name": record.file_name}], "imgnum": [position + 1]}
        self.append({**image, "annorect": results_2017(people, tracks)})

    def _track(self, number: int) -> int:
        """Its number in the file: its own while that is free, else the highest free one."""
        if number not in self._tracks:
            if not self._free:
                raise self._too_many()
            own = number if number in self._free else self._free[-1]
            self._free.remove(own)
            self._tracks[number] = own
        return self._tracks[number]

    def _too_many(self) -> LimbwiseError:
        return LimbwiseError(
            f"{self.path}: PoseTrack 2017 has room for {MAX_TRACKS} tracks a sequence; write 2018's form"
        )


def results_2017(people: People, track_ids: list[int]) -> list[dict[str, Any]]:
    """The people of an image in the form of 2017; x1 to y2 is the box around the keypoints."""
    boxes = shortest(np.nan_to_num(people.boxes_xyxy))
    columns = zip(shortest(people.xy), shortest(people.scores), shortest(people.person_scores), boxes, strict=True)
    return [
        {**{corner: [side] for corner, side in zip(("x1", "y1", "x2", "y2"), box, strict=True)}, "score": [score],
         "track_id": [track], "annopoints": [{"point": _points(xy, scores)}]}
        for track, (xy, scores, score, box) in zip(track_ids, columns, strict=True)
    ]  # fmt: skip


def _points(xy: list[list[float | None]], scores: list[float]) -> list[dict[str, list[float | None]]]:
    return [
        {"id": [k], "x": [x], "y": [y], "score": [score]}
        for k, ((x, y), score) in enumerate(zip(xy, scores, strict=True))
        if x is not None
    ]


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
        name = LOOSE if record.frame is None else record.name
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


_SEQUENCES: dict[int, Any] = {2017: Sequence2017, 2018: Sequence2018}


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


def given_ids(people: People) -> list[int]:
    """Track ids; whoever has none gets the smallest number that nobody in the image has."""
    ids = [-1] * len(people) if people.ids is None else people.ids.tolist()
    free = iter(sorted(set(range(2 * len(ids))) - set(ids)))
    return [i if i >= 0 else next(free) for i in ids]


def read_posetrack(path: str | Path) -> list[tuple[str, People]]:
    """(file name, people) of every image of a sequence, in the order of the file, of either year.

    People are POSETRACK_15 or what the categories say (POSETRACK_17 when there are none). Labels without scores have 1. Ids are -1
    where the file has none. Raises InputError that names the file and the field.
    """
    content = table(read_json(path), str(path))
    if "annolist" in content:
        return [
            _read_2017(value, f"{path}: annolist[{i}]")
            for i, value in enumerate(items(content["annolist"], f"{path}: annolist"))
        ]
    if "images" in content:
        return _read_2018(content, str(path))
    raise InputError(f"{path}: neither annolist (PoseTrack 2017) nor images (2018) is there")


def _read_2017(value: Any, where: str) -> tuple[str, People]:
    image = table(value, where)
    name = table(only(image.get("image")), f"{where}.image").get("name")
    rects = image.get("annorect", [])
    rects = [rects] if isinstance(rects, dict) else items(rects, f"{where}.annorect")
    people = [_rect(table(rect, f"{where}.annorect[{i}]"), f"{where}.annorect[{i}]") for i, rect in enumerate(rects)]
    return str(only(name)), _people(POSETRACK_15, people)


Row = tuple[np.ndarray[Any, Any], float | None, int | None]


def _rect(rect: dict[str, Any], where: str) -> Row:
    """Keypoints (15, 3), score and id of one person of 2017."""
    keypoints = np.full((len(POSETRACK_15), 3), (np.nan, np.nan, 0))
    listed = only(rect.get("annopoints", []))
    listed = listed.get("point", []) if isinstance(listed, dict) else listed
    for i, value in enumerate([listed] if isinstance(listed, dict) else items(listed, f"{where}.annopoints")):
        here = f"{where}.annopoints.point[{i}]"
        point = table(value, here)
        k = whole_number(point.get("id"), f"{here}.id")
        if k is None or not 0 <= k < len(keypoints):
            raise InputError(f"{here}.id: {k} is not a keypoint from 0 to {len(keypoints) - 1}")
        keypoints[k] = [number(point.get(axis), f"{here}.{axis}") for axis in ("x", "y")] + [_score(point, here, 1)]
    return keypoints, _score(rect, where, None), whole_number(rect.get("track_id"), f"{where}.track_id")


def _score(entry: dict[str, Any], where: str, default: Any) -> Any:
    return default if entry.get("score") in (None, []) else number(entry["score"], f"{where}.score")


def _read_2018(content: dict[str, Any], path: str) -> list[tuple[str, People]]:
    skeleton = _category(content, path)
    names: dict[int | None, str] = {}
    for i, value in enumerate(items(content["images"], f"{path}: images")):
        image = table(value, f"{path}: images[{i}]")
        names[whole_number(image.get("id"), f"{path}: images[{i}].id")] = str(image.get("file_name"))
    found: dict[int | None, list[Row]] = {image: [] for image in names}
    for i, value in enumerate(items(content.get("annotations", []), f"{path}: annotations")):
        where = f"{path}: annotations[{i}]"
        annotation = table(value, where)
        image_id = whole_number(annotation.get("image_id"), f"{where}.image_id")
        if image_id not in found:
            raise InputError(f"{where}.image_id: {image_id} is not one of the images")
        found[image_id].append(_annotation(annotation, skeleton, where))
    return [(name, _people(skeleton, found[image])) for image, name in names.items()]


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
    return keypoints, _score(annotation, where, None), whole_number(annotation.get("track_id"), f"{where}.track_id")


def _people(skeleton: Skeleton, rows: list[Row]) -> People:
    return gathered(skeleton, *zip(*rows, strict=True)) if rows else People.empty(skeleton)
