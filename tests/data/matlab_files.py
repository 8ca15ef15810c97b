"""Matlab files as MPII, Penn Action and pose-tensorflow lay them out, written for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import savemat

JOINTS = [(40, 90), (40, 70), (42, 52), (58, 52), (60, 70), (60, 90), (50, 52), (50, 30), (50, 25), (50, 10), (30, 55),
          (32, 42), (40, 28), (60, 28), (68, 42), (70, 55)]  # fmt: skip


def picture(path: Path, width: int, height: int, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    cv2.imwrite(str(path), cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (width, height)))


def structs(rows: list[dict[str, Any]]) -> np.ndarray:
    """A struct array, 1 x N, of dicts with the same names."""
    array = np.empty((1, len(rows)), [(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        for name, value in row.items():
            array[0, i][name] = value
    return array


def cell(values: list[Any], column: bool = True) -> np.ndarray:
    array = np.empty((len(values), 1) if column else (1, len(values)), object)
    for i, value in enumerate(values):
        array.flat[i] = value
    return array


def person(dx: float = 0, dy: float = 0, hidden: tuple[int, ...] = (), absent: tuple[int, ...] = ()) -> dict[str, Any]:
    """An annotated person of JOINTS, counted from 1, moved."""
    points = [{"x": x + dx + 1.0, "y": y + dy + 1.0, "id": k, "is_visible": "0" if k in hidden else ("" if k == 9 else "1")}
              for k, (x, y) in enumerate(JOINTS) if k not in absent]  # fmt: skip
    return {"x1": 44 + dx, "y1": 6 + dy, "x2": 56 + dx, "y2": 22 + dy, "annopoints": {"point": structs(points)},
            "scale": 0.5, "objpos": {"x": 51 + dx, "y": 51 + dy}}  # fmt: skip


def unmarked(x: float, y: float) -> dict[str, Any]:
    """A person of whom a rough place is known."""
    empty = np.zeros((0, 0))
    return {"x1": empty, "y1": empty, "x2": empty, "y2": empty, "annopoints": empty, "scale": 0.2,
            "objpos": {"x": x + 1, "y": y + 1}}  # fmt: skip


def write_mpii(folder: Path) -> Path:
    """Five photos of 200 x 120: one alone, two people, one with an unmarked one beside, one of the test part, one empty."""
    rects = [[person(hidden=(0,), absent=(15,))], [person(), person(dx=70)], [person(), unmarked(150, 60)],
             [unmarked(90, 50)], []]  # fmt: skip
    annolist = []
    for i, people in enumerate(rects):
        picture(folder / "images" / f"{i:09d}.jpg", 200, 120, i)
        annolist.append({"image": {"name": f"{i:09d}.jpg"}, "annorect": structs(people) if people else np.zeros((0, 0)),
                         "frame_sec": np.zeros((0, 0)), "vidx": np.zeros((0, 0))})  # fmt: skip
    release = {"annolist": structs(annolist), "img_train": np.array([[1, 1, 1, 0, 1]]), "version": "12",
               "single_person": cell([1, np.zeros((0, 0)), np.array([[1]]), 1, np.zeros((0, 0))])}  # fmt: skip
    path = folder / "mpii_human_pose_v1_u12_1.mat"
    savemat(path, {"RELEASE": release}, do_compression=True)
    return path


def write_penn(folder: Path) -> Path:
    """Two videos, of 4 frames for training and 3 for testing."""
    for number, (frames, trained) in enumerate([(4, 1), (3, -1)], 1):
        x = np.arange(13) * 5.0 + 20 + np.arange(frames)[:, None]
        y = np.arange(13) * 6.0 + 10 + np.zeros((frames, 1))
        visible = np.ones((frames, 13))
        visible[1, 4] = 0
        boxes = np.tile([10.0, 5.0, 95.0, 90.0], (frames, 1))
        boxes[2] = 0
        (folder / "labels").mkdir(parents=True, exist_ok=True)
        savemat(folder / "labels" / f"{number:04d}.mat",
                {"x": x, "y": y, "visibility": visible, "train": trained, "bbox": boxes, "nframes": frames, "action": "jump",
                 "pose": "front", "dimensions": [[100, 120, frames]]})  # fmt: skip
        for i in range(frames):
            picture(folder / "frames" / f"{number:04d}" / f"{i + 1:06d}.jpg", 120, 100)
    return folder


def write_deepcut(folder: Path) -> Path:
    """Three images: two people, one, and one of whom nothing is known."""
    people = [
        [np.array([[0, 10, 20], [13, 30, 5]], np.int32), np.array([[2, 50, 60]], np.int32)],
        [np.array([[1, 11, 12], [3, 13, 14]], np.int32)],
        [np.zeros((0, 3), np.int32)],
    ]
    items = []
    for i, joints in enumerate(people):
        picture(folder / "images" / f"im{i}.png", 90, 80)
        items.append({"image": f"/elsewhere/mpii/im{i}.png", "size": np.array([[3, 80, 90]]), "joints": cell(joints, False)})  # fmt: skip
    savemat(folder / "dataset.mat", {"dataset": structs(items)})
    return folder / "dataset.mat"
