"""DeeperCut's TensorFlow variables (pose-tensorflow, TF-slim's ResNet v1) as the weights of net/deepercut, by name.

How deep and how wide the network is, which heads it has and how many keypoints, is told from names and shapes. What a checkpoint holds
besides weights (the step, momenta, ImageNet's classifier) is left out; anything else that fits nowhere is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from limbwise.convert.tensorflow import Arrays
from limbwise.convert.weights import Weights, load, shape_of
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

    `skeleton`: default MPII's 14, COCO's 17 or Penn Action's 13 keypoints, by their number. What the pairwise terms are measured in
    is not in a checkpoint (see data.pairwise_stats). Raises InputError that names `where` and what is missing, left over, of another
    shape or no number.
    """
    weights = as_weights(variables)
    count = shape_of(weights, "pose/part_pred/block4/biases", 1, where)[0]
    skeleton = skeleton or SKELETONS_BY_COUNT.get(count)
    if skeleton is None or len(skeleton) != count:
        has = f"{skeleton.name} has {len(skeleton)}" if skeleton else "no skeleton of the house is known for that"
        raise InputError(f"{where}: the network has {count} keypoints, {has}; give the right one with --skeleton")
    pairwise, intermediate = (f"pose/{HEADS[head]}/block4/weights" in weights for head in ("pairwise", "intermediate"))
    net = DeeperCut(DeeperCutOptions(count, pairwise, intermediate, backbone_options(weights, where)))
    scope = scope_of(weights, where)
    load(net, weights, lambda name: head_name(name) or f"{scope}/{backbone_name(name.removeprefix('backbone.'))}", where)  # fmt: skip
    return net, deepercut_spec(Path(where).name, skeleton=skeleton, pairwise=pairwise)


def convert_backbone(variables: Arrays, where: str | Path) -> ResNet:
    """The backbone alone, of TF-slim's ImageNet checkpoints; raises InputError as `convert_deepercut` does."""
    weights = as_weights(variables)
    scope = scope_of(weights, where)
    net = ResNet(backbone_options(weights, where))
    load(net, weights, lambda name: f"{scope}/{backbone_name(name)}", where)
    return net


def as_weights(variables: Arrays) -> Weights:
    """The variables that are weights, as torch has them: (kh, kw, in, out) becomes (out, in, kh, kw), of transposed convolutions
    (in, out, kh, kw)."""
    return {name: array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
            for name, array in variables.items() if not BESIDES.search(name)}  # fmt: skip


def scope_of(weights: Weights, where: str | Path) -> str:
    """resnet_v1_50, _101 or _152: what the names of the backbone begin with."""
    found = {match[0] for name in weights if (match := re.match(r"resnet_v1_\d+(?=/)", name))}
    if len(found) != 1:
        raise InputError(
            f"{where}: variables of one resnet_v1 are expected, found {', '.join(sorted(found)) or 'none'}"
        )
    return found.pop()


def backbone_options(weights: Weights, where: str | Path) -> ResNetOptions:
    """Depth and widths of the backbone, from the names and shapes of its variables."""
    scope = scope_of(weights, where)
    depths, widths = [], []
    for block in range(1, 5):
        units = re.compile(rf"{scope}/block{block}/unit_(\d+)/")
        depths.append(max((int(match[1]) for name in weights if (match := units.match(name))), default=0))
        widths.append(shape_of(weights, f"{scope}/block{block}/unit_1/bottleneck_v1/conv2/weights", 4, where)[0])
    if not max(depths) <= 100 or depths[2] < 1:
        raise InputError(f"{where}: blocks of {depths} units are no ResNet")
    stem, channels, _, _ = shape_of(weights, f"{scope}/conv1/weights", 4, where)
    (a, b, c, d), (e, f, g, h) = depths, widths
    return ResNetOptions((a, b, c, d), (e, f, g, h), stem, channels)


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
