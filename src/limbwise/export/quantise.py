"""Networks in 8-bit integers (INT8), by NNCF: calibrated on real inputs, with the end of the network left in floating point."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from limbwise.engine.base import Floats
from limbwise.engine.openvino import without_statistics
from limbwise.errors import LimbwiseError, require
from limbwise.fields import option

CONVOLUTIONS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData")
Source = TypeVar("Source")


@dataclass(frozen=True)
class Int8Options:
    """8-bit integers (INT8), by NNCF."""

    int8: Path | None = option(
        None, "folder of images like those to come, by which INT8 is calibrated; -o must be .xml"
    )
    most: int = option(300, "images of that folder that are taken, spread evenly")
    keep: float = option(0.1, "share of the arithmetic, at the end of the network, that stays in floating point")
    labels: Path | None = option(None, "COCO keypoint file on which AP is measured before and after")
    images: Path | None = option(None, "folder of its images (default: images/ beside the labels, or beside them)")
    limit: int | None = option(None, "only the first images of the labels")
    max_drop: float = option(1.0, "points of AP (of 100) that INT8 may lose; a file that loses more is not written")

    def __post_init__(self) -> None:
        if self.most < 1 or not 0 <= self.keep <= 1 or not self.max_drop >= 0 or (self.limit or 1) < 1:
            raise ValueError("most, limit: from 1 on; keep: 0 to 1; max_drop: from 0 on")
        given = [field.name for field in fields(self) if getattr(self, field.name) != field.default]
        if self.int8 is None and given:
            raise ValueError(f"{given[0]}: is for INT8, which --int8 FOLDER makes")


def quantise(model: Any, sources: Sequence[Source], load: Callable[[Source], Floats], keep: float = 0.1) -> Any:
    """A network of OpenVINO's with 8-bit weights and activations; `model` itself stays as it is.

    `load` makes inputs of one size, (1, C, H, W), of the sources, from which the ranges of the activations are told. `keep`: the
    share of the arithmetic, at the end of the network (see last_convolutions), that stays in floating point: heads and last
    stages, whose small differences are the answer. Raises MissingExtra without nncf, LimbwiseError where it fails.
    """
    nncf = _load_nncf()
    scope = nncf.IgnoredScope(names=last_convolutions(model, load(sources[0]).shape, keep))
    try:
        return nncf.quantize(
            model.clone(), nncf.Dataset(list(sources), load), subset_size=len(sources), ignored_scope=scope
        )
    except Exception as error:  # its errors have no common base
        raise LimbwiseError(f"NNCF cannot quantise the network ({error})") from error


def middle(batch: Floats, side: int) -> Floats:
    """The middle `side` x `side` of inputs (N, C, H, W), their borders repeated where they are smaller: NNCF wants one size."""
    for axis in (2, 3):
        extra = side - batch.shape[axis]
        widths = [(0, 0)] * 4
        widths[axis] = (max(extra, 0) // 2, max(extra, 0) - max(extra, 0) // 2)
        start = max(-extra, 0) // 2
        batch = np.pad(batch, widths, mode="edge").take(range(start, start + side), axis)
    return batch


def last_convolutions(model: Any, size: tuple[int, ...], share: float) -> list[str]:
    """Names of the last convolutions of a network, up to a `share` of all their multiplications for an input of `size` (N, C, H, W).

    Later is what has fewer convolutions behind it on the longest way to an output. The very last ones, the heads, are always there.
    """
    fixed = model.clone()
    fixed.reshape(list(size))
    behind = _behind(fixed)
    found = sorted((behind[node.get_friendly_name()], node.get_friendly_name(), _multiplications(node))
                   for node in fixed.get_ordered_ops() if node.get_type_name() in CONVOLUTIONS)  # fmt: skip
    left = share * sum(cost for _, _, cost in found)
    names = []
    for depth, name, cost in found:
        left -= cost
        if depth > 0 and left < 0:
            break
        names.append(name)
    return names


def _behind(model: Any) -> dict[str, int]:
    """For each node how many convolutions follow it on the longest way to an output."""
    behind: dict[str, int] = {}
    for node in reversed(model.get_ordered_ops()):
        after = [target.get_node() for port in node.outputs() for target in port.get_target_inputs()]
        steps = [behind[n.get_friendly_name()] + (n.get_type_name() in CONVOLUTIONS) for n in after]
        behind[node.get_friendly_name()] = max(steps, default=0)
    return behind


def _multiplications(node: Any) -> int:
    """Of a convolution; of a transposed one from its input."""
    port = node.input(0) if "Backprop" in node.get_type_name() else node.output(0)
    height, width = port.get_shape()[-2:]
    return int(np.prod(node.input(1).get_shape()) * height * width)


def _load_nncf() -> ModuleType:
    """The nncf package, quiet and without the message to its maker's statistics."""
    with without_statistics():
        nncf = require("nncf", "quantise")
    nncf.set_log_level(logging.ERROR)
    return nncf
