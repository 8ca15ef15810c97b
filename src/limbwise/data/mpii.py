"""MPII Human Pose (Andriluka et al., CVPR 2014): its Matlab file of annotations and a folder `images` beside it.

Coordinates there count from 1, here from 0. A keypoint that is not in a person's list is ABSENT: annotators marked covered ones too.
People of training images without keypoints are ignored; test images have rough places of people only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset, Labels, grown
from limbwise.data.images import Images
from limbwise.data.matlab import field, floats, number, read_mat, rows
from limbwise.errors import InputError
from limbwise.sample import ABSENT, HIDDEN, SEEN
from limbwise.skeletons import MPII_16

Part = Literal["train", "test", "all"]
PATTERN = "mpii_human_pose*.mat"
HEIGHT = 200.0  # pixels of height that a person's scale of 1 stands for
HEAD_SHARE = 0.6  # of the diagonal of the head's box: the head size of PCKh


@dataclass(frozen=True, eq=False)
class Person:
    """One person as annotated. `xy` (16, 2) float32 and `visibility` (16,) int8 as in Sample, all ABSENT where nobody marked them;
    `head` (4,) float32 xyxy, `place` (3,): x, y of the middle and the scale (height / 200); NaN where not given. `alone`: far enough
    from others for single-person methods."""

    xy: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.int8]
    head: npt.NDArray[np.float32]
    place: npt.NDArray[np.float32]
    alone: bool

    @property
    def points(self) -> npt.NDArray[np.float32]:
        """(M, 2) the marked keypoints, none where nobody marked them."""
        return np.asarray(self.xy[self.visibility >= HIDDEN])

    @property
    def head_size(self) -> float:
        """The length that PCKh is measured by."""
        return HEAD_SHARE * float(np.linalg.norm(self.head[2:] - self.head[:2]))

    @property
    def rough_box(self) -> npt.NDArray[np.float32]:
        """(4,) xyxy: a square as high as the person, about its middle."""
        x, y, scale = self.place
        half = scale * HEIGHT / 2
        return np.array([x - half, y - half, x + half, y + half], np.float32)


class MpiiDataset(Dataset):
    """MPII in folder `root`, or by its .mat; `part` by the authors' own division.

    Raises InputError where files are missing or hold something else.
    """

    def __init__(self, root: str | Path, part: Part = "train", keep: bool = False) -> None:
        self.path = find_mat(Path(root))
        (release,) = read_mat(self.path, "RELEASE")
        images = rows(field(release, "annolist"))
        trained = floats(field(release, "img_train")).ravel() > 0
        if not images or len(trained) != len(images):
            raise InputError(f"{self.path}: annolist and img_train of one length are expected in RELEASE")
        alone = rows(field(release, "single_person"))
        alone = alone if len(alone) == len(images) else [None] * len(images)
        chosen = [i for i in range(len(images)) if part == "all" or trained[i] == (part == "train")]
        self.skeleton = MPII_16
        self.names = [_name(images[i], i, self.path) for i in chosen]
        self.people = [_people(images[i], alone[i]) for i in chosen]
        self.images = Images(self.path.parent / "images", keep)

    def marked(self, i: int) -> list[Person]:
        """The people of image i with keypoints."""
        return [person for person in self.people[i] if len(person.points)]

    def labels(self, i: int) -> Labels:
        people = self.marked(i)
        xy = np.array([person.xy for person in people], np.float32).reshape(-1, len(MPII_16), 2)
        visibility = np.array([person.visibility for person in people], np.int8).reshape(-1, len(MPII_16))
        boxes = np.array([keypoint_box(person) for person in people], np.float32).reshape(-1, 4)
        areas = 0.5 * (boxes[:, 2:] - boxes[:, :2]).prod(1)  # about half of a person's box is person
        return Labels(self.names[i], xy, visibility, boxes, areas, tuple(range(len(people))), stated_boxes=False)

    def head_sizes(self, i: int) -> npt.NDArray[np.float32]:
        return np.array([person.head_size for person in self.marked(i)], np.float32)

    def has_ignored(self, i: int) -> bool:
        return len(self.marked(i)) < len(self.people[i])

    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        mask = np.zeros((size[1], size[0]), bool)
        for person in self.people[i]:
            if not len(person.points) and np.isfinite(person.rough_box).all():
                left, top, right, bottom = np.clip(person.rough_box, 0, max(size)).round().astype(int)
                mask[top : bottom + 1, left : right + 1] = True
        return mask


def find_mat(root: Path) -> Path:
    """The file of annotations; raises InputError where there is none or more than one."""
    if root.suffix == ".mat":
        return root
    found = sorted(root.glob(PATTERN))
    if len(found) != 1:
        raise InputError(f"{root}: one {PATTERN} is expected, found {len(found)}")
    return found[0]


def keypoint_box(person: Person) -> npt.NDArray[np.float32]:
    """(4,) xyxy about the marked keypoints, grown by a tenth."""
    xy = person.points
    return grown(np.concatenate([xy.min(0), xy.max(0)])[None], 0.1).reshape(4)


def _name(image: Any, i: int, path: Path) -> str:
    name = field(field(image, "image"), "name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{path}: annolist({i + 1}).image.name is not a text")
    return name


def _people(image: Any, alone: Any) -> tuple[Person, ...]:
    """The people of an image who are marked or have a place; `alone` lists those by themselves, from 1."""
    lone = set(floats(alone).ravel().tolist()) if alone is not None else set()
    found = [_person(rect, i + 1 in lone) for i, rect in enumerate(rows(field(image, "annorect")))]
    return tuple(person for person in found if len(person.points) or np.isfinite(person.place).all())


def _person(rect: Any, alone: bool) -> Person:
    head = np.array([number(rect, side) - 1 for side in ("x1", "y1", "x2", "y2")], np.float32)
    middle = field(rect, "objpos")
    place = np.array([number(middle, "x") - 1, number(middle, "y") - 1, number(rect, "scale")], np.float32)
    xy, visibility = np.full((len(MPII_16), 2), np.nan, np.float32), np.full(len(MPII_16), ABSENT, np.int8)
    for point in rows(field(field(rect, "annopoints"), "point")):
        k, at = number(point, "id", -1), (number(point, "x") - 1, number(point, "y") - 1)
        if k in range(len(MPII_16)) and np.isfinite(at).all():
            xy[int(k)], visibility[int(k)] = at, HIDDEN if number(point, "is_visible", 1) == 0 else SEEN
    return Person(xy, visibility, head, place, alone)
