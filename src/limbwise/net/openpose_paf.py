"""openpose_paf: OpenPose's second network, fields first, then heatmaps (Cao et al., TPAMI 2019).

Stages of dense 3 x 3 blocks. Two presets: the paper's (blocks of 96 and 128, PReLU; CMU's BODY_25 is one) and that of the PyTorch
code of 2018 (64, 32 and 32, batch norms, ReLU, the shrunken image joined to the features, 23 limbs on COCO's 17 keypoints).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limbwise.geometry import SizeRule
from limbwise.net.blocks import Stages
from limbwise.net.openpose_cpm import caffe_input
from limbwise.net.vgg import STRIDE, Vgg19
from limbwise.skeleton import Skeleton
from limbwise.skeletons import BODY_25, COCO_17
from limbwise.spec import Head, InputSpec, ModelSpec

Widths = tuple[int, int, int]

# The PyTorch code's fields, in the order of their channels; the last four pass a joint.
COCO_LIMBS = ((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10), (1, 2),
              (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 9), (6, 10), (11, 15), (12, 16))  # fmt: skip
# BODY_25's: its skeleton's limbs in the order of CMU's channels, and the ears' links to the shoulders.
BODY_25_LIMBS = ((1, 8), (9, 10), (10, 11), (8, 9), (8, 12), (12, 13), (13, 14), (1, 2), (2, 3), (3, 4), (2, 17), (1, 5), (5, 6),
                 (6, 7), (5, 18), (1, 0), (0, 15), (0, 16), (15, 17), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23),
                 (11, 24))  # fmt: skip
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of values from 0 to 1


@dataclass(frozen=True)
class PafOptions:
    """`keypoints` and `limbs` give K + 1 heatmaps and 2 L PAF channels, from `heatmap_stages` after `paf_stages`.

    `widths`: channels of the three convolutions of a block, in the first stage of each kind and in the later ones; `middle` (two
    alike) of the 1 x 1 convolution after the blocks. `features`: channels of VGG's layers and of the two convolutions after them.
    `norm`: batch norms in all but VGG. `image`: the image, shrunk to the maps, stands before the features.
    """

    keypoints: int = len(BODY_25)
    limbs: int = len(BODY_25_LIMBS)
    paf_stages: int = 4
    heatmap_stages: int = 2
    widths: tuple[Widths, Widths] = ((96, 96, 96), (128, 128, 128))
    middle: tuple[int, int] = (256, 512)
    features: tuple[int, int, int] = (64, 256, 128)
    activation: Literal["prelu", "relu"] = "prelu"
    norm: bool = False
    image: bool = False


def paper(keypoints: int = len(BODY_25), limbs: int = len(BODY_25_LIMBS)) -> PafOptions:
    """As in the paper and in CMU's BODY_25."""
    return PafOptions(keypoints, limbs)


def compact(keypoints: int = len(COCO_17), limbs: int = len(COCO_LIMBS)) -> PafOptions:
    """As in the PyTorch code of 2018: a third of the blocks' width, batch norms, the image joined to the features."""
    blocks = (64, 32, 32)
    return PafOptions(
        keypoints, limbs, widths=(blocks, blocks), middle=(128, 128), features=(64, 256, 125), activation="relu", norm=True, image=True
    )  # fmt: skip


class Unit(nn.Sequential):
    """A convolution that keeps the size, a batch norm where asked for, and the activation: `conv`, `norm`, `act`."""

    def __init__(self, channels_in: int, channels: int, kernel: int, options: PafOptions) -> None:
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        modules["conv"] = conv = nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        if options.norm:
            modules["norm"] = nn.BatchNorm2d(channels)
        modules["act"] = nn.PReLU(channels) if options.activation == "prelu" else nn.ReLU(inplace=True)
        super().__init__(modules)


class Block(nn.Module):
    """Three 3 x 3 units one after the other, the outputs of all three put together: a wide view at the price of small kernels."""

    def __init__(self, channels: int, widths: Widths, options: PafOptions) -> None:
        super().__init__()
        self.units = nn.ModuleList()
        for width in widths:
            self.units.append(Unit(channels, width, 3, options))
            channels = width

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for unit in self.units:
            x = unit(x)
            found.append(x)
        return torch.cat(found, 1)


