"""Where the images of a COCO json lie."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from limbwise.cli.evaluate import _folder
from limbwise.data.find import open_dataset
from limbwise.data.images import find_images
from limbwise.errors import InputError

LAYOUTS = [
    ("annotations/person_keypoints_train2017.json", "0.png", "train2017"),
    ("annotations/person_keypoints_train2017.json", "0.png", "images/train2017"),
    ("annotations/labels.json", "images/0.png", "."),
    ("labels.json", "0.png", "images"),
    ("labels.json", "images/0.png", "."),
    ("labels.json", "0.png", "."),
    ("dogs.json", "0.png", "dogs.zip"),
    ("dogs_labels.json", "0.png", "dogs.zip"),
]


def write(root: Path, labels: str, name: str, where: str) -> Path:
    """A json and one image, in `where` below `root`; beside the json an empty folder of images."""
    path = root / labels
    (path.parent / "images").mkdir(parents=True)
    path.write_text(json.dumps({"images": [{"id": 1, "file_name": name}], "annotations": []}))
    data = cv2.imencode(".png", np.zeros((6, 8, 3), np.uint8))[1].tobytes()
    if where.endswith(".zip"):
        with zipfile.ZipFile(root / where, "w") as archive:
            archive.writestr(name, data)
    else:
        (root / where / name).parent.mkdir(parents=True, exist_ok=True)
        (root / where / name).write_bytes(data)
    return path


@pytest.mark.parametrize(("labels", "name", "where"), LAYOUTS)
def test_images_are_found_where_the_first_one_is(tmp_path: Path, labels: str, name: str, where: str) -> None:
    path = write(tmp_path / "set", labels, name, where)
    assert find_images(path).resolve() == (tmp_path / "set" / where).resolve()
    assert _folder(path, None) == find_images(path)
    assert open_dataset(path).load(0).image.shape == (6, 8, 3)


def test_a_folder_that_is_named_is_taken_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "set", "labels.json", "0.png", ".")
    assert _folder(path, tmp_path) == tmp_path
    with pytest.raises(InputError, match="nowhere: no such folder of images"):
        _folder(path, tmp_path / "nowhere")
