"""resnet: ResNet v1 as TF-slim builds it (He et al. 2016), fully convolutional at stride 16, the backbone of DeeperCut and the refiner.

It differs from the usual one: the stride sits in the 3 x 3 convolution of the LAST unit of blocks 1 and 2, block 4 is dilated instead
of strided, and the first pooling pads as TensorFlow's SAME does. Any size goes in; (H, W) gives maps of (ceil(H / 16), ceil(W / 16)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

EXPANSION = 4  # channels that leave a unit, in multiples of those of its 3 x 3 convolution
STRIDE = 16


@dataclass(frozen=True)
class ResNetOptions:
    """`units` in each of the four blocks and the `widths` of their 3 x 3 convolutions; `stem` channels of the first convolution;
    `channels` of the input (3: RGB). `frozen_norms`: batch norms keep to their moving averages also while training, as published,
    so that a batch of one image can be learnt from; only for a backbone that begins with weights."""

    units: tuple[int, int, int, int] = (3, 4, 23, 3)
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    stem: int = 64
    channels: int = 3
    frozen_norms: bool = True


RESNET_101 = ResNetOptions()
RESNET_50 = ResNetOptions(units=(3, 4, 6, 3))
# ResNet-26 at half width: for a CPU, from nothing.
RESNET_SMALL = ResNetOptions(units=(2, 2, 2, 2), widths=(32, 64, 128, 256), stem=32, frozen_norms=False)


class Features(NamedTuple):
    """What a backbone gives: `deep` (N, 4 x widths[3], h, w), the last block, and `middle` (N, 4 x widths[2], h, w), the middle unit of
    block 3, for intermediate supervision."""

    deep: Tensor
    middle: Tensor


class ResNet(nn.Module):
    """Images (N, C, H, W), normalised as the spec says, to `Features` at stride 16."""

    def __init__(self, options: ResNetOptions = RESNET_101) -> None:
        super().__init__()
        self.frozen_norms = options.frozen_norms
        self.conv1 = conv_norm(options.channels, options.stem, 7, 2)
        sources = (options.stem, *(EXPANSION * width for width in options.widths))
        self.block1 = _block(sources[0], options.widths[0], options.units[0], last_stride=2)
        self.block2 = _block(sources[1], options.widths[1], options.units[1], last_stride=2)
        self.block3 = _block(sources[2], options.widths[2], options.units[2])
        self.block4 = _block(sources[3], options.widths[3], options.units[3], dilation=2)
        self.middle = (options.units[2] + 1) // 2  # unit 12 of 23, as published

    def forward(self, images: Tensor) -> Features:
        x = self.block2(self.block1(pool_same(self.conv1(images))))
        middle = self.block3[: self.middle](x)
        return Features(self.block4(self.block3[self.middle :](middle)), middle)

    def train(self, mode: bool = True) -> ResNet:
        """As any module, but frozen norms stay as in inference."""
        super().train(mode)
        if self.frozen_norms:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


class Bottleneck(nn.Module):
    """A unit: relu(shortcut(x) + f(x)), f of 1 x 1, 3 x 3 and 1 x 1 convolutions; the 3 x 3 one carries stride and dilation."""

    def __init__(self, channels_in: int, width: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.stride = stride
        projects = channels_in != EXPANSION * width
        self.shortcut = conv_norm(channels_in, EXPANSION * width, relu=False) if projects else nn.Identity()
        self.conv1 = conv_norm(channels_in, width)
        self.conv2 = conv_norm(width, width, 3, stride, dilation)
        self.conv3 = conv_norm(width, EXPANSION * width, relu=False)
        norm = self.conv3[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)  # a unit starts as nothing, where it starts from nothing

    def forward(self, x: Tensor) -> Tensor:
        direct = self.shortcut(x[..., :: self.stride, :: self.stride] if self.stride > 1 else x)
        return F.relu(direct + self.conv3(self.conv2(self.conv1(x))))


def conv_norm(
    channels_in: int, channels: int, kernel: int = 1, stride: int = 1, dilation: int = 1, relu: bool = True
) -> nn.Sequential:
    """A convolution padded evenly by half its reach, batch norm and, unless told otherwise, ReLU."""
    conv = nn.Conv2d(channels_in, channels, kernel, stride, dilation * (kernel // 2), dilation, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(channels)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


def pool_same(x: Tensor) -> Tensor:
    """3 x 3 maximum at stride 2, padded as TensorFlow's SAME does: an even side by one at its end, an odd one at both ends."""
    (height, width) = x.shape[-2:]
    padded = F.pad(x, (width % 2, 1, height % 2, 1), value=float("-inf"))
    return F.max_pool2d(padded, 3, 2)


def _block(channels_in: int, width: int, units: int, last_stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Units of one width; the last one has the stride. Only the first changes the number of channels."""
    sources = [channels_in] + [EXPANSION * width] * (units - 1)
    strides = [1] * (units - 1) + [last_stride]
    return nn.Sequential(*(Bottleneck(c, width, s, dilation) for c, s in zip(sources, strides, strict=True)))
