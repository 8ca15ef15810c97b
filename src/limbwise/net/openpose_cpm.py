"""openpose_cpm: OpenPose's first network, VGG-19 and six stages of two branches (Cao et al., CVPR 2017; Wei et al., CVPR 2016).

Each stage sees the features and both predictions of the stage before it, through 7 x 7 convolutions, and predicts heatmaps and
part affinity fields again. Layers are called as in CMU's Caffe files: the last part of a parameter's module is the Caffe name.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from limbwise.geometry import SizeRule
from limbwise.net.blocks import Stages
from limbwise.net.vgg import STRIDE, Vgg19, chain
from limbwise.skeleton import Skeleton
from limbwise.skeletons import MPI_15, OPENPOSE_18
from limbwise.spec import Head, InputSpec, ModelSpec

# The published networks' fields, in the order of their channels.
OPENPOSE_LIMBS = ((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16), (1, 5), (5, 6), (6, 7),
                  (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17))  # fmt: skip
MPI_LIMBS = ((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 14), (14, 8), (8, 9), (9, 10), (14, 11), (11, 12),
             (12, 13))  # fmt: skip


@dataclass(frozen=True)
class CpmOptions:
    """`keypoints` and `limbs` give K + 1 heatmaps and 2 L PAF channels; `stages` in all; `width`: channels of the features and of
    the stages, 128 in the published networks; every other width follows it (VGG's first layer: half of it)."""

    keypoints: int = len(OPENPOSE_18)
    limbs: int = len(OPENPOSE_LIMBS)
    stages: int = 6
    width: int = 128


class OpenPoseCpm(nn.Module):
    """Images (N, 3, H, W), normalised as the spec says, H and W multiples of 8, to the maps of all stages at (H / 8, W / 8); in
    inference to those of the last one."""

    def __init__(self, options: CpmOptions | None = None) -> None:
        super().__init__()
        options = options or CpmOptions()
        width, counts = options.width, {1: 2 * options.limbs, 2: options.keypoints + 1}
        self.backbone = Vgg19("conv4_2", width // 2)
        self.features = chain(
            [("conv4_3_CPM", 2 * width, 3), ("conv4_4_CPM", width, 3)], self.backbone.channels, relu_last=True
        )
        self.pafs, self.heatmaps = (
            nn.ModuleList(
                [_first_stage(branch, width, count)]
                + [cpm_stage(t, f"_L{branch}", sum(counts.values()) + width, width, count)
                   for t in range(2, options.stages + 1)]
            )
            for branch, count in counts.items()
        )  # fmt: skip

    def forward(self, images: Tensor) -> Stages:
        features = self.features(self.backbone(images))
        seen, stages = features, Stages()
        for pafs, heatmaps in zip(self.pafs, self.heatmaps, strict=True):
            maps = {"pafs": pafs(seen), "heatmaps": heatmaps(seen)}
            stages.append(maps)
            seen = torch.cat([maps["pafs"], maps["heatmaps"], features], 1)
        return stages if self.training else stages[-1:]


def _first_stage(branch: int, width: int, channels: int) -> nn.Sequential:
    """Stage 1, which sees the features alone."""
    layers = [(f"conv5_{i}_CPM_L{branch}", width, 3) for i in (1, 2, 3)]
    return chain([*layers, (f"conv5_4_CPM_L{branch}", 4 * width, 1), (f"conv5_5_CPM_L{branch}", channels, 1)], width)


def cpm_stage(number: int, suffix: str, channels_in: int, width: int, channels: int) -> nn.Sequential:
    """Stage 2 or later: five 7 x 7 and two 1 x 1 convolutions."""
    layers = [(f"Mconv{i}_stage{number}{suffix}", width, 7) for i in range(1, 6)]
    last = [(f"Mconv6_stage{number}{suffix}", width, 1), (f"Mconv7_stage{number}{suffix}", channels, 1)]
    return chain([*layers, *last], channels_in)


def cpm_limbs(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """The limbs of a network's fields in the order of its channels: the published ones, or the skeleton's own."""
    published = {OPENPOSE_18.name: OPENPOSE_LIMBS, MPI_15.name: MPI_LIMBS}
    return published.get(skeleton.name, skeleton.limbs)


def openpose_cpm_spec(name: str = "openpose_cpm", side: int = 368, skeleton: Skeleton | None = None) -> ModelSpec:
    """What goes into `OpenPoseCpm` and comes out: BGR, x / 256 - 1/2, half-pixel rule at stride 8. OpenPose-18, or another skeleton."""
    skeleton = skeleton or OPENPOSE_18
    limbs = cpm_limbs(skeleton)
    heads = {
        "heatmaps": Head("heatmaps", tuple(range(len(skeleton) + 1)), STRIDE),
        "pafs": Head("pafs", tuple(range(2 * len(limbs))), STRIDE),
    }
    return ModelSpec(name, skeleton, heads, limbs, caffe_input(SizeRule(side)))


def caffe_input(size: SizeRule) -> InputSpec:
    """BGR and x / 256 - 1/2, as all of CMU's networks were trained; borders become 0."""
    return InputSpec("image", "BGR", "NCHW", (128.0,) * 3, (1 / 256,) * 3, (128,) * 3, size)
