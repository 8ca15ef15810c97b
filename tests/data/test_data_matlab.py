"""MPII, Penn Action and DeeperCut's dataset.mat: coordinates from 0, what is marked, ignored or damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matlab_files import JOINTS, cell, structs, write_deepcut, write_mpii, write_penn
from scipy.io import savemat

from limbwise.cli.data import mpii as mpii_verb
from limbwise.data.dataset import Dataset
from limbwise.data.deepcut import DeepcutDataset
from limbwise.data.find import open_dataset
from limbwise.data.matlab import field, number, read_mat, rows
from limbwise.data.mpii import MpiiDataset
from limbwise.data.mpii_crops import plan_crop
from limbwise.data.penn import PennDataset
from limbwise.errors import InputError, UsageError
from limbwise.geometry import apply
from limbwise.sample import ABSENT, HIDDEN, SEEN, UNKNOWN
from limbwise.skeletons import COCO_17, MPII_14, MPII_16, PENN_13


def test_mpii(tmp_path: Path) -> None:
    write_mpii(tmp_path)
    source = open_dataset(tmp_path)
    assert isinstance(source, MpiiDataset)
    assert source.names == [f"{i:09d}.jpg" for i in (0, 1, 2, 4)]
    sample = source.load(0)
    assert sample.people.skeleton == MPII_16
    assert sample.visibility[0].tolist() == [HIDDEN, *[SEEN] * 14, ABSENT]
    assert np.allclose(sample.people.xy[0, :15], JOINTS[:15])
    assert not sample.ignore.any()
    assert len(source.load(1).people) == 2
    assert len(source.load(3).people) == 0
    assert source.marked(0)[0].head_size == pytest.approx(0.6 * 20)


def test_mpii_people_without_keypoints_are_ignored(tmp_path: Path) -> None:
    source = MpiiDataset(write_mpii(tmp_path))
    sample = source.load(2)
    assert len(sample.people) == 1
    assert [source.has_ignored(i) for i in range(4)] == [False, False, True, False]
    rows, columns = np.nonzero(sample.ignore)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (130, 170, 40, 80)  # 200 x 0.2 about (150, 60)


def test_mpii_test_part_has_places_only(tmp_path: Path) -> None:
    source = MpiiDataset(write_mpii(tmp_path), "test")
    assert source.names == ["000000003.jpg"]
    assert len(source.load(0).people) == 0
    assert source.people[0][0].place.tolist() == pytest.approx([90, 50, 0.2])
    assert len(MpiiDataset(tmp_path, "all")) == 5


def test_mpii_crops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A head of 12 pixels becomes 50: the person is enlarged 4.17 times and cut out with its margin."""
    write_mpii(tmp_path)
    mpii_verb(tmp_path, tmp_path / "out")
    assert "4 people of 4 photos, 0 troubles" in capsys.readouterr().out
    crops = open_dataset(tmp_path / "out")
    assert crops.skeleton == MPII_14
    table = json.loads((tmp_path / "out" / "mpii.json").read_text())
    assert [image["source"] for image in table["images"]] == [f"{i:09d}.jpg" for i in (0, 1, 1, 2)]
    sample = crops.load(0)
    marked = sample.visibility[0] >= HIDDEN
    places = MPII_14.map_from(MPII_16)
    assert marked.tolist() == [k != 15 for k in places]
    back = apply(np.linalg.inv(np.vstack([table["images"][0]["frame"], (0, 0, 1)]))[:2], sample.people.xy[0, marked])
    assert np.allclose(back, np.array(JOINTS)[places[marked]], atol=0.02)
    ankles, head = sample.people["right_ankle"][0, :2], sample.people["head_top"][0, :2]
    assert ankles[1] - head[1] == pytest.approx(80 * 50 / 12, rel=0.01)
    assert sample.image.shape[1] == table["images"][0]["width"]


def test_mpii_crops_of_the_test_part(tmp_path: Path) -> None:
    write_mpii(tmp_path)
    mpii_verb(tmp_path, tmp_path / "out", "test")
    table = json.loads((tmp_path / "out" / "mpii.json").read_text())
    assert (len(table["images"]), table["annotations"]) == (1, [])
    image = table["images"][0]
    middle = apply(np.array(image["frame"]), np.array([90.0, 50.0]))
    assert middle == pytest.approx([image["width"] / 2, image["height"] / 2], abs=40)
    with pytest.raises(UsageError, match="--part"):
        mpii_verb(tmp_path, tmp_path / "out", "val")


def test_a_crop_stays_away_from_other_people_at_the_side(tmp_path: Path) -> None:
    source = MpiiDataset(write_mpii(tmp_path))
    one, two = source.people[1]
    zoom = 50 / 12
    alone = plan_crop(source.people[0][0], [], (200, 120))
    assert alone is not None
    assert (alone.left, alone.right) == (0, round((68 + 0.5) * zoom - 0.5 + 130) + 1)
    crowded = plan_crop(one, [two], (200, 120))
    apart = plan_crop(replace(one, alone=True), [two], (200, 120))
    assert crowded is not None
    assert apart is not None
    nearest = (100 + 0.5) * zoom - 0.5  # the other's wrist
    assert apart.right == round(nearest - 20) + 1
    assert crowded.right == round((70 + 0.5) * zoom - 0.5 + 65) + 1
    assert plan_crop(replace(one, head=one.head * 0), [], (200, 120)) is not None  # by its scale
    assert plan_crop(replace(one, head=one.head * 0, place=one.place * np.nan), [], (200, 120)) is None


