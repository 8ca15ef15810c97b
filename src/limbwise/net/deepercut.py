"""deepercut: a ResNet with heads for parts, offsets and pairwise terms (Insafutdinov et al., ECCV 2016; ArtTrack, CVPR 2017).

The heads are transposed convolutions from stride 16 to stride 8; (H, W) gives maps of (2 ceil(H / 16), 2 ceil(W / 16)), cell i centred
on pixel 8 i + 4. Offsets and pairwise terms come as the targets have them: in units of their standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from limbwise.geometry import SizeRule
from limbwise.net.blocks import Stages
from limbwise.net.resnet import EXPANSION, RESNET_101, STRIDE, ResNet, ResNetOptions
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17
from limbwise.spec import Head, InputSpec, ModelSpec

MAP_STRIDE = STRIDE // 2
CENTRE = 4.0  # pixels from the first pixel to the centre of the first cell, by which it was trained
OFFSET_SCALE = 7.2801  # pixels, the standard deviation of offsets by which it was trained
MEAN = (123.68, 116.779, 103.939)  # ImageNet's, RGB


@dataclass(frozen=True)
class DeeperCutOptions:
    """`keypoints` J give J part logits and 2 J offsets; `pairwise` 2 J (J - 1) more channels, for several people; `intermediate`: parts
    are predicted from the middle of block 3 as well while training."""

    keypoints: int = len(COCO_17)
    pairwise: bool = True
    intermediate: bool = True
    backbone: ResNetOptions = field(default_factory=lambda: RESNET_101)


class Enlarge(nn.ConvTranspose2d):
    """A 3 x 3 transposed convolution from (h, w) to (2 h, 2 w), cut at the end as TensorFlow's SAME does."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(channels_in, channels, 3, 2)
        nn.init.xavier_uniform_(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(x, output_size)[..., :-1, :-1]


class DeeperCut(nn.Module):
    """Images (N, 3, H, W), normalised as the spec says, to part logits (N, J, h, w), offsets (N, 2 J, h, w), x and y in turn, and
    pairwise terms (N, 2 J (J - 1), h, w), x and y in turn, of the pairs (a, b) with a outer, b inner. While training a first stage
    holds the part logits of the middle of the backbone."""

    def __init__(self, options: DeeperCutOptions | None = None) -> None:
        super().__init__()
        options = options or DeeperCutOptions()
        keypoints, deep = options.keypoints, EXPANSION * options.backbone.widths[3]
        self.backbone = ResNet(options.backbone)
        self.part_logits = Enlarge(deep, keypoints)
        self.offsets = Enlarge(deep, 2 * keypoints)
        self.pairwise = Enlarge(deep, 2 * keypoints * (keypoints - 1)) if options.pairwise else None
        self.intermediate = Enlarge(EXPANSION * options.backbone.widths[2], keypoints) if options.intermediate else None

    def forward(self, images: Tensor) -> Stages:
        features = self.backbone(images)
        final = {"part_logits": self.part_logits(features.deep), "offsets": self.offsets(features.deep)}
        if self.pairwise is not None:
            final["pairwise"] = self.pairwise(features.deep)
        if self.intermediate is None or not self.training:
            return [final]
        return [{"part_logits": self.intermediate(features.middle)}, final]


def count_values(net: nn.Module) -> int:
    """How many numbers a network computes with: weights, biases, and gamma, beta, mean and variance of each norm."""
    values = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    return sum(value.numel() for value in values.values())


def deepercut_spec(
    name: str = "deepercut", side: int = 400, skeleton: Skeleton | None = None, pairwise: bool = True
) -> ModelSpec:
    """What goes into `DeeperCut` and comes out: RGB of 0 to 255 less ImageNet's mean, cells at 8 i + 4, offsets in OFFSET_SCALE.

    `side`: the published networks saw people of about 340 pixels (MPII) and COCO's photos as they are. What the pairwise terms are
    measured in is for the data to say (`with_statistics`).
    """
    skeleton = skeleton or COCO_17
    keypoints = len(skeleton)

    def head(output: str, count: int, scale: tuple[float, ...] = ()) -> Head:
        return Head(output, tuple(range(count)), MAP_STRIDE, CENTRE, scale)

    heads = {"part_logits": head("part_logits", keypoints),
             "offsets": head("offsets", 2 * keypoints, (OFFSET_SCALE,) * (2 * keypoints))}  # fmt: skip
    if pairwise:
        heads["pairwise"] = head("pairwise", 2 * keypoints * (keypoints - 1))
    size = replace(SizeRule(), side=side, multiple=STRIDE)
    scaled = InputSpec(mean=MEAN, pad=(124, 117, 104), size=size)
    return ModelSpec(name, skeleton, heads, skeleton.limbs, scaled, method="deepercut")


def with_statistics(
    spec: ModelSpec, means: npt.NDArray[np.floating], deviations: npt.NDArray[np.floating]
) -> ModelSpec:
    """The spec with pairwise vectors in units of their own: `means` and `deviations` (K (K - 1), 2), input pixels, for each pair."""
    scale, mean = (tuple(float(value) for value in values.ravel()) for values in (deviations, means))
    return replace(spec, heads={**spec.heads, "pairwise": replace(spec.heads["pairwise"], scale=scale, mean=mean)})
