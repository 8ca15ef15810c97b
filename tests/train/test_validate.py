from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from limbwise.geometry import apply, invert
from limbwise.net.mobile import mobile_spec
from limbwise.target.openpose import TargetOptions, draw
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
