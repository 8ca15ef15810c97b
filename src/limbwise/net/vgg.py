"""VGG-19's first layers (Simonyan and Zisserman 2015), the features of every OpenPose network, by the names that Caffe gave them.

All at stride 8 at most: 3 x 3 convolutions with biases, ReLU, and three poolings that halve.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

# name, channels in units of the first layer's; those of POOLED are pooled afterwards. VGG-19's fourth pooling is left out.
LAYERS = (("conv1_1", 1), ("conv1_2", 1), ("conv2_1", 2), ("conv2_2", 2), ("conv3_1", 4), ("conv3_2", 4), ("conv3_3", 4),
          ("conv3_4", 4), ("conv4_1", 8), ("conv4_2", 8), ("conv4_3", 8), ("conv4_4", 8), ("conv5_1", 8), ("conv5_2", 8),
          ("conv5_3", 8), ("conv5_4", 8))  # fmt: skip
POOLED = {"conv1_2", "conv2_2", "conv3_4"}
STRIDE = 8

# Where torchvision's VGG-19 has them: features.N.
_PLACES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
TORCHVISION = {name: place for (name, _), place in zip(LAYERS, _PLACES, strict=True)}


class Vgg19(nn.Module):
    """Images (N, 3, H, W), H and W multiples of 8, to features (N, 8 `base`, H / 8, W / 8) of the layer `last`, after its ReLU
    unless `activate_last` is False. Parameters are `conv1_1.weight` and so on. Weights begin as He et al. 2015 draw them."""

    def __init__(self, last: str = "conv4_2", base: int = 64, activate_last: bool = True) -> None:
        super().__init__()
        self.names = [name for name, _ in LAYERS][: [name for name, _ in LAYERS].index(last) + 1]
        self.activate_last = activate_last
        channels = 3
        for name, times in LAYERS[: len(self.names)]:
            conv = nn.Conv2d(channels, times * base, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            _zero_bias(conv)
            self.add_module(name, conv)
            channels = times * base
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        for name in self.names:
            x = self.get_submodule(name)(x)
            if name != self.names[-1] or self.activate_last:
                x = F.relu(x)
            if name in POOLED:
                x = F.max_pool2d(x, 2)
        return x


def chain(layers: Sequence[tuple[str, int, int]], channels: int, relu_last: bool = False) -> nn.Sequential:
    """Convolutions one after the other from `channels` on, by (name, channels out, kernel), same size, biases, ReLU between them.

    Parameters are `NAME.weight` and `NAME.bias`. Weights begin as LeCun et al. 1998 draw them, Chainer's default.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (name, channels_out, kernel) in enumerate(layers):
        modules[name] = conv = nn.Conv2d(channels, channels_out, kernel, padding=kernel // 2)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
        _zero_bias(conv)
        if relu_last or i < len(layers) - 1:
            modules[f"relu_{name}"] = nn.ReLU(inplace=True)
        channels = channels_out
    return nn.Sequential(modules)


def _zero_bias(conv: nn.Conv2d) -> None:
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
