"""refiner: a pose and its picture in, a better pose out (Fieraru et al., CVPR-W 2018).

DeeperCut's ResNet with a disc for each keypoint as further input channels; and a small network of our own with the same inputs and
outputs, for a CPU.

The published code adds a convolution of the discs to that of the colours before the first norm, which is one convolution of all
channels, as it stands here. Heads as in net/deepercut: part logits and offsets at stride 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch.nn.functional as F
from torch import Tensor, nn

from limbwise.geometry import SizeRule
from limbwise.net.blocks import Residual, Stages, conv_norm, enlarge_to
from limbwise.net.deepercut import CENTRE, MAP_STRIDE, OFFSET_SCALE, Enlarge
from limbwise.net.resnet import EXPANSION, RESNET_101, STRIDE, ResNet, ResNetOptions
from limbwise.skeleton import Skeleton
from limbwise.skeletons import LSP_14, POSETRACK_15
from limbwise.spec import Head, InputSpec, ModelSpec, PoseInput

# Of the published network, in the order of POSETRACK_15: means of colours and discs, and the discs' radius in input pixels.
MEAN = (116.0928, 105.2665, 95.9512)
DISC_MEAN = (0.34951944, 0.40976568, 0.49123807, 0.49591615, 0.41450377, 0.34958344, 0.43501552, 0.44672933, 0.54594911,
             0.54738354, 0.4502594, 0.43717205, 0.4953666, 0.57728901, 0.48184625)  # fmt: skip
SCALE = 0.8452830189  # at which people are about 340 input pixels high
RADIUS = 17 * SCALE


@dataclass(frozen=True)
class RefinerOptions:
    """`keypoints` J: as many discs beside the colours, J part logits and 2 J offsets; `backbone`: its channels follow from that."""

    keypoints: int = len(POSETRACK_15)
    backbone: ResNetOptions = field(default_factory=lambda: RESNET_101)


class Refiner(nn.Module):
    """Inputs (N, 3 + J, H, W), normalised as the spec says, to part logits (N, J, h, w) and offsets (N, 2 J, h, w), x and y in turn."""

    def __init__(self, options: RefinerOptions | None = None) -> None:
        super().__init__()
        options = options or RefinerOptions()
        deep = EXPANSION * options.backbone.widths[3]
        self.backbone = ResNet(replace(options.backbone, channels=3 + options.keypoints))
        self.part_logits = Enlarge(deep, options.keypoints)
        self.offsets = Enlarge(deep, 2 * options.keypoints)

    def forward(self, images: Tensor) -> Stages:
        features = self.backbone(images).deep
        return [{"part_logits": self.part_logits(features), "offsets": self.offsets(features)}]


@dataclass(frozen=True)
class SmallOptions:
    """Channels of the `stem` (strides 2 and 4), of the stages at strides 8, 16 and 32, and of the `merged` maps at stride 8; residual
    `blocks` at strides 16 and 32."""

    keypoints: int = len(LSP_14)
    stem: tuple[int, int] = (24, 48)
    channels: tuple[int, int, int] = (64, 128, 208)
    blocks: tuple[int, int] = (2, 2)
    merged: int = 96


class SmallRefiner(nn.Module):
    """As `Refiner`, built as net/mobile; the discs come in a second time before the heads, so that a right pose is easily kept."""

    def __init__(self, options: SmallOptions | None = None) -> None:
        super().__init__()
        options = options or SmallOptions()
        (fine, middle, deep), merged, count = options.channels, options.merged, options.keypoints
        self.stem = nn.Sequential(conv_norm(3 + count, options.stem[0], 2), conv_norm(*options.stem, 2))
        self.stride8 = nn.Sequential(conv_norm(options.stem[1], fine, 2), conv_norm(fine, fine))
        self.stride16 = _stage(fine, middle, options.blocks[0])
        self.stride32 = _stage(middle, deep, options.blocks[1])
        self.from32 = nn.Conv2d(deep, middle, 1)
        self.merge16 = conv_norm(middle, middle)
        self.from16 = nn.Conv2d(middle, merged, 1)
        self.from8 = nn.Conv2d(fine, merged, 1)
        self.discs = nn.Conv2d(count, merged, 3, padding=1)
        self.refine = Residual(merged)
        self.part_logits = nn.Conv2d(merged, count, 1)
        self.offsets = nn.Conv2d(merged, 2 * count, 1)
        assert self.part_logits.bias is not None
        nn.init.constant_(self.part_logits.bias, -4.0)  # nearly everything is background

    def forward(self, images: Tensor) -> Stages:
        at8 = self.stride8(self.stem(images))
        at16 = self.stride16(at8)
        at32 = self.stride32(at16)
        back16 = self.merge16(F.relu(at16 + enlarge_to(self.from32(at32), at16)))
        given = F.avg_pool2d(images[:, 3:], MAP_STRIDE)
        back8 = F.relu(self.from8(at8) + enlarge_to(self.from16(back16), at8) + self.discs(given))
        features = self.refine(back8)
        return [{"part_logits": self.part_logits(features), "offsets": self.offsets(features)}]


def _stage(channels_in: int, channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(channels_in, channels, 2), *(Residual(channels) for _ in range(blocks)))


def _heads(keypoints: int, offset: float | None, scale: float) -> dict[str, Head]:
    return {
        "part_logits": Head("part_logits", tuple(range(keypoints)), MAP_STRIDE, offset),
        "offsets": Head("offsets", tuple(range(2 * keypoints)), MAP_STRIDE, offset, (scale,) * (2 * keypoints)),
    }


def refiner_spec(name: str = "refiner", skeleton: Skeleton | None = None) -> ModelSpec:
    """What goes into `Refiner` and comes out, as published: cells at 8 i + 4, offsets in OFFSET_SCALE, people scaled by their heads.

    The means of the discs are the published ones on POSETRACK_15, their mean on another skeleton.
    """
    skeleton = skeleton or POSETRACK_15
    mean = DISC_MEAN if skeleton == POSETRACK_15 else (sum(DISC_MEAN) / len(DISC_MEAN),) * len(skeleton)
    pose = PoseInput(RADIUS, mean)
    shown = InputSpec(mean=MEAN, pad=(116, 105, 96), size=replace(SizeRule(), multiple=STRIDE), pose=pose)
    return ModelSpec(
        name, skeleton, _heads(len(skeleton), CENTRE, OFFSET_SCALE), skeleton.limbs, shown, method="refiner"
    )


def small_refiner_spec(name: str = "refiner_small", skeleton: Skeleton | None = None) -> ModelSpec:
    """What goes into `SmallRefiner` and comes out: people of about 110 input pixels, cut 24 around them, half-pixel rule at stride 8."""
    skeleton = skeleton or LSP_14
    pose = PoseInput(6.0, (0.0,) * len(skeleton), 1 / 255, "spread", 32.0, 60.0, 24, 1_000_000)
    shown = InputSpec(mean=(127.5,) * 3, scale=(1 / 64,) * 3, size=replace(SizeRule(), multiple=8), pose=pose)
    heads = _heads(len(skeleton), None, 6.0)
    return ModelSpec(name, skeleton, heads, skeleton.limbs, shown, method="refiner", licence="MIT",
                     origin="trained by limbwise train refiner")  # fmt: skip
