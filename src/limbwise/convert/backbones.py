"""Backbones that others trained on ImageNet, as the beginning of a training: VGG-19 (Caffe, torchvision) and ResNet (torchvision).

A backbone is used to its own colours, mean and scale; its first convolution is rewritten for those of the network that takes it in.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from limbwise.convert.weights import Weights, load, shape_of
from limbwise.errors import InputError
from limbwise.geometry import SizeRule
from limbwise.net.openpose_paf import imagenet_input
from limbwise.net.resnet import ResNet, ResNetOptions
from limbwise.net.vgg import LAYERS, TORCHVISION, Vgg19
from limbwise.spec import InputSpec

PREFIX = "backbone."
CAFFE_INPUT = InputSpec("image", "BGR", "NCHW", (103.939, 116.779, 123.68), (1.0,) * 3)
TORCHVISION_INPUT = imagenet_input(SizeRule())
SLIM_INPUT = InputSpec("image", "RGB", "NCHW", (123.68, 116.779, 103.939), (1.0,) * 3)

# ImageNet's classifiers, which no pose network has.
CLASSIFIERS = re.compile(r"(fc[678]|fc|classifier\.[036])\.(weight|bias)")
VGG_NAMES = {name for name, _ in LAYERS}


def convert_vgg(weights: Weights, where: str | Path) -> tuple[Vgg19, InputSpec]:
    """VGG-19 up to its last convolution, of Caffe's layers or of torchvision's, and what it is used to see.

    Raises InputError that lists what is missing and left over; the classifier does not count.
    """
    weights = {name: array for name, array in weights.items() if not CLASSIFIERS.fullmatch(name)}
    torchvision = "features.0.weight" in weights
    first = shape_of(weights, "features.0.weight" if torchvision else "conv1_1.weight", 4, where)[0]
    net = Vgg19("conv5_4", min(first, 512))

    def their_name(name: str) -> str:
        layer, part = name.split(".")
        return f"features.{TORCHVISION[layer]}.{part}" if torchvision else name

    load(net, weights, their_name, where)
    return net, TORCHVISION_INPUT if torchvision else CAFFE_INPUT


def convert_resnet(weights: Weights, where: str | Path) -> tuple[ResNet, InputSpec]:
    """torchvision's ResNet of bottlenecks (50, 101, 152) without its classifier, and what it is used to see.

    Its strides stand elsewhere than in ours (net.resnet); the weights are the same in number and shape. Raises InputError.
    """
    weights = {name: array for name, array in weights.items() if not CLASSIFIERS.fullmatch(name)}
    if "layer1.0.conv3.weight" not in weights:
        raise InputError(f"{where}: a ResNet without bottlenecks (18, 34), of which no network of ours is made")
    units = [_units(weights, block) for block in range(1, 5)]
    widths = [shape_of(weights, f"layer{block}.0.conv2.weight", 4, where)[0] for block in range(1, 5)]
    stem, channels = shape_of(weights, "conv1.weight", 4, where)[:2]
    if not max(*units, 0) <= 100 or max(*widths, stem) > 2048:
        raise InputError(f"{where}: blocks of {units} units of {widths} channels are no ResNet")
    (a, b, c, d), (e, f, g, h) = units, widths
    net = ResNet(ResNetOptions((a, b, c, d), (e, f, g, h), stem, channels))
    load(net, weights, _torchvision_name, where)
    return net, TORCHVISION_INPUT


def is_vgg(weights: Weights) -> bool:
    """Whether these are VGG's layers and nothing more than its classifier."""
    names = {name.rpartition(".")[0] for name in weights if not CLASSIFIERS.fullmatch(name)}
    return bool(names) and (names <= VGG_NAMES or names <= {f"features.{place}" for place in TORCHVISION.values()})


def is_resnet(weights: Weights) -> bool:
    """Whether these are torchvision's names of a ResNet."""
    return "layer1.0.conv1.weight" in weights


def _units(weights: Weights, block: int) -> int:
    pattern = re.compile(rf"layer{block}\.(\d{{1,4}})\.conv1\.weight")
    return 1 + max((int(found[1]) for name in weights if (found := pattern.fullmatch(name))), default=0)


def _torchvision_name(name: str) -> str:
    """block3.11.conv2.0.weight -> layer3.11.conv2.weight, conv1.1.bias -> bn1.bias."""
    *place, layer, which, part = name.split(".")
    if layer == "shortcut":
        layer = f"downsample.{which}"
    elif which == "1":
        layer = layer.replace("conv", "bn")
    return ".".join([*(step.replace("block", "layer") for step in place), layer, part])


def fitted_backbone(net: nn.Module, used_to: InputSpec, shown: InputSpec) -> dict[str, Tensor]:
    """A backbone's weights for a network that is `shown` images in another way, by the names they have there (`backbone.`...).

    x = (pixel - mean) scale is linear: the weights of the first convolution take in order and scale of the colours, its bias (or the
    mean of the norm after it) what is left of the means. At the border, where zeros stand for the mean, maps differ a little.
    """
    state = {name: value.clone() for name, value in net.state_dict().items()}
    first = next(name for name, value in state.items() if value.ndim == 4)
    ours, theirs = _by_colour(shown), _by_colour(used_to)
    factor = torch.tensor([theirs[c][1] / ours[c][1] for c in used_to.colour])
    shift = torch.tensor([(ours[c][0] - theirs[c][0]) * theirs[c][1] for c in used_to.colour])
    weight = state[first]
    moved = (weight * shift[:, None, None]).sum((1, 2, 3))
    order = [used_to.colour.index(c) for c in shown.colour]
    state[first] = (weight * factor[:, None, None])[:, order].contiguous()
    bias, norm = first.replace("weight", "bias"), first.replace("0.weight", "1.running_mean")
    if bias in state:
        state[bias] = state[bias] + moved
    elif norm in state:
        state[norm] = state[norm] - moved
    return {PREFIX + name: value for name, value in state.items()}


def _by_colour(spec: InputSpec) -> dict[str, tuple[float, float]]:
    """Mean and scale of each colour."""
    return dict(zip(spec.colour, np.stack([spec.mean, spec.scale], 1).tolist(), strict=True))
