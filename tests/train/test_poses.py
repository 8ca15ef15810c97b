"""A refiner's training examples and its validation, on dot people of LSP's form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from limbwise.geometry import cell_frame
from limbwise.train.batches import Example
from limbwise.train.networks import find_network
from limbwise.train.poses import PoseMaker, make_poses, pose_validation
from limbwise.train.presets import preset
from limbwise.train.recipe import changed


@pytest.fixture(scope="module")
def maker(shared: Path) -> PoseMaker:
    recipe = changed(preset("refiner"), None, [f"data.root={shared / 'data/lspe'}", "data.validate_images=4"])
    return make_poses(recipe.data, find_network(recipe)[1], 0)


def centres(example: Example, k: int) -> np.ndarray:
    """(x, y) of the middle of a keypoint's disc, NaN where there is none."""
    y, x = np.nonzero(example.image[..., 3 + k])
    return np.array([x.mean(), y.mean()]) if len(x) else np.full(2, np.nan)


def test_the_same_number_gives_the_same_example(maker: PoseMaker) -> None:
    one, again, other = maker(3, 0, 160), maker(3, 0, 160), maker(4, 0, 160)
    np.testing.assert_array_equal(one.image, again.image)
    assert not np.array_equal(one.image, other.image)
    assert one.image.shape == (160, 160, 17)
    assert one.image.dtype == np.uint8
    assert one.targets["part_logits"].shape == (14, 20, 20)
    assert one.masks["offsets"].shape == (28, 20, 20)


def test_a_true_pose_lies_on_its_targets(maker: PoseMaker) -> None:
    """Discs that went in and discs that shall come out are in one place where nothing was corrupted."""
    options = replace(maker.options, corrupt=replace(maker.options.corrupt, clean=1.0))
    clean = PoseMaker(maker.sources, maker.spec, options, 0)
    apart = []
    for number in range(12):
        example = clean(number, 0, 160)
        shift = cell_frame(8)[0, 2]
        for k in range(14):
            wanted = example.targets["part_logits"][k]
            inside = wanted[2:-2, 2:-2].sum() == wanted.sum() > 2
            if inside and not np.isnan(centre := centres(example, k)).any():
                i, j = np.nonzero(wanted)
                offsets = maker.spec.heads["offsets"].meant(example.targets["offsets"])
                x, y = 8 * j[0] + shift + offsets[2 * k, i[0], j[0]], 8 * i[0] + shift + offsets[2 * k + 1, i[0], j[0]]
                apart.append(float(np.hypot(*(centre - (x, y)))))
    assert len(apart) > 40
    assert np.percentile(apart, 95) < 1.0


def test_false_poses_lie_elsewhere(maker: PoseMaker) -> None:
    found = [maker(number, 0, 160) for number in range(20)]
    drawn = np.mean([(example.image[..., 3:] > 0).any((0, 1)).mean() for example in found])
    assert 0.35 < drawn < 0.9  # three in ten are gone, and what nobody marked


class Blank(nn.Module):
    """Sees nothing anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        size = (len(images), 14, images.shape[2] // 8, images.shape[3] // 8)
        return [{"part_logits": self.nothing + torch.zeros(size), "offsets": torch.zeros(size[0], 28, *size[2:])}]


def test_validation_tells_what_a_refiner_is_worth(maker: PoseMaker) -> None:
    validate = pose_validation(maker.options, maker.spec)
    assert validate is not None
    numbers = validate(Blank())
    assert numbers["pck_true"] < 0.3
    assert 0.2 < numbers["pck_false"] < 0.9
    assert numbers["score"] < numbers["pck"]
    assert validate(Blank()) == numbers
