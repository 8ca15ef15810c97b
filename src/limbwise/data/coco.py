"""COCO keypoint files: a json of images, annotations and categories beside a folder or a zip of images.

Also for data sets of one's own: keypoint names come from the category, or from a skeleton that is given (see
skeletons.read_skeleton). Coordinates of keypoints are pixel centres as ours; boxes are taken from edge to edge there, so half a
pixel is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limbwise.checked import is_person, person_categories, read_json
from limbwise.data.dataset import Dataset, Labels
from limbwise.data.images import Images, find_images
from limbwise.data.regions import region
from limbwise.errors import InputError
from limbwise.sample import ABSENT, HIDDEN, SEEN, UNKNOWN
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, SKELETONS, of_the_house

# What makers of COCO-like files add: the rendered scenes mark neck and head top in a field of their own.
NECK_TOP = ("neck", "head_top")


@dataclass(frozen=True)
class CocoOptions:
    """`unlabelled`: what v = 0 says; COCO's own annotators left out what is outside the image or out of sight, so "absent".
    `min_keypoints`, `min_area`: people with fewer labelled keypoints or a smaller area become ignore regions (Chainer OpenPose
    trains with 5 and 32 x 32). `far_face`: take face points on the far side of the head, which rendered scenes list in
    `hidden_face`, as HIDDEN; COCO leaves them out, and so does the default."""

    unlabelled: Literal["absent", "unknown"] = "absent"
    min_keypoints: int = 1
    min_area: float = 0.0
    far_face: bool = False


class CocoDataset(Dataset):
    """A COCO keypoint json with its images; images without people stay, as examples of background.

    `labels`: the json. `images`: a folder or zip (default: see images.find_images). Crowds, people without keypoints and those
    that the options leave out become ignore masks: their polygons or run lengths less the polygons of labelled people, else
    their box. Raises InputError that names the file and what is wrong.
    """

    def __init__(
        self,
        labels: str | Path,
        images: str | Path | None = None,
        skeleton: Skeleton | None = None,
        options: CocoOptions | None = None,
        keep: bool = False,
    ) -> None:
        self.path, self.options = Path(labels), options or CocoOptions()
        table = _read(self.path)
        people = [a for a in table["annotations"] if "keypoints" in a or a.get("iscrowd")]
        self._has_extras = any("neck_top" in a for a in people)
        self.skeleton = _skeleton(table, self._has_extras, self.path, skeleton)
        categories = person_categories(table)
        people = [a for a in people if is_person(a, categories)]
        self.images = Images(images if images is not None else find_images(self.path, table), keep)
        self._image_ids = [image["id"] for image in table["images"]]
        self.names = [str(image["file_name"]) for image in table["images"]]
        self._sizes = [stated_size(image) for image in table["images"]]
        self._fill(people)

    @property
    def judged(self) -> Skeleton:
        """What the keypoints of the json itself are, for COCO's measure: its own ones, without extras beside them."""
        return _without_extras(self.skeleton) if self._has_extras else self.skeleton

    @property
    def image_ids(self) -> list[object]:
        return self._image_ids

    def has_ignored(self, i: int) -> bool:
        return bool(self._ignored[i])

    def labels(self, i: int) -> Labels:
        rows = self._trained[i]
        xyv, boxes = self._xyv[rows], self._boxes[rows]
        absent = UNKNOWN if self.options.unlabelled == "unknown" else ABSENT
        written = xyv[..., 2]
        visibility = np.where(written >= 2, SEEN, np.where(written == 1, HIDDEN, absent)).astype(np.int8)
        odd = np.isnan(xyv).any(-1) & (written != 0)
        visibility[odd] = SEEN  # not silently absent: load refuses it, check names it
        ids = tuple(self._ids[row] for row in rows)
        return Labels(self.names[i], xyv[..., :2], visibility, boxes, self._areas[rows], ids, self._sizes[i])

    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        mask = np.zeros((size[1], size[0]), bool)
        for row in self._ignored[i]:
            mask |= region(self._segments.get(row), self._boxes[row], size)
        if mask.any():
            for row in self._trained[i]:
                if isinstance(self._segments.get(row), list):
                    mask &= ~region(self._segments[row], self._boxes[row], size)
        return mask

    def _fill(self, people: list[dict[str, Any]]) -> None:
        """Annotations as arrays, and for each image the rows of those to train on and of those to ignore."""
        index = {key: i for i, key in enumerate(self._image_ids)}
        self._trained: list[list[int]] = [[] for _ in self.names]
        self._ignored: list[list[int]] = [[] for _ in self.names]
        self._segments = {row: a["segmentation"] for row, a in enumerate(people) if a.get("segmentation")}
        self._xyv = np.zeros((len(people), len(self.skeleton), 3), np.float32)
        self._boxes = np.zeros((len(people), 4), np.float32)
        self._areas = np.zeros(len(people), np.float32)
        self._ids = [a["id"] if isinstance(a.get("id"), (int, str)) else row for row, a in enumerate(people)]
        for row, annotation in enumerate(people):
            self._xyv[row] = self._keypoints(annotation)
            try:
                self._boxes[row] = _box(annotation, self._xyv[row])
                self._areas[row] = annotation.get("area") or np.prod(self._boxes[row, 2:] - self._boxes[row, :2])
            except (TypeError, ValueError):
                raise InputError(
                    f"{self.path}: annotation {self._ids[row]}: bbox, area: numbers are expected"
                ) from None
            i = index.get(annotation.get("image_id"))
            if i is None:
                where = f"{self.path}: annotation {self._ids[row]}"
                raise InputError(f"{where}: image_id {annotation.get('image_id')!r} is not among the images")
            trained = not annotation.get("iscrowd") and self._is_enough(row)
            (self._trained if trained else self._ignored)[i].append(row)

    def _is_enough(self, row: int) -> bool:
        labelled = int((~(self._xyv[row, :, 2] <= 0)).sum())
        return labelled >= max(1, self.options.min_keypoints) and not self._areas[row] < self.options.min_area

    def _keypoints(self, annotation: dict[str, Any]) -> npt.NDArray[np.float32]:
        """(K, 3) x, y, v of one annotation; zeros for a crowd."""
        written = [*(annotation.get("keypoints") or ()), *annotation.get("neck_top", ())]
        count = len(self.skeleton)
        if not annotation.get("keypoints"):
            return np.zeros((count, 3), np.float32)
        try:
            xyv = np.array(written, np.float32).reshape(count, 3)
        except (TypeError, ValueError):
            wanted = f"{3 * count} numbers are needed for {self.skeleton.name}, got {len(written)}"
            where = f"{self.path}: annotation {annotation.get('id')}"
            raise InputError(f"{where}: keypoints: {wanted}") from None
        if self.options.far_face:
            for k, x, y in annotation.get("hidden_face", ()):
                xyv[k] = x, y, 1
        return xyv


