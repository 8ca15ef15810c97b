"""OpenPose's networks: as many numbers as the published ones have, the names of their layers, maps that fit the spec."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from limbwise.net.cpm_crop import CropCpm
from limbwise.net.face import Face, face_spec
from limbwise.net.hand import Hand, hand_spec
from limbwise.net.openpose_cpm import MPI_LIMBS, OPENPOSE_LIMBS, CpmOptions, OpenPoseCpm, openpose_cpm_spec
from limbwise.net.vgg import Vgg19
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, FACE_70, HAND_21, MPI_15, OPENPOSE_18
from limbwise.spec import ModelSpec

NARROW = CpmOptions(width=16)


def count(make: type[nn.Module] | object) -> int:
    """Parameters of a network, without their memory."""
    assert callable(make)
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in make().parameters())


@pytest.mark.parametrize(
    ("make", "numbers", "convolutions"),
    [
        (OpenPoseCpm, 52_311_446, 92),
        (lambda: OpenPoseCpm(CpmOptions(15, 14)), 51_481_032, 92),
        (Face, 38_425_706, 52),
        (Hand, 36_832_324, 52),
    ],
)
def test_as_many_numbers_as_the_published_networks(make: object, numbers: int, convolutions: int) -> None:
    assert count(make) == numbers
    with torch.device("meta"):
        assert sum(isinstance(module, nn.Conv2d) for module in make().modules()) == convolutions  # type: ignore[operator]


def names(net: nn.Module) -> set[str]:
    """The last part of the name of each module with parameters."""
    return {name.split(".")[-2] for name, _ in net.named_parameters()}


def test_layers_are_called_as_in_caffe() -> None:
    """The list of 2017's prototxt, written from its pattern."""
    vgg = [f"conv{i}_{j}" for i, n in ((1, 2), (2, 2), (3, 4), (4, 2)) for j in range(1, n + 1)]
    first = [f"conv5_{i}_CPM_L{b}" for i in range(1, 6) for b in (1, 2)]
    later = [f"Mconv{i}_stage{t}_L{b}" for i in range(1, 8) for t in range(2, 7) for b in (1, 2)]
    assert names(OpenPoseCpm(NARROW)) == {*vgg, "conv4_3_CPM", "conv4_4_CPM", *first, *later}
    deeper = [*vgg, "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3_CPM", "conv6_1_CPM", "conv6_2_CPM"]
    assert names(Face(width=16)) == {*deeper, *(f"Mconv{i}_stage{t}" for i in range(1, 8) for t in range(2, 7))}
    assert names(Hand(width=16)) == names(Face(width=16))


BIRD = Skeleton("bird", ("beak", "tail"), ((0, 1),), (0.1, 0.1))


@pytest.mark.parametrize(
    ("skeleton", "limbs"),
    [(OPENPOSE_18, OPENPOSE_LIMBS), (MPI_15, MPI_LIMBS), (COCO_17, COCO_17.limbs), (BIRD, BIRD.limbs)],
)
def test_any_skeleton(skeleton: Skeleton, limbs: tuple[tuple[int, int], ...]) -> None:
    spec = openpose_cpm_spec(skeleton=skeleton)
    assert spec.limbs == limbs
    net = OpenPoseCpm(CpmOptions(len(skeleton), len(limbs), 3, 16))
    for stages in (3, 1):  # training, inference
        found = net.train(stages == 3)(torch.zeros(2, 3, 64, 72))
        assert len(found) == stages
        assert all(fits(maps, spec, (8, 9)) for maps in found)


def fits(maps: dict[str, torch.Tensor], spec: ModelSpec, size: tuple[int, int]) -> bool:
    return {name: tuple(m.shape[1:]) for name, m in maps.items()} == {
        name: (len(head.channels), *size) for name, head in spec.heads.items()
    }


@pytest.mark.parametrize(("make", "spec"), [(Face, face_spec()), (Hand, hand_spec())])
def test_crops(make: type[CropCpm], spec: ModelSpec) -> None:
    net = make(2, 16)
    assert [fits(maps, spec, (8, 8)) for maps in net(torch.zeros(1, 3, 64, 64))] == [True, True]
    assert spec.method == "single"
    assert spec.skeleton in (FACE_70, HAND_21)


def test_published_limbs_join_the_joints_that_the_skeletons_join() -> None:
    assert {frozenset(limb) for limb in MPI_LIMBS} == {frozenset(limb) for limb in MPI_15.limbs}
    extra = {frozenset((2, 16)), frozenset((5, 17))}  # shoulders and ears
    assert {frozenset(limb) for limb in OPENPOSE_LIMBS} == {frozenset(limb) for limb in OPENPOSE_18.limbs} | extra


def test_each_stage_sees_pafs_then_heatmaps_then_features() -> None:
    """The order of the published weights: 2 L channels move the maps by the first 2 L input channels of the next stage."""
    net = OpenPoseCpm(CpmOptions(3, 2, 2, 16)).eval()
    first, second, other = (
        net.get_submodule(name)
        for name in ("pafs.0.conv5_5_CPM_L1", "pafs.1.Mconv1_stage2_L1", "heatmaps.0.conv5_5_CPM_L2")
    )
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    assert isinstance(other, nn.Conv2d)
    assert first.bias is not None
    assert other.bias is not None
    with torch.no_grad():
        second.weight[:, 4 + 4 :] = 0  # blind to the features
        second.weight[:, :4] = 0  # and to the PAFs of stage 1
        before = net(torch.ones(1, 3, 64, 64))[0]["pafs"]
        first.bias += 1
        torch.testing.assert_close(net(torch.ones(1, 3, 64, 64))[0]["pafs"], before)
        other.bias += 1
        assert not torch.allclose(net(torch.ones(1, 3, 64, 64))[0]["pafs"], before)


@pytest.mark.parametrize(
    ("last", "channels", "layers"), [("conv2_1", 128, 3), ("conv4_2", 512, 10), ("conv5_2", 512, 14)]
)
def test_vgg_up_to_a_layer(last: str, channels: int, layers: int) -> None:
    net = Vgg19(last)
    assert (net.channels, len(list(net.parameters())) // 2) == (channels, layers)
    features = Vgg19(last, 4)(torch.randn(1, 3, 32, 40))
    assert (features >= 0).all()
    assert (Vgg19(last, 4, activate_last=False)(torch.randn(1, 3, 32, 40)) < 0).any()


def test_features_of_a_new_network_neither_fade_nor_grow() -> None:
    torch.manual_seed(0)
    spread = float(Vgg19("conv4_2", 32)(torch.randn(1, 3, 64, 64)).detach().std())
    assert 0.2 < spread < 5
