"""Where a network file and its spec meet: names, layouts and shapes, checked with errors that name the spec's field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
TO_NHWC, TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


@dataclass(frozen=True)
class Seam:
    """A network's own names for what its spec speaks of: the `input`, and the name of each of the spec's `outputs`."""

    path: Path
    spec: ModelSpec
    input: str
    outputs: dict[str, str]

    def feed(self, batch: Floats) -> Floats:
        """An NCHW batch in the layout that the file wants (free of charge where it is a view of an NHWC one)."""
        channels = len(self.spec.input.means)
        if batch.ndim != 4 or batch.shape[1] != channels or batch.dtype != np.float32:
            raise ValueError(f"batch: (N, {channels}, H, W) float32 is needed, got {batch.shape} {batch.dtype}")
        return np.ascontiguousarray(batch.transpose(TO_NHWC) if self.spec.input.layout == "NHWC" else batch)

    def maps(self, arrays: Mapping[str, Floats]) -> dict[str, Floats]:
        """Copies of a network's arrays as NCHW maps by the spec's names."""
        return {name: _nchw(arrays[own], self.spec.layout) for name, own in self.outputs.items()}


def _nchw(maps: Floats, layout: str) -> Floats:
    return np.array(maps.transpose(TO_NCHW) if layout == "NHWC" and maps.ndim == 4 else maps, np.float32, order="C")


def join(path: Path, spec: ModelSpec, inputs: Sequence[str], outputs: Mapping[str, int | None]) -> Seam:
    """Join a file to its spec by its `inputs` and `outputs` (their channel counts, None where unknown).

    A spec without heads takes every output. Raises InputError that names the field of the spec that does not fit.
    """
    wanted = {head.output: f"heads.{name}.output" for name, head in spec.heads.items()}
    names = {name: _own_name(path, field, name, list(outputs)) for name, field in wanted.items()}
    for name, head in spec.heads.items():
        _check_channels(path, name, max(head.channels), outputs[names[head.output]])
    return Seam(
        path, spec, _own_name(path, "input.name", spec.input.name, inputs), names or {name: name for name in outputs}
    )


def check_maps(path: Path, spec: ModelSpec, batch: Floats, maps: Mapping[str, Floats]) -> None:
    """Raises InputError where maps of a batch have not the rank, the channels or the size that the spec says."""
    height, width = batch.shape[2:]
    for name, head in spec.heads.items():
        shape = maps[head.output].shape
        if len(shape) != 4 or shape[0] != len(batch):
            raise InputError(
                f"{path}: heads.{name}.output: maps of {len(batch)} images are needed, {head.output} is {shape}"
            )
        _check_channels(path, name, max(head.channels), shape[1])
        # Two cells of tolerance: networks differ in how they round at the border.
        if (
            abs(shape[2] * head.stride - height) > 2 * head.stride
            or abs(shape[3] * head.stride - width) > 2 * head.stride
        ):
            raise InputError(
                f"{path}: heads.{name}.stride: {head.stride} does not fit maps of {shape[3]} x {shape[2]} "
                f"for an input of {width} x {height} (layout: {spec.layout})"
            )


def _check_channels(path: Path, head: str, highest: int, count: int | None) -> None:
    if count is not None and highest >= count:
        raise InputError(f"{path}: heads.{head}.channels: channel {highest} is wanted, the output has {count}")


def _own_name(path: Path, field: str, name: str, there: Sequence[str]) -> str:
    """The network's name for `name`: TensorFlow adds ":0" to it."""
    for own in there:
        if own == name or own.removesuffix(":0") == name.removesuffix(":0"):
            return own
    raise InputError(f"{path}: {field}: {name!r} is not in the network; there is {', '.join(there) or 'none'}")


# What engines write around the one line that says what is wrong.
_WRAPPING = ("Exception from", "Check '", "FrontEnd API failed", "Loading input model")
_CODE = re.compile(r"^\[(ONNXRuntimeError|TensorFlow Frontend)\][ :]*(\d+ : \w+ : )?(Load model from .* failed:)?")


def reason(error: BaseException) -> str:
    """The one useful line of an engine's long error message."""
    lines = [_CODE.sub("", line.strip()) for line in str(error).splitlines() if line.strip()]
    useful = [line for line in lines if not line.startswith(_WRAPPING)] or lines or [type(error).__name__]
    return useful[0] if len(useful[0]) <= 200 else useful[0][:200] + " ..."
