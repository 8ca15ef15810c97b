"""Timelines as files: a picture a sequence, and none that takes another's place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limbwise.estimate.timelines import TimelineWriter
from limbwise.media.image import read_image
from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.write import Record


def crowd(count: int) -> People:
    return People(COCO_17, np.ones((count, 17, 2), np.float32), np.ones((count, 17), np.float32), ids=np.arange(count))


def test_a_video_called_images_is_not_the_images(tmp_path: Path) -> None:
    with TimelineWriter(tmp_path, 25) as writer:
        for i in range(3):
            writer.add(Record(f"p{i}", f"p{i}.jpg", i, None, None, 8, 8), crowd(9))
            writer.add(Record("images", "images.mp4", 10 + i, i, i / 25, 8, 8), crowd(1))
            writer.add(Record(f"sub/p{i}", f"sub/p{i}.jpg", 20 + i, None, None, 8, 8), crowd(1))
    heights = {path.relative_to(tmp_path).as_posix(): len(read_image(path)) for path in tmp_path.rglob("*.png")}
    assert heights.keys() == {"images.png", "images_2.png", "sub/images.png"}
    assert heights["images.png"] == heights["sub/images.png"] < heights["images_2.png"]
