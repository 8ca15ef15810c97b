"""Which picture an OpenPose file is of: the one in the sub-folder of the same name, then the one of the same name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.estimate.refine_files import refine_file
from limbwise.media.image import write_image
from limbwise.people import People
from limbwise.skeletons import OPENPOSE_18
from limbwise.write import OpenPoseWriter, Record, read_openpose


def painted(image: np.ndarray, people: People) -> People:
    """In the place of a refiner: every keypoint goes to the picture's grey."""
    return replace(people, xy=np.full_like(people.xy, float(image[0, 0, 0])))


def written(folder: Path, *names: str) -> Path:
    """What `predict` writes of these photos."""
    people = People(OPENPOSE_18, np.ones((1, 18, 2), np.float32), np.ones((1, 18), np.float32))
    with OpenPoseWriter(folder / "openpose") as writer:
        for number, name in enumerate(names):
            writer.add(Record(name, f"{name}.png", number, None, None, 8, 8), people)
    return folder


def images(folder: Path, **greys: int) -> Path:
    for name, grey in greys.items():
        write_image(folder / f"{name.replace('__', '/')}.png", np.full((8, 8, 3), grey, np.uint8))
    return folder


def seen(predictions: Path, images: Path, name: str, out: Path) -> float:
    """The grey of the picture that the people of one file were refined on."""
    assert refine_file(predictions / name, images, out / name, painted) == 1
    return float(read_openpose(out / name).xy[0, 0, 0])


@pytest.mark.parametrize("base", ["openpose", "."], ids=["the folder of files", "the folder of results"])
def test_a_file_in_a_sub_folder_is_of_the_picture_there(tmp_path: Path, base: str) -> None:
    predictions = written(tmp_path / "found", "a", "sub/a", "sub/deep/a") / base
    pictures = images(tmp_path / "images", a=10, sub__a=20, sub__deep__a=30)
    inside = "" if base == "openpose" else "openpose/"
    greys = [seen(predictions, pictures, f"{inside}{name}_keypoints.json", tmp_path / "out")
             for name in ("a", "sub/a", "sub/deep/a")]  # fmt: skip
    assert greys == [10, 20, 30]


def test_else_of_the_one_of_the_same_name(tmp_path: Path) -> None:
    predictions, pictures = written(tmp_path / "found", "sub/a"), images(tmp_path / "images", a=10)
    assert seen(predictions, pictures, "openpose/sub/a_keypoints.json", tmp_path / "out") == 10
    with pytest.raises(InputError, match=r"sub/a\.jpg: no such picture"):
        seen(predictions / "openpose", tmp_path, "sub/a_keypoints.json", tmp_path / "again")
