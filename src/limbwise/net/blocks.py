"""The pieces that our networks are made of, and folding of batch norms for inference.

Convolutions are dense 3 x 3: on a CPU they reach the peak of the arithmetic units in training and in OpenVINO alike. Measured on two
AVX-512 cores, a depthwise network of 0.46 GMAC (at 256 x 256) trained at 33 images/s and a dense one of 0.65 GMAC at 43, both of them
at 15 to 16 ms in OpenVINO at 368 x 432.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Stages = list[dict[str, Tensor]]  # the maps of each supervised stage by head name, the final one last

Net = TypeVar("Net", bound=nn.Module)


def conv_norm(channels_in: int, channels_out: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """3 x 3 convolution, batch norm and, unless told otherwise, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class Residual(nn.Module):
    """x + f(x), f of two 3 x 3 convolutions (He et al. 2016); the last norm starts at 0, so that the block starts as nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_norm(channels, channels)
        self.second = conv_norm(channels, channels, relu=False)
        norm = self.second[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def enlarge_to(coarse: Tensor, fine: Tensor) -> Tensor:
    """`coarse` at twice its resolution, cut to the height and width of `fine`.

    A 3 x 3 convolution of stride 2 makes ceil(h / 2) rows of h, so cutting keeps the two grids aligned for every size and no
    input has to be padded further than to the output stride.
    """
    twice: Tensor = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
    return twice[..., : fine.shape[-2], : fine.shape[-1]]


def fold_norms(net: Net) -> Net:
    """A copy of `net` for inference, each batch norm that follows a convolution in a Sequential folded into it."""
    folded = copy.deepcopy(net).eval()
    for module in folded.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                conv, norm = module[i], module[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return folded
