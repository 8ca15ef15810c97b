"""DeeperCut's own form of data sets (pose-tensorflow): a Matlab file `dataset.mat` that lists images and their people's joints.

A struct array `dataset`: `image` (a path), `size` (3, height, width) and `joints`, a cell of people, each n x 3: keypoint from 0, x,
y. A keypoint that is not listed is ABSENT. The published loader read the first person only; all are read here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset, Labels, grown
from limbwise.data.images import Images
from limbwise.data.matlab import field, floats, read_mat, rows
from limbwise.errors import InputError
from limbwise.sample import ABSENT, HIDDEN, SEEN
from limbwise.skeleton import Skeleton
from limbwise.skeletons import MPII_14


class DeepcutDataset(Dataset):
    """A `dataset.mat` by its path or its folder; `skeleton` says what the keypoints are (default: MPII's 14).

    Images are looked for where the file says, then below its folder. Raises InputError where files are missing or hold something
    else, or a keypoint is none of the skeleton's.
    """

    def __init__(self, path: str | Path, skeleton: Skeleton = MPII_14, keep: bool = False) -> None:
        path = Path(path)
        self.path = path if path.suffix == ".mat" else path / "dataset.mat"
        (items,) = read_mat(self.path, "dataset")
        self.skeleton = skeleton
        self.images = Images(self.path.parent, keep)
        self.names: list[str] = []
        self._people: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]] = []
        for i, item in enumerate(rows(items)):
            name = field(item, "image")
            if not isinstance(name, str) or not name:
                raise InputError(f"{self.path}: dataset({i + 1}).image is not a text")
            self.names.append(self._found(name))
            self._people.append(_people(field(item, "joints"), skeleton, f"{self.path}: dataset({i + 1}).joints"))
        if not self.names:
            raise InputError(f"{self.path}: dataset holds no images")

    def labels(self, i: int) -> Labels:
        xy, visibility = self._people[i]
        marked = (visibility >= HIDDEN)[..., None]
        low, high = np.where(marked, xy, np.inf).min(1), np.where(marked, xy, -np.inf).max(1)
        boxes = grown(np.concatenate([low, high], axis=1).astype(np.float32), 0.1)
        area = 0.5 * (boxes[:, 2:] - boxes[:, :2]).prod(1)  # about half of a person's box is person
        return Labels(self.names[i], xy, visibility, boxes, area, tuple(range(len(xy))), stated_boxes=False)

    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        return np.zeros((size[1], size[0]), bool)

    def _found(self, name: str) -> str:
        """The image where the file says, which another machine wrote, or of that name below the file's folder."""
        folder, own = self.path.parent, Path(name.replace("\\", "/"))
        for place in (own, Path(own.name), Path("images") / own.name):
            if (folder / place).is_file():
                return str(place)
        return str(own)


def _people(cell: Any, skeleton: Skeleton, where: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """xy (N, K, 2) and visibility (N, K) of the people in a cell, those without keypoints left out."""
    people = [cell] if isinstance(cell, np.ndarray) else rows(cell)
    found: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]] = []
    for person in people:
        joints = floats(person)
        if joints.size % 3 or joints.ndim > 2 or (joints.ndim == 2 and joints.shape[1] != 3):
            raise InputError(f"{where}: n x 3 numbers are expected, got {joints.shape}")
        joints = joints.reshape(-1, 3)
        kinds = joints[:, 0]
        if not np.isfinite(joints).all() or not np.isin(kinds, np.arange(len(skeleton))).all():
            raise InputError(f"{where}: keypoints from 0 to {len(skeleton) - 1} of {skeleton.name} are expected")
        if len(joints):
            xy, visibility = np.full((len(skeleton), 2), np.nan, np.float32), np.full(len(skeleton), ABSENT, np.int8)
            xy[kinds.astype(int)], visibility[kinds.astype(int)] = joints[:, 1:], SEEN
            found.append((xy, visibility))
    shape = (len(found), len(skeleton))
    return (np.array([xy for xy, _ in found], np.float32).reshape(*shape, 2),
            np.array([visibility for _, visibility in found], np.int8).reshape(shape))  # fmt: skip
