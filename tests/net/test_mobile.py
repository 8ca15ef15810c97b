from __future__ import annotations

import pytest
import torch
from torch import nn

from limbwise.net.blocks import conv_norm, enlarge_to, fold_norms
from limbwise.net.mobile import LIMBS, Mobile, MobileOptions, mobile_spec

SMALL = MobileOptions(stem=(4, 8), channels=(8, 12, 16), blocks=(1, 1, 1), merged=8)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (72, 104), (8, 40), (368, 24)])
def test_maps_have_an_eighth_of_the_input(height: int, width: int) -> None:
    stages = Mobile(SMALL)(torch.zeros(2, 3, height, width))
    assert len(stages) == 2
    for maps in stages:
        assert maps["heatmaps"].shape == (2, 18, height // 8, width // 8)
        assert maps["pafs"].shape == (2, 2 * len(LIMBS), height // 8, width // 8)


def test_inference_gives_the_final_stage_only() -> None:
    assert len(Mobile(SMALL).eval()(torch.zeros(1, 3, 64, 64))) == 1


def test_channels_are_those_of_the_spec() -> None:
    spec = mobile_spec()
    maps = Mobile().eval()(torch.zeros(1, 3, 32, 32))[-1]
    assert {name: len(head.channels) for name, head in spec.heads.items()} == {k: v.shape[1] for k, v in maps.items()}


def test_every_keypoint_is_linked_to_every_other_and_without_its_elbows_and_knees_too() -> None:
    joints = {
        i for i, name in enumerate(mobile_spec().skeleton.keypoints) if "elbow" not in name and "knee" not in name
    }
    links = [limb for limb in LIMBS if set(limb) <= joints]
    reached = {0}
    for _ in joints:
        reached |= {end for limb in links if reached & set(limb) for end in limb}
    assert reached == joints
    assert len(set(LIMBS)) == len(LIMBS)


def test_limbs_mirror_onto_limbs() -> None:
    flip = mobile_spec().skeleton.flip
    both = {frozenset(limb) for limb in LIMBS}
    assert {frozenset((int(flip[a]), int(flip[b]))) for a, b in LIMBS} == both


def test_size_of_the_default_network() -> None:
    parameters = sum(p.numel() for p in fold_norms(Mobile()).parameters())
    assert parameters * 2 < 8_000_000 * 0.98  # as half precision within 8 MB, with room for the graph


def test_an_enlarged_map_stays_aligned_with_the_finer_one() -> None:
    """A 3 x 3 convolution of stride 2 centres its row i on row 2 i; doubled and cut, rows 2 i and 2 i + 1 hold row i."""
    fine = torch.zeros(1, 1, 7, 9)
    coarse = torch.arange(20.0).reshape(1, 1, 4, 5)
    assert torch.equal(
        enlarge_to(coarse, fine)[0, 0],
        torch.tensor([[coarse[0, 0, y // 2, x // 2] for x in range(9)] for y in range(7)]),
    )


def test_folding_norms_keeps_the_maps() -> None:
    torch.manual_seed(0)
    net = Mobile(SMALL)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    images = torch.randn(2, 3, 64, 96)
    folded = fold_norms(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    for name, maps in net.eval()(images)[-1].items():
        torch.testing.assert_close(folded(images)[-1][name], maps, rtol=1e-4, atol=1e-4)


def test_a_new_network_says_background() -> None:
    maps = Mobile().eval()(torch.randn(1, 3, 64, 64))[-1]["heatmaps"]
    assert (maps[:, -1] > 0.5).all()
    assert (maps[:, :-1].abs() < 0.5).all()


def test_conv_norm_without_relu_may_be_negative() -> None:
    assert conv_norm(3, 4, relu=False)(torch.randn(2, 3, 8, 8)).min() < 0
