"""Leeds Sports Pose (LSP) and its extended training set (LSPE): one labelled person an image.

Johnson and Everingham, BMVC 2010 and CVPR 2011. Two forms are read: the authors' `joints.mat` beside a folder `images`, and
one archive `lspe_labels.npz` (ids, joints, is_val) beside `lspe_images.zip` or a folder `images`.

The third number of a joint differs: LSP (array 3 x 14 x N) says 1 where the joint is covered, and marks all; LSPE
(14 x 3 x N) says 0 where nobody marked it, which is UNKNOWN: it may be anywhere, so it must not be learnt as absent.
Coordinates are taken as they stand; a joint of the archive that lies outside its picture is a slip, and UNKNOWN.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import SLACK, Dataset, Labels, grown
from limbwise.data.images import Images
from limbwise.data.matlab import read_mat
from limbwise.data.sides import is_twisted
from limbwise.errors import InputError
from limbwise.npz import open_npz
from limbwise.sample import HIDDEN, SEEN, UNKNOWN
from limbwise.skeleton import Skeleton
from limbwise.skeletons import LSP_14

Part = Literal["all", "train", "val"]
VALIDATION = 1000  # the last images of LSP and LSPE are kept for validation by those who report figures on them


class LspDataset(Dataset):
    """LSP or LSPE in folder `root`; `part` val is the last 1,000 images, train the others less those of whom shoulders and hips run
    opposite ways (two in a hundred of LSPE): the sides of one of them are swapped, and nobody knows which.

    Other people in the picture are not labelled. What is further than `margin` of the person's size from the person's box is
    therefore ignored: within it a second person is rare, beyond it common. The box is that of the marked joints, grown by a
    tenth, or by four tenths where a joint is UNKNOWN and may lie outside of it. `faces`: an npz of pseudo-labels, see
    `read_faces`; the skeleton then has the face's points behind LSP's 14. Raises InputError where files are missing or do
    not fit.
    """

    def __init__(
        self, root: str | Path, part: Part = "all", margin: float = 0.25, faces: str | Path | None = None, keep: bool = False
    ) -> None:  # fmt: skip
        self.root = root = Path(root)
        names, joints, visibility, is_val, archive = _read(root)
        self.skeleton = LSP_14
        if faces is not None:
            self.skeleton, joints, visibility = _with_faces(joints, visibility, Path(faces))
        chosen = np.flatnonzero({"all": np.ones_like(is_val), "train": ~is_val, "val": is_val}[part])
        if part == "train":
            chosen = np.array(
                [i for i in chosen if not is_twisted(joints[i], visibility[i] >= HIDDEN, self.skeleton)], int
            )
        self.names = [names[i] for i in chosen]
        self.margin = margin
        self._joints, self._visibility = joints[chosen], visibility[chosen]
        self._boxes = person_boxes(self._joints[:, :14], self._visibility[:, :14])
        self.images = Images(archive, keep)

    def labels(self, i: int) -> Labels:
        box = self._boxes[i : i + 1]
        area = 0.5 * (box[:, 2:] - box[:, :2]).prod(1)  # about half of a person's box is person
        joints, visibility = self._joints[i : i + 1], self._visibility[i : i + 1]
        return Labels(self.names[i], joints, visibility, box, area, (i,), stated_boxes=False)

    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        left, top, right, bottom = np.clip(grown(self._boxes[i : i + 1], self.margin)[0], 0, None).round().astype(int)
        mask = np.ones((size[1], size[0]), bool)
        mask[top : bottom + 1, left : right + 1] = False
        return mask


def person_boxes(joints: npt.NDArray[np.float32], visibility: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """(N, 4) xyxy boxes that hold the whole person: of the marked joints, grown, more so where some are UNKNOWN."""
    marked = (visibility >= HIDDEN)[..., None]
    low = np.where(marked, joints, np.inf).min(1)
    high = np.where(marked, joints, -np.inf).max(1)
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    boxes[~np.isfinite(boxes)] = 0
    return grown(boxes, np.where((visibility == UNKNOWN).any(1), 0.4, 0.1))


def read_faces(path: Path) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Pseudo-labels: `names` (F,) keypoint names and `keypoints` (N, F, 3) x, y, v for all N images of the set in its order.

    v is a visibility of Sample; -1 (UNKNOWN) where nothing was found.
    """
    table = _arrays(path)
    if not {"names", "keypoints"} <= table.keys() or table["keypoints"].shape[1:] != (len(table["names"]), 3):
        raise InputError(f"{path}: names (F,) and keypoints (N, F, 3) are expected")
    return tuple(str(name) for name in table["names"]), table["keypoints"].astype(np.float32)


