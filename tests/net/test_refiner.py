"""Refiners: shapes, the way a right pose takes through the small one, and the published size (for its sum see tests/convert)."""

from __future__ import annotations

import pytest
import torch

from limbwise.net.refiner import Refiner, RefinerOptions, SmallRefiner, refiner_spec, small_refiner_spec
from limbwise.net.resnet import RESNET_SMALL
from limbwise.skeletons import LSP_14, POSETRACK_15


@pytest.mark.parametrize(("height", "width"), [(64, 96), (72, 104), (160, 160)])
def test_shapes(height: int, width: int) -> None:
    small = SmallRefiner().eval()(torch.zeros(2, 17, height, width))[-1]
    assert small["part_logits"].shape == (2, 14, height // 8, width // 8)
    assert small["offsets"].shape == (2, 28, height // 8, width // 8)
    published = Refiner(RefinerOptions(backbone=RESNET_SMALL)).eval()(torch.zeros(1, 18, height, width))[-1]
    assert published["part_logits"].shape == (1, 15, 2 * -(-height // 16), 2 * -(-width // 16))


def test_specs_fit_the_networks() -> None:
    for spec, net in (
        (refiner_spec(), Refiner(RefinerOptions(backbone=RESNET_SMALL))),
        (small_refiner_spec(), SmallRefiner()),
    ):
        first = next(value for value in net.state_dict().values() if value.ndim == 4)
        assert first.shape[1] == len(spec.input.means)
        maps = net.eval()(torch.zeros(1, len(spec.input.means), 64, 64))[-1]
        assert {name: value.shape[1] for name, value in maps.items()} == {
            n: len(h.channels) for n, h in spec.heads.items()
        }
    assert refiner_spec().skeleton == POSETRACK_15
    assert small_refiner_spec().skeleton == LSP_14


def test_the_pose_reaches_every_map() -> None:
    """A disc changes what is said of other keypoints too."""
    torch.manual_seed(0)
    net = SmallRefiner().eval()
    empty = torch.zeros(1, 17, 160, 160)
    given = empty.clone()
    given[0, 3 + 4, 70:82, 70:82] = 1
    changed = (net(given)[-1]["part_logits"] - net(empty)[-1]["part_logits"]).abs().amax((0, 2, 3))
    assert (changed > 0).all()
