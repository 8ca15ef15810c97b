"""An estimator against a COCO file: in which frame its people are judged, and who counts as found where nobody is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from limbwise.cli.evaluate import _pictures
from limbwise.data.images import Images
from limbwise.draw.sheet import sheet
from limbwise.errors import InputError
from limbwise.evaluate.coco import CocoResult, evaluate_coco
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17

pytest.importorskip("pycocotools")
PLACES = np.stack([np.linspace(20, 60, 17), np.linspace(5, 35, 17)], axis=1).astype(np.float32)
LABELLED = {"image_id": 1, "keypoints": np.c_[PLACES, np.full(17, 2)].ravel().tolist(), "area": 1200.0}


def write(folder: Path, orientation: int = 1, **more: Any) -> Path:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.new("RGB", (80, 40)).save(folder / "a.jpg", exif=exif)
    table = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [LABELLED], **more}
    (folder / "labels.json").write_text(json.dumps(table))
    return folder / "labels.json"


def judge(labels: Path, xy: np.ndarray, skeleton: Skeleton = COCO_17) -> CocoResult:
    sizes = []

    def estimate(image: np.ndarray) -> People:
        sizes.append(image.shape)
        return People(skeleton, xy[None], np.ones((1, len(xy))))

    result = evaluate_coco(estimate, skeleton, labels, labels.parent)
    assert sizes == [(40, 80, 3)]
    return result


@pytest.mark.parametrize("orientation", [1, 6])
def test_labels_are_in_stored_pixels_whatever_exif_says(tmp_path: Path, orientation: int) -> None:
    result = judge(write(tmp_path, orientation), PLACES)
    assert result.numbers.ap == pytest.approx(1)
    assert result.people == 1


@pytest.mark.parametrize(("x", "false"), [(40, 0), (75, 1)])
def test_a_lone_keypoint_within_a_labelled_box_is_nobody_false(tmp_path: Path, x: float, false: int) -> None:
    xy = np.full((17, 2), np.nan, np.float32)
    xy[0] = x, 20
    assert judge(write(tmp_path), xy).false_people == false


def test_the_category_with_keypoints_counts_and_without_names_the_models_own(tmp_path: Path) -> None:
    bird = Skeleton("bird", ("beak", "tail"), ((0, 1),), (0.1, 0.1))
    row = {**LABELLED, "category_id": 2, "keypoints": [30, 10, 2, 50, 20, 2]}
    categories = [{"id": 1, "name": "tree"}, {"id": 2, "name": "bird", "keypoints": ["beak", "tail"]}]
    xy = np.array([[30, 10], [50, 20]], np.float32)
    assert judge(write(tmp_path, annotations=[row], categories=categories), xy, bird).numbers.ap == pytest.approx(1)
    assert judge(write(tmp_path, annotations=[row]), xy, bird).numbers.ap == pytest.approx(1)


def test_a_model_whose_keypoints_are_in_another_order_is_judged_by_name(tmp_path: Path) -> None:
    bird = Skeleton("bird", ("tail", "beak", "crest"), ((0, 1),), (0.02, 0.02, 0.02))
    row = {**LABELLED, "keypoints": [30, 10, 2, 40, 30, 2, 50, 20, 2]}
    categories = [{"id": 1, "name": "bird", "keypoints": ["beak", "crest", "tail"]}]
    xy = np.array([[50, 20], [30, 10], [40, 30]], np.float32)
    result = judge(write(tmp_path, annotations=[row], categories=categories), xy, bird)
    assert result.numbers.ap == pytest.approx(1)
    assert result.judged[0].similarity == pytest.approx(1)


def stated(width: int, height: int) -> list[dict[str, Any]]:
    return [{"id": 1, "file_name": "a.jpg", "width": width, "height": height}]


def test_labels_of_the_turned_size_get_pictures_as_they_are_seen(tmp_path: Path) -> None:
    labels, sizes = write(tmp_path, 6, images=stated(40, 80)), []

    def estimate(image: np.ndarray) -> People:
        sizes.append(image.shape)
        return People(COCO_17, PLACES[None], np.ones((1, 17)))

    assert evaluate_coco(estimate, COCO_17, labels, tmp_path).numbers.ap == pytest.approx(1)
    assert sizes == [(80, 40, 3)]


def test_labels_of_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jpg: other size"):
        judge(write(tmp_path, images=stated(160, 80)), PLACES)


@pytest.mark.parametrize("zipped", [False, True])
def test_the_worst_are_drawn_as_they_were_judged(tmp_path: Path, zipped: bool) -> None:
    """A picture that EXIF turns as the labels say, in a sub folder, also of a zip."""
    (tmp_path / "images" / "sub").mkdir(parents=True)
    labels = write(tmp_path / "images" / "sub", 6)
    table = json.loads(labels.read_text())
    table["images"][0] |= {"file_name": "sub/a.jpg", "width": 40, "height": 80}
    labels.write_text(json.dumps(table))
    images = tmp_path / "images"
    if zipped:
        images = Path(shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "images"))
    nobody = People.empty(COCO_17)
    result = evaluate_coco(lambda image: nobody, COCO_17, labels, images)
    drawn = _pictures(result, Images(images))
    picture = sheet([np.zeros((80, 40, 3), np.uint8)] * 2, 4, ["a.jpg OKS 0.00", "labelled"])
    assert drawn.shape == picture.shape
