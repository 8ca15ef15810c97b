"""A damaged data set: each trouble is named once, with its file; a sound one is not slandered; training refuses what is named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from limbwise.data.check import check
from limbwise.data.coco import CocoDataset
from limbwise.data.dataset import Subset
from limbwise.data.find import open_dataset
from limbwise.errors import InputError

SHARED = (Path(__file__).parents[2] / ".." / "shared").resolve()
# A person who looks at the camera: the left side on the right of the picture.
FRONTAL = {0: (50, 20), 1: (54, 16), 2: (46, 16), 5: (62, 32), 6: (38, 32), 11: (58, 60), 12: (42, 60)}


def person(
    number: int, image: int, points: dict[int, tuple[float, float]] | None = None, **more: Any
) -> dict[str, Any]:
    flat = np.zeros((17, 3))
    for k, (x, y) in (FRONTAL if points is None else points).items():
        flat[k] = x, y, 2
    return {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [30, 10, 40, 60], "area": 1200,
            "keypoints": list(flat.ravel()), **more}  # fmt: skip


def swap(*pairs: tuple[int, int]) -> dict[int, tuple[float, float]]:
    points = dict(FRONTAL)
    for a, b in pairs:
        points[a], points[b] = points[b], points[a]
    return points


def write(folder: Path, people: list[dict[str, Any]], count: int = 1, damage: str = "") -> CocoDataset:
    images = []
    for i in range(count):
        name = f"{i}.jpg"
        cv2.imwrite(str(folder / name), np.random.default_rng(i).integers(0, 256, (100, 100, 3), dtype=np.uint8))
        images.append({"id": i, "file_name": name, "width": 100, "height": 100})
    file = folder / "0.jpg"
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:2000])
    elif damage == "text":
        file.write_text("no image")
    elif damage == "smaller":
        cv2.imwrite(str(file), np.zeros((90, 100, 3), np.uint8))
    elif damage == "twice":
        images.append(images[0])
    (folder / "labels.json").write_text(json.dumps({"images": images, "annotations": people}))
    return CocoDataset(folder / "labels.json")


def test_a_sound_set_is_not_slandered(tmp_path: Path) -> None:
    mirrored = {k: (99 - x, y) for k, (x, y) in FRONTAL.items() if k not in (0, 1, 2)}  # a back
    source = write(tmp_path, [person(1, 0), person(2, 1, mirrored)], 2)
    assert check(source) == []
    assert check(Subset(source, [1])) == []


NAN = float("nan")
CASES: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("missing image", "missing", [person(1, 0)]),
    ("broken image", "cut", [person(1, 0)]),
    ("broken image", "text", [person(1, 0)]),
    ("other size", "smaller", [person(1, 0)]),
    ("duplicate id", "", [person(1, 0), person(1, 0)]),
    ("not a number", "", [person(1, 0, {**FRONTAL, 5: (NAN, 32)})]),
    ("not a number", "", [person(1, 0, bbox=[NAN, 10, 40, 60])]),
    ("not a number", "", [person(1, 0, area=NAN)]),
    ("keypoint outside", "", [person(1, 0, {**FRONTAL, 15: (50, 140)})]),
    ("box outside", "", [person(1, 0, bbox=[30, 10, 40, 160])]),
    ("empty box", "", [person(1, 0, bbox=[30, 10, 0, 60])]),
    ("no labels", "", []),
    ("swapped sides", "", [person(1, 0, swap((5, 6), (11, 12)))]),
    ("swapped sides", "", [person(1, 0, swap((11, 12)))]),
]


@pytest.mark.parametrize(("trouble", "damage", "people"), CASES)
def test_each_trouble_is_named(tmp_path: Path, trouble: str, damage: str, people: list[dict[str, Any]]) -> None:
    findings = check(write(tmp_path, people, damage=damage))
    assert [finding.trouble for finding in findings] == [trouble]
    assert findings[0].file in ("0.jpg", str(tmp_path))
    assert str(findings[0]).count("\n") == 0


def test_an_image_that_stands_there_twice(tmp_path: Path) -> None:
    troubles = Counter(finding.trouble for finding in check(write(tmp_path, [person(1, 0)], damage="twice")))
    assert troubles["duplicate id"] == 2  # its name and its id


def test_all_troubles_of_one_set_are_found_at_once(tmp_path: Path) -> None:
    people = [person(1, 0), person(2, 1, {**FRONTAL, 5: (NAN, 1)}), person(3, 2, {**FRONTAL, 5: (-50, 1)})]
    findings = check(write(tmp_path, people, 4, damage="cut"))
    assert [(f.file, f.trouble) for f in findings] == [
        ("0.jpg", "broken image"),
        ("1.jpg", "not a number"),
        ("2.jpg", "keypoint outside"),
        ("3.jpg", "no labels"),
    ]


@pytest.mark.parametrize(("trouble", "damage", "people"), CASES[:4] + CASES[5:7] + CASES[8:9])
def test_training_refuses_what_cannot_be_learnt(
    tmp_path: Path, trouble: str, damage: str, people: list[dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match=r"0\.jpg"):
        write(tmp_path, people, damage=damage).load(0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_real_photos_are_sound() -> None:
    assert check(open_dataset(SHARED / "data" / "coco" / "people")) == []


def turn(file: Path, orientation: int) -> None:
    """100 x 80 pixels of noise in their stored form, to be seen turned."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    noise = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    Pillow.fromarray(noise).save(file, exif=exif)


def write_turned(folder: Path, orientation: int, **size: int) -> CocoDataset:
    write(folder, [person(1, 0)])
    turn(folder / "0.jpg", orientation)
    table = json.loads((folder / "labels.json").read_text())
    table["images"] = [{"id": 0, "file_name": "0.jpg", **size}]
    (folder / "labels.json").write_text(json.dumps(table))
    return CocoDataset(folder / "labels.json")


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("size", [{}, {"width": 100, "height": 80}])
def test_a_picture_that_is_seen_turned_but_labelled_as_stored(
    tmp_path: Path, orientation: int, size: dict[str, int]
) -> None:
    findings = check(write_turned(tmp_path, orientation, **size))
    assert [(finding.file, finding.trouble) for finding in findings] == [("0.jpg", "turned by EXIF")]


def test_labels_of_the_picture_as_it_is_seen_are_sound(tmp_path: Path) -> None:
    source = write_turned(tmp_path, 6, width=80, height=100)
    assert check(source) == []
    assert source.load(0).image.shape == (100, 80, 3)


def test_an_upright_picture_with_exif_is_sound(tmp_path: Path) -> None:
    assert check(write_turned(tmp_path, 1, width=100, height=80)) == []


def test_annotation_ids_may_be_texts(tmp_path: Path) -> None:
    assert check(write(tmp_path, [person(1, 0, id="a"), person(2, 0, id="b")])) == []
    findings = check(write(tmp_path, [person(1, 0, id="a"), person(2, 0, id="a")]))
    assert [finding.trouble for finding in findings] == ["duplicate id"]
    assert "annotation id a stands there 2 times" in findings[0].detail
