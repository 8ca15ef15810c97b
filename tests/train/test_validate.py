from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from limbwise.errors import InputError
from limbwise.geometry import apply, invert
from limbwise.net.deepercut import deepercut_spec
from limbwise.net.mobile import mobile_spec
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17
from limbwise.target.openpose import TargetOptions, draw
from limbwise.train import validate
from limbwise.train.samples import DataOptions
from limbwise.train.validate import make_validation, maps_of

SPEC = mobile_spec(side=128)


class Echo(nn.Module):
    """A network whose first heatmap is the image's first channel at each cell's place."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return [{"heatmaps": nn.functional.avg_pool2d(x, 8) * self.one}]


def test_maps_and_frame_of_an_image() -> None:
    image = np.zeros((90, 200, 3), np.uint8)
    image[40:50, 120:130] = 255
    maps, frame = maps_of(Echo(), SPEC, image)
    assert maps["heatmaps"].shape == (3, 16, 36)  # 128 x 284, padded to 288
    y, x = np.unravel_index(maps["heatmaps"][0].argmax(), (16, 36))
    back = apply(invert(frame), np.array([8 * x + 3.5, 8 * y + 3.5]))
    assert np.abs(back - [124.5, 44.5]).max() < 5


class Perfect(nn.Module):
    """Says where everybody is, whatever it sees: the targets of the labels of each image in turn."""

    def __init__(self, maps: list[dict[str, torch.Tensor]]) -> None:
        super().__init__()
        self.one, self.maps = nn.Parameter(torch.ones(1)), list(maps)

    def forward(self, x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return [self.maps.pop(0)]


def test_a_perfect_network_scores_well(shared: Path) -> None:
    pytest.importorskip("pycocotools")
    from limbwise.geometry import fit

    data = shared / "data"
    options = DataOptions(str(data / "lspe"), (str(data / "rendered"),), validate_images=6, validate_side=368)
    validation = make_validation(options, SPEC)
    assert validation is not None
    size = replace(SPEC.input.size, side=368)
    maps = []
    for source in (validation.coco, validation.boxed):
        for i in range(6):
            labels = source.labels(i)
            mapped = SPEC.skeleton.map_from(source.skeleton)
            xy = np.where(labels.marked[..., None], labels.xy, np.nan)[:, mapped]
            xy[:, mapped < 0] = np.nan
            height, width = source.images.load(source.names[i]).shape[:2]
            fitted = fit(width, height, size)
            cells = (fitted.padded[1] // 8, fitted.padded[0] // 8)
            heatmaps, pafs = draw(apply(fitted.matrix, xy), np.array(SPEC.limbs), cells, 8, 3.5, TargetOptions())
            maps.append({"heatmaps": torch.from_numpy(heatmaps)[None], "pafs": torch.from_numpy(pafs)[None]})
    numbers = validation(Perfect(maps))
    assert numbers["ap"] > 0.8
    assert numbers["pck"] > 0.98
    assert numbers["score"] == pytest.approx((numbers["ap"] + numbers["pck"]) / 2)


WORM = Skeleton("worm", ("front", "middle", "end"), ((0, 1), (1, 2)), (0.1,) * 3)


def write(folder: Path, xy: np.ndarray, skeleton: Skeleton, count: int) -> str:
    """`count` pictures of 96 x 96 with a COCO json, on each of which one person is labelled at `xy`."""
    flat = np.c_[xy, np.full(len(xy), 2)].ravel().tolist()
    rows = [{"id": i, "image_id": i, "category_id": 1, "keypoints": flat, "area": 2000.0, "iscrowd": 0}
            for i in range(count)]  # fmt: skip
    for i in range(count):
        cv2.imwrite(str(folder / f"{i}.png"), np.zeros((96, 96, 3), np.uint8))
    images = [{"id": i, "file_name": f"{i}.png", "width": 96, "height": 96} for i in range(count)]
    table = {"images": images, "annotations": rows, "categories": [{"id": 1, "keypoints": skeleton.keypoints}]}
    (folder / "labels.json").write_text(json.dumps(table))
    return str(folder)


def test_a_damaged_picture_is_skipped_if_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocotools")
    xy = np.stack([10 + 20 * (np.arange(17) % 4), 10 + 18 * (np.arange(17) // 4)], axis=1).astype(np.float32)
    options = DataOptions(write(tmp_path, xy, COCO_17, 4), held_out=3)
    damaged = tmp_path / "2.png"
    damaged.write_bytes(damaged.read_bytes()[:60])
    there = People(COCO_17, xy[None], np.ones((1, 17), np.float32))
    monkeypatch.setattr(validate, "maps_of", lambda *_: ({"heatmaps": None, "pafs": None}, np.eye(2, 3)))
    monkeypatch.setattr(validate, "decode_openpose", lambda *_: there)
    strict, lenient = make_validation(options, SPEC), make_validation(options, SPEC, skip_bad=True)
    assert strict is not None
    assert lenient is not None
    with pytest.raises(InputError, match=r"2\.png"):
        strict(Echo())
    numbers = lenient(Echo())
    assert numbers["skipped"] == 1
    assert numbers["ap"] == numbers["ar"] == pytest.approx(1)
    cv2.imwrite(str(damaged), np.zeros((96, 96, 3), np.uint8))
    assert "skipped" not in lenient(Echo())


def test_deepercut_of_a_skeleton_without_torso_is_judged_by_the_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found is the middle of a cell, off by 3 of the 40 pixels of the box for the front, by 16 for the end."""
    options = DataOptions(write(tmp_path, np.array([[23, 28], [44, 28], [60, 68]]), WORM, 2), held_out=1)
    logits = np.full((3, 12, 12), -5, np.float32)
    for k, (row, column) in enumerate([(3, 2), (3, 5), (6, 7)]):
        logits[k, row, column] = 5
    maps = {"part_logits": logits, "offsets": np.zeros((6, 12, 12), np.float32)}
    monkeypatch.setattr(validate, "maps_of", lambda *_: (maps, np.eye(2, 3)))
    validation = make_validation(options, deepercut_spec(skeleton=WORM, pairwise=False))
    assert validation is not None
    assert validation(Echo()) == {"pck": pytest.approx(2 / 3), "score": pytest.approx(2 / 3)}