def test_a_damaged_photo_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mpii(tmp_path)
    (tmp_path / "images" / "000000001.jpg").write_bytes(b"nothing")
    with pytest.raises(SystemExit) as left:
        mpii_verb(tmp_path, tmp_path / "out")
    assert left.value.code == 3
    assert "000000001.jpg" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out" / "mpii.json").read_text())["images"]) == 2


def test_penn(tmp_path: Path) -> None:
    source = open_dataset(write_penn(tmp_path))
    assert isinstance(source, PennDataset)
    assert source.names == [f"0001/{i:06d}.jpg" for i in range(1, 5)]
    sample = source.load(1)
    assert sample.people.skeleton == PENN_13
    assert sample.visibility[0].tolist() == [UNKNOWN if k == 4 else SEEN for k in range(13)]
    assert sample.people["head"][0, :2].tolist() == [20, 9]
    assert source.labels(0).boxes[0].tolist() == [9, 4, 94, 89]
    assert source.labels(2).boxes[0, 0] < source.labels(2).xy[0, :, 0].min()  # no box is stated there
    assert PennDataset(tmp_path, "test").names[0] == "0002/000001.jpg"
    assert PennDataset(tmp_path, "all", every=3).names == ["0001/000001.jpg", "0001/000004.jpg", "0002/000001.jpg"]


def test_deepcut(tmp_path: Path) -> None:
    source = open_dataset(write_deepcut(tmp_path))
    assert isinstance(source, DeepcutDataset)
    assert [len(source.load(i).people) for i in range(3)] == [2, 1, 0]
    sample = source.load(0)
    assert sample.people.skeleton == MPII_14
    assert sample.people["head_top"][0, :2].tolist() == [30, 5]
    assert (sample.visibility >= HIDDEN).sum(1).tolist() == [2, 1]
    assert len(DeepcutDataset(tmp_path, COCO_17).load(1).people) == 1
    with pytest.raises(InputError, match="keypoints from 0 to 12 of penn_13"):
        DeepcutDataset(tmp_path, PENN_13)


@pytest.mark.parametrize("packed", [False, True])
def test_what_scipy_wrote(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    values = {"numbers": array, "small": np.uint8(7), "double": np.array([[0.5, -1e300]]), "text": "Körper", "flag": np.array([True]),
              "inner": {"a": {"b": cell([1, "x", structs([{"c": 2}, {"c": "y"}])])}, "none": np.zeros((0, 0))}}  # fmt: skip
    savemat(path, values, do_compression=packed)
    numbers, small, double, text, flag, inner = read_mat(path, *values)
    assert np.array_equal(numbers, array)
    assert (int(small[0, 0]), double.tolist(), text, bool(flag[0, 0])) == (7, [[0.5, -1e300]], "Körper", True)
    one, x, two = rows(field(field(inner, "a"), "b"))
    assert (float(one[0, 0]), x) == (1, "x")
    assert [number(two[0], "c"), field(two[1], "c")] == [2, "y"]
    assert field(inner, "none") is None
    assert field(two, "c") is None  # of two structs none is the one


OPENERS: list[tuple[Callable[[Path], object], Callable[[Path], Dataset], str]] = [
    (write_mpii, MpiiDataset, "mpii_human_pose_v1_u12_1.mat"),
    (write_penn, PennDataset, "labels/0001.mat"),
    (write_deepcut, DeepcutDataset, "dataset.mat"),
]


@pytest.mark.parametrize(("write", "read", "name"), OPENERS)
def test_damaged_files_are_named(
    write: Callable[[Path], object], read: Callable[[Path], Dataset], name: str, tmp_path: Path
) -> None:
    """Cut short, or with bytes changed: an InputError of one line that names the file, or sound labels."""
    write(tmp_path)
    path = tmp_path / name
    data = path.read_bytes()
    rng = np.random.default_rng(4)
    refused = 0
    for trial in range(60):
        broken = bytearray(data[: rng.integers(len(data))] if trial % 3 == 0 else data)
        for _ in range(rng.integers(1, 6)):
            if broken:
                broken[rng.integers(len(broken))] = rng.integers(256)
        path.write_bytes(broken)
        try:
            source = read(tmp_path)
            for i in range(len(source)):
                assert source.labels(i).xy.shape[1:] == (len(source.skeleton), 2)
        except InputError as error:
            refused += 1
            assert str(tmp_path) in str(error)
    assert refused > 15


def test_other_matlab_files_are_refused(tmp_path: Path) -> None:
    for name, variables in {"mpii_human_pose.mat": {"RELEASE": 3}, "dataset.mat": {"dataset": 3}}.items():
        (tmp_path / name).unlink(missing_ok=True)
        savemat(tmp_path / name, variables)
        with pytest.raises(InputError, match=name):
            open_dataset(tmp_path / name)
        savemat(tmp_path / name, {"other": 3})
        with pytest.raises(InputError, match="no variable"):
            open_dataset(tmp_path / name)
    (tmp_path / "labels").mkdir()
    savemat(
        tmp_path / "labels" / "1.mat", {"x": np.zeros((3, 12)), "y": np.zeros((3, 12)), "visibility": 1, "train": 1}
    )
    (tmp_path / "frames").mkdir()
    with pytest.raises(InputError, match=r"1\.mat: .* F x 13"):
        PennDataset(tmp_path)
    for kind in (MpiiDataset, PennDataset, DeepcutDataset):
        with pytest.raises(InputError, match="nowhere"):
            kind(tmp_path / "nowhere")  # type: ignore[operator]
