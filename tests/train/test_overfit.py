"""`mobile` trained on eight real photos learns them by heart: the whole way from labels to AP is sound."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from limbwise.data.lsp import LspDataset
from limbwise.sample import SEEN
from limbwise.skeletons import COCO_17
from limbwise.train.log import read_log
from limbwise.train.presets import mobile
from limbwise.train.recipe import changed
from limbwise.train.run import train

pytest.importorskip("pycocotools")

OPTIONS = """
steps = 300
stages = [{share = 1.0, size = 192, batch = 8}]
ema = 0.95
[schedule]
warmup = 30
[data]
held_out = 0
validate_side = 160
[data.scene]
mosaic = 0.0
paste = 0.0
spatial = {person = [0.7, 1.2], rotation = 2.0, shift = 0.1, flip = 0.0}
cover = {chance = 0.0}
colour = {tone_chance = 0.0, grey_chance = 0.0, blur_chance = 0.0, noise_chance = 0.0, jpeg_chance = 0.0}
[machine]
device = "cpu"
threads = 1
workers = 1
[saving]
minutes = 0
validate_minutes = 0
"""


def eight_photos(shared: Path, folder: Path) -> None:
    """Eight photos of LSPE with all joints labelled, as a COCO data set."""
    source = LspDataset(shared / "data" / "lspe", "train")
    (folder / "images").mkdir(parents=True)
    table: dict[str, list[object]] = {"images": [], "annotations": [], "categories": []}
    chosen = [i for i in range(200) if (source.labels(i).visibility >= SEEN).all()][:8]
    mapped = COCO_17.map_from(source.skeleton)
    for i in chosen:
        labels, image = source.labels(i), source.images.load(source.names[i])
        cv2.imwrite(str(folder / "images" / f"{i}.png"), image[..., ::-1])
        xyv = np.concatenate([labels.xy[0][mapped], np.where(mapped >= 0, 2, 0)[:, None]], axis=1)
        xyv[mapped < 0] = 0
        left, top, right, bottom = labels.boxes[0].tolist()
        table["images"].append({"id": i, "file_name": f"{i}.png", "width": image.shape[1], "height": image.shape[0]})
        table["annotations"].append({"id": i, "image_id": i, "category_id": 1, "keypoints": xyv.ravel().tolist(),
                                     "bbox": [left, top, right - left, bottom - top], "area": float(labels.areas[0])})  # fmt: skip
    (folder / "photos.json").write_text(json.dumps(table))


@pytest.mark.slow
def test_eight_real_photos_are_learnt_by_heart(shared: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    eight_photos(shared, photos)
    (tmp_path / "options.toml").write_text(OPTIONS)
    sets = [f"data.root={photos / 'photos.json'}", f"data.validate={photos / 'photos.json'}"]
    train(changed(mobile(), tmp_path / "options.toml", sets), tmp_path / "run")
    numbers = next(line for line in read_log(tmp_path / "run" / "log.jsonl") if line["kind"] == "validation")
    assert numbers["ap"] >= 0.95
