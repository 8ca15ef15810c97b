"""DeeperCut's network: sizes of systems.md A2, TensorFlow's pooling, stride and dilation where slim has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from limbwise.net.blocks import fold_norms
from limbwise.net.deepercut import DeeperCut, DeeperCutOptions, Enlarge, count_values, deepercut_spec, with_statistics
from limbwise.net.resnet import RESNET_50, RESNET_101, RESNET_SMALL, Bottleneck, ResNet, ResNetOptions, pool_same
from limbwise.skeletons import COCO_17, MPII_14

TINY = ResNetOptions((2, 2, 3, 1), (2, 3, 4, 5), 4)


def tiny(**more: object) -> DeeperCut:
    return DeeperCut(DeeperCutOptions(3, backbone=TINY, **more))  # type: ignore[arg-type]


def test_as_many_values_as_the_published_network_for_coco() -> None:
    with torch.device("meta"):
        net = DeeperCut(DeeperCutOptions(len(COCO_17), intermediate=False))
    assert count_values(net) == 53_573_139
    assert count_values(net.backbone) == 42_605_504
    assert len([name for name in net.backbone.state_dict() if not name.endswith("num_batches_tracked")]) == 520


def test_strides_and_dilations_where_slim_has_them() -> None:
    with torch.device("meta"):
        net = ResNet(RESNET_101)
    units = {(b, u): unit for b in range(1, 5) for u, unit in enumerate(getattr(net, f"block{b}"), 1)}
    assert [name for name, unit in units.items() if unit.conv2[0].stride == (2, 2)] == [(1, 3), (2, 4)]
    assert [name for name, unit in units.items() if unit.conv2[0].dilation == (2, 2)] == [(4, 1), (4, 2), (4, 3)]
    assert [name for name, unit in units.items() if not isinstance(unit.shortcut, nn.Identity)] == [
        (b, 1) for b in (1, 2, 3, 4)
    ]
    assert net.middle == 12
    with torch.device("meta"):
        assert ResNet(RESNET_50).middle == 3


@pytest.mark.parametrize("size", [(64, 64), (61, 83), (33, 48), (16, 17), (70, 50)])
def test_maps_are_twice_the_sixteenth_part_of_any_size(size: tuple[int, int]) -> None:
    maps = tiny().eval()(torch.zeros(1, 3, *size))[-1]
    h, w = (2 * -(-side // 16) for side in size)
    assert {name: tuple(m.shape) for name, m in maps.items()} == {
        "part_logits": (1, 3, h, w), "offsets": (1, 6, h, w), "pairwise": (1, 12, h, w)
    }  # fmt: skip


@pytest.mark.parametrize("side", range(3, 12))
def test_pooling_pads_as_tensorflow_does(side: int) -> None:
    """TensorFlow: ceil(n / 2) windows, what is missing is padded, the greater half at the end."""
    x = np.random.default_rng(side).normal(size=side)
    out = -(-side // 2)
    before = max((out - 1) * 2 + 3 - side, 0) // 2
    wanted = [max(x[max(0, 2 * i - before) : 2 * i - before + 3]) for i in range(out)]
    found = pool_same(torch.from_numpy(x)[None, None, None].expand(1, 1, side, side))
    assert np.allclose(found[0, 0, 0], wanted)


def test_enlarging_is_the_transpose_of_a_strided_convolution_padded_as_same() -> None:
    """Of an even side 2 n TensorFlow's strided convolution pads 0 before and 1 behind; its gradient is the head."""
    head = Enlarge(2, 3)
    x, y = torch.randn(1, 2, 4, 5), torch.randn(1, 3, 8, 10)
    forward = torch.conv2d(nn.functional.pad(y, (0, 1, 0, 1)), head.weight, stride=2)
    assert torch.allclose((head(x) * y).sum(), (forward * x).sum(), rtol=1e-4)


def test_the_middle_of_the_backbone_is_supervised_in_training_only() -> None:
    net = tiny()
    assert [set(maps) for maps in net(torch.zeros(1, 3, 32, 32))] == [{"part_logits"}, {"part_logits", "offsets", "pairwise"}]  # fmt: skip
    assert len(net.eval()(torch.zeros(1, 3, 32, 32))) == 1
    assert len(tiny(intermediate=False)(torch.zeros(1, 3, 32, 32))) == 1
    assert set(tiny(pairwise=False).eval()(torch.zeros(1, 3, 32, 32))[0]) == {"part_logits", "offsets"}


def test_frozen_norms_keep_their_averages_while_training() -> None:
    x = torch.randn(2, 3, 48, 48)
    for frozen in (True, False):
        net = ResNet(ResNetOptions((1, 1, 1, 1), (2, 2, 2, 2), 2, frozen_norms=frozen)).train()
        net(x)
        norm = net.conv1[1]
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert bool((norm.running_mean == 0).all()) is frozen
        assert norm.weight.requires_grad


def test_folding_norms_keeps_the_maps() -> None:
    torch.manual_seed(0)
    net = tiny().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    images = torch.randn(1, 3, 48, 64)
    for name, maps in net(images)[-1].items():
        torch.testing.assert_close(fold_norms(net)(images)[-1][name], maps, rtol=1e-4, atol=1e-4)


def test_the_spec_says_what_the_network_gives() -> None:
    for skeleton, pairwise in ((COCO_17, True), (MPII_14, False)):
        spec = deepercut_spec(skeleton=skeleton, pairwise=pairwise)
        net = DeeperCut(DeeperCutOptions(len(skeleton), pairwise, True, TINY)).eval()
        maps = net(torch.zeros(1, 3, 32, 32))[-1]
        assert {name: len(head.channels) for name, head in spec.heads.items()} == {k: v.shape[1] for k, v in maps.items()}  # fmt: skip
        assert all((head.stride, head.offset) == (8, 4.0) for head in spec.heads.values())


def test_the_small_network_is_small() -> None:
    with torch.device("meta"):
        assert count_values(DeeperCut(DeeperCutOptions(14, False, True, RESNET_SMALL))) < 4_500_000
    assert isinstance(ResNet(TINY).block1[0], Bottleneck)


def test_pairwise_vectors_in_units_of_the_data() -> None:
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=(182, 2)), rng.uniform(1, 9, (182, 2))
    head = with_statistics(deepercut_spec(skeleton=MPII_14), means, deviations).heads["pairwise"]
    pixels = head.meant(np.ones((364, 1, 1), np.float32))[:, 0, 0]
    assert np.allclose(pixels.reshape(182, 2), means + deviations, rtol=1e-5)