class Stage(nn.Module):
    """Five blocks, a 1 x 1 unit and a 1 x 1 convolution to maps; `later` takes the wider of the options' widths."""

    def __init__(self, channels_in: int, channels: int, later: bool, options: PafOptions) -> None:
        super().__init__()
        widths, middle = options.widths[later], options.middle[later]
        self.blocks = nn.Sequential(*(Block(channels_in if i == 0 else sum(widths), widths, options) for i in range(5)))
        self.middle = Unit(sum(widths), middle, 1, options)
        self.last = nn.Conv2d(middle, channels, 1)
        nn.init.normal_(self.last.weight, std=0.01)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.last(self.middle(self.blocks(x)))
        return maps


class OpenPosePaf(nn.Module):
    """Images (N, 3, H, W), normalised as the spec says, H and W multiples of 8, to maps at (H / 8, W / 8).

    While training every stage's: first those with PAFs, then those with heatmaps, the last of each kind in one at the end; in
    inference that one only.
    """

    def __init__(self, options: PafOptions | None = None) -> None:
        super().__init__()
        options = options or PafOptions()
        base, inner, outer = options.features
        self.image = options.image
        pafs, heatmaps = 2 * options.limbs, options.keypoints + 1
        self.backbone = Vgg19("conv4_2", base, activate_last=False)
        channels = self.backbone.channels
        self.act = nn.PReLU(channels) if options.activation == "prelu" else nn.ReLU(inplace=True)
        self.features = nn.Sequential(Unit(channels, inner, 3, options), Unit(inner, outer, 3, options))
        seen = outer + 3 * options.image
        self.pafs = nn.ModuleList(Stage(seen + pafs * (t > 0), pafs, t > 0, options) for t in range(options.paf_stages))
        self.heatmaps = nn.ModuleList(
            Stage(seen + pafs + heatmaps * (t > 0), heatmaps, t > 0, options) for t in range(options.heatmap_stages)
        )

    def forward(self, images: Tensor) -> Stages:
        features = self.features(self.act(self.backbone(images)))
        if self.image:
            features = torch.cat([shrink(images), features], 1)
        pafs = _refined(self.pafs, [features], [])
        # In what a heatmap stage sees the two systems put the fields in different places.
        heatmaps = _refined(self.heatmaps, *([features, pafs[-1]], []) if self.image else ([features], [pafs[-1]]))
        final = {"heatmaps": heatmaps[-1], "pafs": pafs[-1]}
        if not self.training:
            return [final]
        return [*({"pafs": maps} for maps in pafs[:-1]), *({"heatmaps": maps} for maps in heatmaps[:-1]), final]


def _refined(stages: nn.ModuleList, before: list[Tensor], after: list[Tensor]) -> list[Tensor]:
    """The maps of each stage; each but the first sees those of the one before it, between `before` and `after`."""
    found: list[Tensor] = []
    for stage in stages:
        found.append(stage(torch.cat([*before, *found[-1:], *after], 1)))
    return found


def shrink(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) at an eighth of their size, bilinear by the half-pixel rule: the mean of the four pixels in the middle."""
    return F.avg_pool2d(images[..., 3:, 3:], 2, STRIDE)


def paf_limbs(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """The limbs of a network's fields in the order of its channels: the published ones, or the skeleton's own."""
    published = {COCO_17.name: COCO_LIMBS, BODY_25.name: BODY_25_LIMBS}
    return published.get(skeleton.name, skeleton.limbs)


def openpose_paf_spec(
    name: str = "openpose_paf", side: int = 368, skeleton: Skeleton | None = None, imagenet: bool = True
) -> ModelSpec:
    """What goes into `OpenPosePaf` and comes out. `imagenet`: RGB less ImageNet's mean, by its deviation, the longer side at `side`
    (the PyTorch code); else BGR, x / 256 - 1/2, the shorter side (CMU's). COCO-17, or another skeleton."""
    skeleton = skeleton or COCO_17
    limbs = paf_limbs(skeleton)
    heads = {
        "heatmaps": Head("heatmaps", tuple(range(len(skeleton) + 1)), STRIDE),
        "pafs": Head("pafs", tuple(range(2 * len(limbs))), STRIDE),
    }
    scaled = imagenet_input(SizeRule(side, "longer")) if imagenet else caffe_input(SizeRule(side))
    return ModelSpec(name, skeleton, heads, limbs, scaled)


def imagenet_input(size: SizeRule) -> InputSpec:
    """RGB, (x / 255 - mean) / deviation of ImageNet, black borders."""
    red, green, blue = (255 * value for value in IMAGENET_MEAN)
    scale = tuple(1 / (255 * value) for value in IMAGENET_STD)
    return InputSpec("image", "RGB", "NCHW", (red, green, blue), (scale[0], scale[1], scale[2]), (0, 0, 0), size)
