"""DeeperCut's TensorFlow variables (pose-tensorflow, TF-slim's ResNet v1) as the weights of net/deepercut, by name.

How deep and how wide the network is, which heads it has and how many keypoints, is told from names and shapes. What a checkpoint holds
besides weights (the step, momenta, ImageNet's classifier) is left out; anything else that fits nowhere is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from limbwise.convert.tensorflow import Arrays
from limbwise.errors import InputError
from limbwise.net.deepercut import DeeperCut, DeeperCutOptions, deepercut_spec
from limbwise.net.resnet import ResNet, ResNetOptions
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17, MPII_14, PENN_13
from limbwise.spec import ModelSpec

SKELETONS_BY_COUNT = {13: PENN_13, 14: MPII_14, 17: COCO_17}
HEADS = {"part_logits": "part_pred", "offsets": "locref_pred", "pairwise": "pairwise_pred",
         "intermediate": "intermediate_supervision"}  # fmt: skip
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
# What is in a checkpoint and is no weight of ours: optimisers' states, counters, ImageNet's classifier.
BESIDES = re.compile(r"/(Momentum|Adam|Adam_1|RMSProp|RMSProp_1|ExponentialMovingAverage)$|^(global_step|beta[12]_power)$"
                     r"|^resnet_v1_\d+/logits/|(^|/)mean_rgb$")  # fmt: skip


def convert_deepercut(
    variables: Arrays, where: str | Path, skeleton: Skeleton | None = None
) -> tuple[DeeperCut, ModelSpec]:
    """The network of a checkpoint's variables, and its spec.

    `skeleton`: default MPII's 14 or COCO's 17 keypoints, by their number. What the pairwise terms are measured in is not in a
    checkpoint (`net.deepercut.with_statistics`). Raises InputError that names `where` and the variable that is missing, left over
    or of another shape.
    """
    count = shape_of(variables, "pose/part_pred/block4/biases", 1, where)[0]
    skeleton = skeleton or SKELETONS_BY_COUNT.get(count)
    if skeleton is None or len(skeleton) != count:
        has = f"{skeleton.name} has {len(skeleton)}" if skeleton else "no skeleton of the house is known for that"
        raise InputError(f"{where}: the network has {count} keypoints, {has}; give the right one with --skeleton")
    has_heads = {ours: f"pose/{theirs}/block4/weights" in variables for ours, theirs in HEADS.items()}
    options = DeeperCutOptions(count, has_heads["pairwise"], has_heads["intermediate"], backbone_options(variables, where))  # fmt: skip
    net = DeeperCut(options)
    scope = scope_of(variables, where)
    load(net, {name: head_name(name) or f"{scope}/{backbone_name(name.removeprefix('backbone.'))}" for name in named(net)},
         variables, where)  # fmt: skip
    spec = deepercut_spec(Path(where).name, skeleton=skeleton, pairwise=options.pairwise)
    return net, spec


def convert_backbone(variables: Arrays, where: str | Path) -> ResNet:
    """The backbone alone, of TF-slim's ImageNet checkpoints; raises InputError as `convert_deepercut` does."""
    scope = scope_of(variables, where)
    net = ResNet(backbone_options(variables, where))
    load(net, {name: f"{scope}/{backbone_name(name)}" for name in named(net)}, variables, where)
    return net


def scope_of(variables: Arrays, where: str | Path) -> str:
    """resnet_v1_50, _101 or _152: what the names of the backbone begin with."""
    found = {match[0] for name in variables if (match := re.match(r"resnet_v1_\d+(?=/)", name))}
    if len(found) != 1:
        raise InputError(
            f"{where}: variables of one resnet_v1 are expected, found {', '.join(sorted(found)) or 'none'}"
        )
    return found.pop()


def backbone_options(variables: Arrays, where: str | Path) -> ResNetOptions:
    """Depth and widths of the backbone, from the names and shapes of its variables."""
    scope = scope_of(variables, where)
    depths, widths = [], []
    for block in range(1, 5):
        units = re.compile(rf"{scope}/block{block}/unit_(\d+)/")
        depths.append(max((int(match[1]) for name in variables if (match := units.match(name))), default=0))
        widths.append(shape_of(variables, f"{scope}/block{block}/unit_1/bottleneck_v1/conv2/weights", 4, where)[3])
    if not max(depths) <= 100 or depths[2] < 1:
        raise InputError(f"{where}: blocks of {depths} units are no ResNet")
    _, _, channels, stem = shape_of(variables, f"{scope}/conv1/weights", 4, where)
    (a, b, c, d), (e, f, g, h) = depths, widths
    return ResNetOptions((a, b, c, d), (e, f, g, h), stem, channels)


def shape_of(variables: Arrays, name: str, ndim: int, where: str | Path) -> tuple[int, ...]:
    """The shape of a variable; raises InputError where it is missing, has other than `ndim` axes or is absurdly large."""
    if name not in variables:
        raise InputError(f"{where}: {name} is missing")
    shape = variables[name].shape
    if len(shape) != ndim or 0 in shape:
        raise InputError(f"{where}: {name}: {ndim} axes are expected, its shape is {shape}")
    return shape


def named(net: nn.Module) -> list[str]:
    """The names of all weights and norm statistics of a network, less torch's counters."""
    return [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]


def head_name(name: str) -> str | None:
    """TensorFlow's name for a weight of a head; None where it is none of a head."""
    head, _, kind = name.partition(".")
    return f"pose/{HEADS[head]}/block4/{'biases' if kind == 'bias' else 'weights'}" if head in HEADS else None


def backbone_name(name: str) -> str:
    """TF-slim's name, within its scope, for a weight of net/resnet: block3.11.conv2.0.weight -> block3/unit_12/..."""
    *place, part, kind = name.split(".")
    if len(place) == 3:
        place = [place[0], f"unit_{int(place[1]) + 1}", "bottleneck_v1", place[2]]
    return "/".join([*place, *(("weights",) if part == "0" else ("BatchNorm", NORM[kind]))])


def load(net: nn.Module, names: dict[str, str], variables: Arrays, where: str | Path) -> None:
    """Put variables into a network by `names` (ours: theirs).

    Raises InputError that lists what is missing and what is left over, or names what has another shape or is no number.
    """
    missing = [theirs for theirs in names.values() if theirs not in variables]
    extra = [name for name in variables if name not in set(names.values()) and not BESIDES.search(name)]
    if missing or extra:
        told = [f"{len(found)} {kind} ({', '.join(found[:3])}{', ...' if len(found) > 3 else ''})"
                for kind, found in (("missing", missing), ("left over", extra)) if found]  # fmt: skip
        raise InputError(f"{where}: variables do not fit: {'; '.join(told)}")
    state = net.state_dict()
    for ours, theirs in names.items():
        weight = as_weight(variables, theirs, where)
        if weight.shape != state[ours].shape:
            raise InputError(f"{where}: {theirs}: shape {tuple(weight.shape)}, {tuple(state[ours].shape)} is needed")
        state[ours] = weight
    net.load_state_dict(state)


def as_weight(variables: Arrays, name: str, where: str | Path) -> Tensor:
    """A variable as torch has it: (kh, kw, in, out) becomes (out, in, kh, kw), of transposed convolutions (in, out, kh, kw)."""
    array = np.asarray(variables[name], np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{where}: {name}: not all of it are numbers")
    return torch.from_numpy(np.array(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array))
