"""Penn Action (Zhang et al., ICCV 2013): `labels/NNNN.mat` of each video and its frames in `frames/NNNN/`, one person a frame.

Coordinates there count from 1, here from 0. What is marked as not visible may be anywhere: UNKNOWN.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset, Labels, grown
from limbwise.data.images import Images
from limbwise.data.matlab import floats, read_mat
from limbwise.errors import InputError
from limbwise.sample import HIDDEN, SEEN, UNKNOWN
from limbwise.skeletons import PENN_13

Part = Literal["train", "test", "all"]


class PennDataset(Dataset):
    """Penn Action in folder `root`; `part` by the authors' own division of videos; every `every`-th frame, since neighbours are alike.

    Raises InputError where files are missing or hold something else.
    """

    def __init__(self, root: str | Path, part: Part = "train", every: int = 1, keep: bool = False) -> None:
        root = Path(root)
        paths = sorted((root / "labels").glob("*.mat"))
        if not paths:
            raise InputError(f"{root}: labels/*.mat and frames/ are expected")
        self.skeleton = PENN_13
        self.images = Images(root / "frames", keep)
        self.names: list[str] = []
        chosen: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float32]]] = []
        for path in paths:
            trained, xy, visibility, boxes = _video(path)
            if part == "all" or trained == (part == "train"):
                self.names += [f"{path.stem}/{i + 1:06d}.jpg" for i in range(0, len(xy), every)]
                chosen.append((xy[::every], visibility[::every], boxes[::every]))
        columns = list(zip(*chosen, strict=True))
        if not columns:
            raise InputError(f"{root}: no video of part {part!r}")
        self._xy, self._visibility, self._boxes = (np.concatenate(column) for column in columns)

    def labels(self, i: int) -> Labels:
        box = self._boxes[i : i + 1]
        area = 0.5 * (box[:, 2:] - box[:, :2]).prod(1)  # about half of a person's box is person
        return Labels(self.names[i], self._xy[i : i + 1], self._visibility[i : i + 1], box, area, (i,))

    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        return np.zeros((size[1], size[0]), bool)


def _video(
    path: Path,
) -> tuple[bool, npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Whether a video is for training, xy (F, 13, 2), visibility (F, 13) and boxes (F, 4) of its frames."""
    x, y, visible, trained = (floats(value) for value in read_mat(path, "x", "y", "visibility", "train"))
    keypoints = len(PENN_13)
    if {x.shape, y.shape, visible.shape} != {(len(x), keypoints)} or trained.size != 1:
        raise InputError(f"{path}: x, y and visibility of F x {keypoints} and one number train are expected")
    xy = np.stack([x, y], axis=-1) - 1
    visibility = np.where(visible > 0, SEEN, UNKNOWN).astype(np.int8)
    return bool(trained.ravel()[0] > 0), xy, visibility, _boxes(path, xy, visibility)


def _boxes(path: Path, xy: npt.NDArray[np.float32], visibility: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Boxes (F, 4) xyxy: the stated ones, of the visible keypoints where a frame has none."""
    seen = (visibility >= HIDDEN)[..., None]
    low, high = np.where(seen, xy, np.inf).min(1), np.where(seen, xy, -np.inf).max(1)
    own = grown(np.concatenate([low, high], axis=1).astype(np.float32), 0.2)
    try:
        stated = floats(read_mat(path, "bbox")[0]).reshape(-1, 4) - 1
    except (InputError, ValueError):
        stated = np.zeros((0, 4), np.float32)
    boxes = stated if len(stated) == len(xy) else own
    sound = np.isfinite(boxes).all(1, keepdims=True) & (boxes[:, 2:] > boxes[:, :2]).all(1, keepdims=True)
    return np.nan_to_num(np.where(sound, boxes, own), posinf=0, neginf=0).astype(np.float32)