def _with_faces(
    joints: npt.NDArray[np.float32], visibility: npt.NDArray[np.int8], path: Path
) -> tuple[Skeleton, npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """LSP's arrays with the pseudo-labelled points behind, and the skeleton of both."""
    names, points = read_faces(path)
    if len(points) != len(joints):
        raise InputError(f"{path}: {len(points)} images, but the data set has {len(joints)}")
    try:
        skeleton = Skeleton("lsp_faces", LSP_14.keypoints + names, LSP_14.limbs, LSP_14.sigmas + (0.03,) * len(names))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    joined = np.concatenate([joints, points[..., :2]], axis=1)
    return skeleton, joined, np.concatenate([visibility, points[..., 2].astype(np.int8)], axis=1)


def _read(root: Path) -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.bool_], Path]:
    """Image names, joints (N, 14, 2), visibility (N, 14), whether kept for validation (N,), and where the images are."""
    if (root / "lspe_labels.npz").is_file():
        return _read_archive(root)
    if (root / "joints.mat").is_file():
        return _read_matlab(root)
    raise InputError(f"{root}: neither lspe_labels.npz nor joints.mat is there")


def _read_archive(root: Path) -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.bool_], Path]:  # fmt: skip
    path = root / "lspe_labels.npz"
    table = _arrays(path)
    if not {"ids", "joints"} <= table.keys() or table["joints"].shape != (len(table["ids"]), 14, 3):
        raise InputError(f"{path}: ids (N,) and joints (N, 14, 3) are expected")
    zipped = root / "lspe_images.zip"
    suffix = ".webp" if zipped.is_file() else ".jpg"
    names = [f"im{number:05d}{suffix}" for number in table["ids"]]
    joints = table["joints"].astype(np.float32)
    is_val = table.get("is_val", np.arange(len(names)) >= len(names) - VALIDATION).astype(bool)
    if "roi" in table:
        joints[_outside(joints, table["roi"][:, 2:4]), 2] = 0
    return names, joints[..., :2], _lspe_visibility(joints), is_val, zipped if zipped.is_file() else root / "images"


def _read_matlab(root: Path) -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.bool_], Path]:  # fmt: skip
    path = root / "joints.mat"
    stored = np.asarray(read_mat(path, "joints")[0])
    if stored.ndim != 3 or stored.shape[:2] not in {(3, 14), (14, 3)}:
        raise InputError(f"{path}: joints: 3 x 14 x N (LSP) or 14 x 3 x N (LSPE) is expected, got {stored.shape}")
    extended = stored.shape[:2] == (14, 3)
    joints = np.transpose(stored, (2, 0, 1) if extended else (2, 1, 0)).astype(np.float32)
    covered = np.where(joints[..., 2] == 1, HIDDEN, SEEN).astype(np.int8)
    digits = 5 if extended else 4
    names = [f"im{number:0{digits}d}.jpg" for number in range(1, len(joints) + 1)]
    is_val = np.arange(len(joints)) >= len(joints) - VALIDATION
    return names, joints[..., :2], _lspe_visibility(joints) if extended else covered, is_val, root / "images"


def _outside(joints: npt.NDArray[np.float32], sizes: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """(N, 14) whether a joint lies more than SLACK pixels outside its picture; `sizes` (N, 2) width, height."""
    beyond = (joints[..., :2] < -SLACK) | (joints[..., :2] > sizes[:, None] - 1 + SLACK)
    return np.asarray(beyond.any(-1))


def _lspe_visibility(joints: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    return np.where(joints[..., 2] > 0, SEEN, UNKNOWN).astype(np.int8)


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an npz."""
    with open_npz(path, "not an npz that can be read") as table:
        return dict(table)
