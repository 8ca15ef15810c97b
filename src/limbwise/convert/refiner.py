"""The published refiner's TensorFlow variables as the weights of net/refiner, by name.

It is DeeperCut's network (see convert/deepercut) but for the first layer: `conv1` on the colours and `conv1_extra` on the discs are summed
before one norm, which is called `BatchNorm` and not `conv1/BatchNorm`; here they are one convolution.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limbwise.convert.deepercut import NORM, as_weights, backbone_name, backbone_options, head_name, scope_of
from limbwise.convert.tensorflow import Arrays
from limbwise.convert.weights import Weights, load, shape_of
from limbwise.errors import InputError
from limbwise.net.refiner import Refiner, RefinerOptions, refiner_spec
from limbwise.skeleton import Skeleton
from limbwise.skeletons import POSETRACK_15
from limbwise.spec import ModelSpec

EXTRA = "conv1_extra/weights"


def is_refiner(variables: Arrays) -> bool:
    """Whether these are a refiner's: a convolution of discs beside that of the colours."""
    return any(name.endswith(f"/{EXTRA}") for name in variables)


def convert_refiner(
    variables: Arrays, where: str | Path, skeleton: Skeleton | None = None
) -> tuple[Refiner, ModelSpec]:
    """The network of a checkpoint's variables, and its spec.

    `skeleton`: default PoseTrack's 15 keypoints. Raises InputError that names `where` and the variable that is missing, left over or of
    another shape.
    """
    weights = as_weights(variables)
    count = shape_of(weights, "pose/part_pred/block4/biases", 1, where)[0]
    skeleton = skeleton or POSETRACK_15
    if len(skeleton) != count:
        raise InputError(f"{where}: the network has {count} keypoints, {skeleton.name} has {len(skeleton)}; give the right "
                         "one with --skeleton")  # fmt: skip
    scope = scope_of(weights, where)
    joined = _one_convolution(weights, scope, count, where)
    net = Refiner(RefinerOptions(count, backbone_options(joined, where)))
    load(net, joined, lambda name: their_name(name, scope), where)
    return net, refiner_spec(Path(where).name, skeleton)


def _one_convolution(weights: Weights, scope: str, count: int, where: str | Path) -> Weights:
    """The weights with both first convolutions (out, in, kh, kw) as one, colours before discs."""
    colours, discs = f"{scope}/conv1/weights", f"{scope}/{EXTRA}"
    shapes = [shape_of(weights, name, 4, where) for name in (colours, discs)]
    wanted = (shapes[0][0], count, *shapes[0][2:])
    if shapes[1] != wanted or shapes[0][1] != 3:
        raise InputError(f"{where}: {discs}: its shape is {shapes[1]}, {wanted} is needed")
    rest = {name: array for name, array in weights.items() if name != discs}
    return {**rest, colours: np.concatenate([weights[colours], weights[discs]], axis=1)}


def their_name(name: str, scope: str) -> str:
    """TensorFlow's name for a weight of net/refiner."""
    if (of_head := head_name(name)) is not None:
        return of_head
    inner = name.removeprefix("backbone.")
    if inner.startswith("conv1.1."):
        return f"{scope}/BatchNorm/{NORM[inner.rpartition('.')[2]]}"
    return f"{scope}/{backbone_name(inner)}"
