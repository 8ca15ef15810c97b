"""Which system a file of weights comes from, and the file as a network of ours: one row of KINDS for each kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from limbwise.convert.backbones import SLIM_INPUT, convert_resnet, convert_vgg, is_resnet, is_vgg
from limbwise.convert.caffe import is_caffemodel, read_caffemodel
from limbwise.convert.chainer import is_npz, read_npz
from limbwise.convert.deepercut import convert_backbone, convert_deepercut
from limbwise.convert.openpose import Origin, convert_openpose
from limbwise.convert.openvino_ir import is_ir, read_ir
from limbwise.convert.refiner import convert_refiner, is_refiner
from limbwise.convert.tensorflow import is_checkpoint, prefix_of, read_checkpoint
from limbwise.convert.torch_state import is_state, read_state
from limbwise.convert.weights import Weights
from limbwise.errors import InputError, WeightsError
from limbwise.skeleton import Skeleton
from limbwise.spec import InputSpec, ModelSpec


@dataclass(frozen=True)
class Converted:
    """`net` with the weights of a file; its `spec`, None where it is a backbone alone, which no decoder can use but training can
    begin with; `what` the file was found to hold, for people. `used_to`: how images are shown to a backbone. `missing`: layers that
    stay random."""

    net: nn.Module
    spec: ModelSpec | None
    what: str
    used_to: InputSpec | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of file: its `name` for people, whether a path `is` one, and how to `convert` it, on a skeleton or its own, with layers
    missing or not."""

    name: str
    is_one: Callable[[Path], bool]
    convert: Callable[[Path, Skeleton | None, bool], Converted]


def convert(path: str | Path, skeleton: Skeleton | None = None, allow_missing: bool = False) -> Converted:
    """The network in a file of another system, told by what is in the file.

    `skeleton`: what its keypoints are, where the house does not know it by their number. `allow_missing`: layers of OpenPose's
    networks that are not there stay random (DeNA's Chainer files lack one). Raises InputError where the file is missing, and
    WeightsError that names it where it is damaged, of no known kind, or holds weights too few or too many.
    """
    path = Path(path)
    for kind in KINDS:
        if kind.is_one(path):
            try:
                return kind.convert(path, skeleton, allow_missing)
            except InputError as error:
                raise WeightsError(str(error)) from error
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    raise WeightsError(f"{path}: weights of no known kind; there are {', '.join(kind.name for kind in KINDS)}")


def _tensorflow(path: Path, skeleton: Skeleton | None, _: bool) -> Converted:
    """DeeperCut, the refiner, or a TF-slim backbone where there are no heads."""
    variables, prefix = read_checkpoint(path), prefix_of(path)
    origin = f"converted from the TensorFlow checkpoint {prefix.name}"
    if is_refiner(variables):
        refiner, spec = convert_refiner(variables, prefix, skeleton)
        return Converted(refiner, replace(spec, origin=origin), f"a refiner on {spec.skeleton.name}")
    if not any(name.startswith("pose/") for name in variables):
        return Converted(convert_backbone(variables, prefix), None, "a TF-slim ResNet without heads", SLIM_INPUT)
    net, spec = convert_deepercut(variables, prefix, skeleton)
    spec = replace(spec, origin=origin)
    return Converted(net, spec, f"DeeperCut on {spec.skeleton.name}")


def _openpose(read: Callable[[Path], Weights], origin: Origin) -> Callable[[Path, Skeleton | None, bool], Converted]:
    """How a file of OpenPose's family is converted, or of a backbone that these begin with."""

    def converted(path: Path, skeleton: Skeleton | None, allow_missing: bool) -> Converted:
        weights = read(path)
        for is_one, backbone, what in BACKBONES:
            if is_one(weights):
                net, used_to = backbone(weights, path)
                return Converted(net, None, what, used_to)
        found, spec, what, missing = convert_openpose(weights, path, origin, skeleton, allow_missing)
        return Converted(found, spec, what, missing=tuple(missing))

    return converted


Backbone = tuple[Callable[[Weights], bool], Callable[[Weights, Path], tuple[nn.Module, InputSpec]], str]
BACKBONES: tuple[Backbone, ...] = (
    (is_vgg, convert_vgg, "VGG-19 without a head"),
    (is_resnet, convert_resnet, "a torchvision ResNet without a head"),
)
KINDS = (
    Kind("TensorFlow checkpoints", is_checkpoint, _tensorflow),
    Kind("Caffe's .caffemodel", is_caffemodel, _openpose(read_caffemodel, "caffe")),
    Kind("Chainer's .npz", is_npz, _openpose(read_npz, "chainer")),
    Kind("OpenVINO IR 2 to 7 (.xml and .bin)", is_ir, _openpose(read_ir, "openvino")),
    Kind("PyTorch's .pth and .ckpt", is_state, _openpose(read_state, "pytorch")),
)
