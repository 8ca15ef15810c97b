"""LSP and LSPE: unmarked joints are UNKNOWN, covered ones HIDDEN, other people ignored."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from limbwise.data.lsp import LspDataset
from limbwise.data.sides import is_twisted
from limbwise.errors import InputError
from limbwise.sample import HIDDEN, SEEN, UNKNOWN
from limbwise.skeletons import LSP_14

SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
STANDING = np.array([[40, 90], [40, 70], [42, 52], [58, 52], [60, 70], [60, 90], [30, 55], [32, 42], [40, 28], [60, 28],
                     [68, 42], [70, 55], [50, 25], [50, 10]], float)  # fmt: skip


def archive(folder: Path, joints: np.ndarray, **more: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez(folder / "lspe_labels.npz", ids=np.arange(1, len(joints) + 1), joints=joints.astype(np.float32), **more)
    with zipfile.ZipFile(folder / "lspe_images.zip", "w") as images:
        for i in range(len(joints)):
            images.writestr(f"im{i + 1:05d}.webp", bytes(cv2.imencode(".webp", np.zeros((120, 160, 3), np.uint8))[1]))
    return folder


def marked(third: np.ndarray | float) -> np.ndarray:
    return np.concatenate([STANDING, np.broadcast_to(np.asarray(third, float), 14)[:, None]], axis=1)


def test_unmarked_is_unknown_not_absent(tmp_path: Path) -> None:
    third = np.ones(14)
    third[0] = 0
    sample = LspDataset(archive(tmp_path, marked(third)[None])).load(0)
    assert sample.people.skeleton == LSP_14
    assert sample.visibility[0].tolist() == [UNKNOWN] + [SEEN] * 13
    assert np.isnan(sample.people.xy[0, 0]).all()
    assert np.allclose(sample.people.xy[0, 1:], STANDING[1:])


def test_far_from_the_person_is_ignored(tmp_path: Path) -> None:
    sample = LspDataset(archive(tmp_path, marked(1)[None])).load(0)
    assert not sample.ignore[10:91, 30:71].any()
    assert sample.ignore[:, 120:].all()
    assert not LspDataset(tmp_path, margin=10).load(0).ignore.any()


def test_a_slip_outside_the_picture_is_unknown(tmp_path: Path) -> None:
    joints = marked(1)
    joints[5, :2] = 400, 90
    roi = np.array([[0, 0, 160, 120, 160, 120]])
    assert LspDataset(archive(tmp_path, joints[None], roi=roi)).load(0).visibility[0, 5] == UNKNOWN


def test_an_unknown_joint_may_lie_outside_the_box_of_the_others(tmp_path: Path) -> None:
    third = np.ones(14)
    third[[0, 1, 4, 5]] = 0
    whole, legless = (
        LspDataset(archive(tmp_path, np.stack([marked(1), marked(third)]))).labels(0),
        LspDataset(tmp_path).labels(1),
    )
    assert whole.boxes[0, 3] > 90
    assert legless.boxes[0, 3] > 70


@pytest.mark.parametrize(("extended", "zero", "one"), [(False, SEEN, HIDDEN), (True, UNKNOWN, SEEN)])
def test_the_third_number_in_joints_mat(tmp_path: Path, extended: bool, zero: int, one: int) -> None:
    third = np.ones(14)
    third[3] = 0
    joints = np.stack([marked(third)] * 5)  # (5, 14, 3)
    savemat(tmp_path / "joints.mat", {"joints": joints.transpose(1, 2, 0) if extended else joints.transpose(2, 1, 0)})
    (tmp_path / "images").mkdir()
    source = LspDataset(tmp_path)
    labels = source.labels(2)
    assert labels.visibility[0, [3, 4]].tolist() == [zero, one]
    assert labels.xy[0, 4].tolist() == STANDING[4].tolist()
    assert source.names[2] == ("im00003.jpg" if extended else "im0003.jpg")


def test_parts_share_nothing_and_twisted_trunks_are_not_learnt(tmp_path: Path) -> None:
    twisted = marked(1)
    twisted[[2, 3]] = twisted[[3, 2]]
    assert is_twisted(twisted[:, :2], np.ones(14, bool), LSP_14)
    assert not is_twisted(STANDING, np.ones(14, bool), LSP_14)
    joints = np.stack([marked(1), twisted, marked(1), twisted])
    archive(tmp_path, joints, is_val=np.array([False, False, True, True]))
    names = {part: LspDataset(tmp_path, part).names for part in ("train", "val", "all")}  # type: ignore[arg-type]
    assert names["train"] == ["im00001.webp"]
    assert names["val"] == ["im00003.webp", "im00004.webp"]
    assert len(names["all"]) == 4


def test_pseudo_labels_of_faces(tmp_path: Path) -> None:
    archive(tmp_path, np.stack([marked(1)] * 2))
    points = np.zeros((2, 2, 3))
    points[0], points[1] = [[48, 15, SEEN], [0, 0, UNKNOWN]], [[47, 16, HIDDEN], [53, 14, SEEN]]
    np.savez(tmp_path / "faces.npz", names=np.array(["nose", "left_eye"]), keypoints=points)
    source = LspDataset(tmp_path, faces=tmp_path / "faces.npz")
    assert source.skeleton.keypoints == (*LSP_14.keypoints, "nose", "left_eye")
    assert source.load(0).visibility[0, -2:].tolist() == [SEEN, UNKNOWN]
    assert source.load(1).people["nose"][0, :2].tolist() == [47, 16]


@pytest.mark.parametrize("points", [np.zeros((3, 2, 3)), np.zeros((2, 3, 3))])
def test_faces_that_do_not_fit_are_refused(tmp_path: Path, points: np.ndarray) -> None:
    archive(tmp_path, np.stack([marked(1)] * 2))
    np.savez(tmp_path / "faces.npz", names=np.array(["nose", "left_eye"]), keypoints=points)
    with pytest.raises(InputError, match=r"faces\.npz"):
        LspDataset(tmp_path, faces=tmp_path / "faces.npz")


def break_archive(folder: Path) -> None:
    (folder / "lspe_labels.npz").write_bytes(b"nothing")


def break_matlab(folder: Path) -> None:
    (folder / "joints.mat").write_bytes(b"nothing at all" * 20)


def odd_matlab(folder: Path) -> None:
    savemat(folder / "joints.mat", {"joints": np.zeros((3, 15, 2))})


def other_arrays(folder: Path) -> None:
    np.savez(folder / "lspe_labels.npz", ids=np.zeros(2))


@pytest.mark.parametrize("make", [lambda folder: None, break_archive, break_matlab, odd_matlab, other_arrays])
def test_what_is_no_lsp_is_refused(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path)
    with pytest.raises(InputError, match=str(tmp_path)):
        LspDataset(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_the_real_archive() -> None:
    source = LspDataset(SHARED / "data" / "lspe", "val")
    assert (len(source), source.names[0]) == (1000, "im09001.webp")
    stored = np.load(SHARED / "data" / "lspe" / "lspe_labels.npz")["joints"][9000:]
    for i in (0, 500, 999):
        sample = source.load(i)
        there = stored[i, :, 2] > 0
        assert ((sample.visibility[0] == SEEN) == there).all()
        assert np.allclose(sample.people.xy[0][there], stored[i, there, :2])