def _read(path: Path) -> dict[str, Any]:
    table = read_json(path)
    for field, needed in (("images", {"id", "file_name"}), ("annotations", set())):
        rows = table.get(field) if isinstance(table, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) and needed <= row.keys() for row in rows):
            fields = f" with {' and '.join(sorted(needed))}" if needed else ""
            raise InputError(f"{path}: {field}: a list of tables{fields} is expected")
    return dict(table)


def _skeleton(table: dict[str, Any], has_neck_top: bool, path: Path, given: Skeleton | None) -> Skeleton:
    """The given skeleton, its keypoints in the order of the file; else that of the first category that has keypoints, one of the house
    where the names are the same."""
    category = next(iter(person_categories(table)), {})
    names = tuple(str(name) for name in category.get("keypoints", COCO_17.keypoints)) + NECK_TOP * has_neck_top
    if given is not None:
        try:
            return given.reordered(names) if category else given
        except ValueError as error:
            raise InputError(f"{path}: categories: {error}; name them alike in both files") from error
    if (known := of_the_house(names)) is not None:
        return known
    house = {name: sigma for s in SKELETONS.values() for name, sigma in zip(s.keypoints, s.sigmas, strict=True)}
    try:
        limbs = tuple((a - 1, b - 1) for a, b in category.get("skeleton", []))
        limbs += ((len(names) - 2, len(names) - 1),) if has_neck_top else ()
        return Skeleton(f"{path.stem}_{len(names)}", names, limbs, tuple(house.get(name, 0.08) for name in names))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: categories: {error}") from error


def _without_extras(skeleton: Skeleton) -> Skeleton:
    """A skeleton without the neck and head top at its end; one of the house where the names are the same."""
    names = skeleton.keypoints[: -len(NECK_TOP)]
    limbs = tuple(limb for limb in skeleton.limbs if max(limb) < len(names))
    return of_the_house(names) or Skeleton(skeleton.name, names, limbs, skeleton.sigmas[: len(names)])


def stated_size(image: dict[str, Any]) -> tuple[int, int] | None:
    """(width, height) as an entry of a COCO table states it; None where it does not."""
    width, height = image.get("width"), image.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0 else None


def _box(annotation: dict[str, Any], xyv: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(4,) xyxy; of the keypoints where there is no bbox."""
    written = annotation.get("bbox")
    if written is not None and len(written) == 4:
        x, y, width, height = (float("nan") if value is None else float(value) for value in written)
        return np.array([x, y, x + width, y + height], np.float32) - np.float32(0.5)
    xy = xyv[xyv[:, 2] > 0, :2]
    return np.concatenate([xy.min(0), xy.max(0)]) if len(xy) else np.zeros(4, np.float32)
