"""Which system a file of weights comes from, and the file as a network of ours: one row of KINDS for each kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from limbwise.convert.deepercut import convert_backbone, convert_deepercut
from limbwise.convert.tensorflow import is_checkpoint, prefix_of, read_checkpoint
from limbwise.errors import InputError
from limbwise.skeleton import Skeleton
from limbwise.spec import ModelSpec


@dataclass(frozen=True)
class Converted:
    """`net` with the weights of a file; its `spec`, None where it is a backbone alone, which no decoder can use but training can
    begin with; `what` the file was found to hold, for people."""

    net: nn.Module
    spec: ModelSpec | None
    what: str


@dataclass(frozen=True)
class Kind:
    """A kind of file: its `name` for people, whether a path `is` one, and how to `convert` it, on a skeleton or its own."""

    name: str
    is_one: Callable[[Path], bool]
    convert: Callable[[Path, Skeleton | None], Converted]


def convert(path: str | Path, skeleton: Skeleton | None = None) -> Converted:
    """The network in a file of another system, told by what is in the file.

    `skeleton`: what its keypoints are, where the house does not know it by their number. Raises InputError that names the file:
    missing, damaged, of no known kind, or with weights missing or left over.
    """
    path = Path(path)
    for kind in KINDS:
        if kind.is_one(path):
            return kind.convert(path, skeleton)
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    raise InputError(f"{path}: weights of no known kind; there are {', '.join(kind.name for kind in KINDS)}")


def _tensorflow(path: Path, skeleton: Skeleton | None) -> Converted:
    """DeeperCut, or a TF-slim backbone where there are no heads."""
    variables, prefix = read_checkpoint(path), prefix_of(path)
    if not any(name.startswith("pose/") for name in variables):
        return Converted(convert_backbone(variables, prefix), None, "a TF-slim ResNet without heads")
    net, spec = convert_deepercut(variables, prefix, skeleton)
    spec = replace(spec, origin=f"converted from the TensorFlow checkpoint {prefix.name}")
    return Converted(net, spec, f"DeeperCut on {spec.skeleton.name}")


KINDS = (Kind("TensorFlow checkpoints", is_checkpoint, _tensorflow),)
