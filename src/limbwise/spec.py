"""ModelSpec: what goes into a network and what each of its output channels means; a JSON file beside the weights (same stem).

Targets, decoders, drawing, conversion and export read it; none repeats it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError
from limbwise.fields import build, read_table
from limbwise.geometry import Matrix, SizeRule, cell_frame, corner_frame
from limbwise.skeleton import Skeleton
from limbwise.skeletons import SKELETONS

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PoseInput:
    """How a refiner is shown the pose that it shall mend: after the colours come as many channels as keypoints, each 255 within `radius`
    input pixels of its keypoint and 0 elsewhere, value = (level - mean) x scale.

    A picture is scaled so that the pose measures `size` input pixels, and cut `border` input pixels around its keypoints. `measure`:
    "head", 0.6 x 1.4286 of the way from neck to head top (the published refiner's), or "spread", the median distance of the keypoints
    from their middle, which few wrong ones do not change; a pose that cannot be measured so counts as of `unknown` pixels in its picture.
    A pose whose cut is larger than `largest` input pixels is left as it is.
    """

    radius: float
    mean: tuple[float, ...]
    scale: float = 1.0
    measure: Literal["head", "spread"] = "head"
    size: float = 42.264
    unknown: float = 60.855
    border: int = 250
    largest: int = 3_000_000


@dataclass(frozen=True)
class InputSpec:
    """A network's input: `name`, `colour` order, `layout`, and value = (pixel - mean) x scale per channel, in that colour order; of a
    refiner also the `pose`."""

    name: str = "image"
    colour: Literal["RGB", "BGR"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pad: tuple[int, int, int] = (128, 128, 128)
    size: SizeRule = field(default_factory=SizeRule)
    pose: PoseInput | None = None

    @property
    def means(self) -> tuple[float, ...]:
        """Of every channel: the colours, then the keypoints of a refiner."""
        return self.mean if self.pose is None else (*self.mean, *self.pose.mean)

    @property
    def scales(self) -> tuple[float, ...]:
        """As `means`."""
        return self.scale if self.pose is None else (*self.scale, *(self.pose.scale,) * len(self.pose.mean))


@dataclass(frozen=True)
class Head:
    """A group of output channels: the `output` they are in, the channel of each in our order, the `stride` of the map, and the
    `offset` in input pixels of the centre of cell 0 (None: the half-pixel rule, (stride - 1) / 2). `grid`: "corners" where the corner
    cells lie on the corner pixels instead (align-corners), which makes cells a little more than the stride apart.

    `scale`, `mean`: a number a channel, or none. What is meant is output x scale + mean: offsets and pairwise vectors leave a
    network in standard deviations, and mean input pixels.
    """

    output: str
    channels: tuple[int, ...]
    stride: int = 8
    offset: float | None = None
    scale: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    grid: Literal["cells", "corners"] = "cells"

    def frame(self, size: tuple[int, ...]) -> Matrix:
        """(2, 3) matrix from the cells of a map of (..., height, width) `size` to network-input pixels."""
        if self.grid == "corners":
            return corner_frame(self.stride, (size[-2], size[-1]))
        return cell_frame(self.stride, self.offset)

    def take(self, outputs: Mapping[str, Floats]) -> Floats:
        """(N, C, h, w) this head's channels of a network's outputs, in our units; a view where they lie one after the other and
        have neither scale nor mean."""
        maps = outputs[self.output]
        first, count = self.channels[0], len(self.channels)
        if self.channels == tuple(range(first, first + count)):
            return self.meant(maps[:, first : first + count])
        return self.meant(maps[:, self.channels])

    def meant(self, maps: Floats) -> Floats:
        """What a network's maps (..., C, h, w) of this head mean: in input pixels for vectors. Inverse: `learnt`."""
        if self.scale:
            maps = maps * _a_channel(self.scale)
        return maps + _a_channel(self.mean) if self.mean else maps

    def learnt(self, maps: Floats) -> Floats:
        """What a network shall put out, so that it means these maps (..., C, h, w). Inverse: `meant`."""
        if self.mean:
            maps = maps - _a_channel(self.mean)
        return maps / _a_channel(self.scale) if self.scale else maps


def _a_channel(numbers: tuple[float, ...]) -> Floats:
    return np.asarray(numbers, np.float32)[:, None, None]


@dataclass(frozen=True)
class ModelSpec:
    """`method` names the decoder. `limbs`: for each PAF (two channels, x then y) the keypoints it runs from and to. `heads` by name:
    heatmaps (K, then background), pafs (2 L), part_logits (K), offsets (2 K, x and y in turn), pairwise (x and y for each of
    `ordered_pairs`). `decode`: options of the decoder that suit this network, where they are not its defaults.
    `worth`: what a person's score is worth: (score, probability that such a person is right), both rising; between two of them the
    probability lies on a line, and people have it as their score. None: scores stay as the decoder gives them. `licence` and
    `origin` are for people."""

    name: str
    skeleton: Skeleton
    heads: dict[str, Head]
    limbs: tuple[tuple[int, int], ...] = ()
    input: InputSpec = field(default_factory=InputSpec)
    method: Literal["openpose", "deepercut", "single", "refiner"] = "openpose"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    sha256: str = ""
    decode: dict[str, Any] = field(default_factory=dict)
    worth: tuple[tuple[float, float], ...] = ()
    licence: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        keypoints, limbs = len(self.skeleton), len(self.limbs)
        for a, b in self.limbs:
            if not (0 <= a < keypoints and 0 <= b < keypoints and a != b):
                raise ValueError(f"limbs: {(a, b)} does not join two of the {keypoints} keypoints")
        wanted = {"heatmaps": keypoints + 1, "pafs": 2 * limbs, "part_logits": keypoints, "offsets": 2 * keypoints,
                  "pairwise": 2 * keypoints * (keypoints - 1)}  # fmt: skip
        parts = ("part_logits", "offsets")
        needed = {"openpose": ("heatmaps", "pafs"), "deepercut": parts, "refiner": parts, "single": ()}[self.method]
        if (self.method == "refiner") != (self.input.pose is not None):
            raise ValueError("input.pose: a refiner needs it, and no other network has it")
        if self.input.pose is not None and len(self.input.pose.mean) != keypoints:
            raise ValueError(f"input.pose.mean: {keypoints} numbers are needed")
        if any(np.diff(column).min(initial=0) < 0 for column in zip(*self.worth, strict=True)):
            raise ValueError("worth: pairs of a score and a probability are needed, both rising")
        for name in needed:
            if name not in self.heads:
                raise ValueError(f"heads: {name} is missing; {self.method} needs {' and '.join(needed)}")
        for name, head in self.heads.items():
            if name not in wanted:
                raise ValueError(f"heads: {name} is unknown; there are {', '.join(wanted)}")
            if len(head.channels) != wanted[name] or min(head.channels, default=0) < 0 or head.stride < 1:
                raise ValueError(f"heads.{name}: {wanted[name]} channels from 0 upwards and a stride from 1 are needed")
            if {len(head.scale), len(head.mean)} - {0, wanted[name]} or not all(head.scale) or not _finite(head):
                raise ValueError(f"heads.{name}: scale, mean: {wanted[name]} numbers are needed or none, no scale 0")

    @cached_property
    def limb_ends(self) -> npt.NDArray[np.int64]:
        """(L, 2) int64 `limbs` as an array: the keypoints from and to, as compiled decoders and targets take them."""
        return np.array(self.limbs, np.int64).reshape(-1, 2)


def _finite(head: Head) -> bool:
    return bool(np.isfinite([*head.scale, *head.mean]).all())


def ordered_pairs(keypoints: int) -> npt.NDArray[np.int64]:
    """(K (K - 1), 2) keypoints a, b of each pair of pairwise channels: of cells of a, vectors to b; 0-1, 0-2, ..., 1-0, 1-2, ..."""
    a, b = np.nonzero(~np.eye(keypoints, dtype=bool))
    return np.stack([a, b], axis=1)


def read_spec(path: str | Path) -> ModelSpec:
    """A spec from its JSON file; `skeleton` may be a name. Raises InputError that names the file and the field."""
    return parse_spec(read_table(path), path)


def parse_spec(table: object, where: str | Path) -> ModelSpec:
    """A spec from the table of its JSON file; raises InputError that names `where` and the field."""
    if not isinstance(table, dict):
        raise InputError(f"{where}: a spec is a table of fields")
    skeleton = table.get("skeleton")
    if isinstance(skeleton, str):
        if skeleton not in SKELETONS:
            raise InputError(f"{where}: skeleton: {skeleton!r} is unknown; there are {', '.join(SKELETONS)}")
        table = {**table, "skeleton": SKELETONS[skeleton]}
    return build(ModelSpec, table, where)


def write_spec(spec: ModelSpec, path: str | Path) -> None:
    """The spec as JSON; a skeleton of the house by its name."""
    table = asdict(spec)
    if SKELETONS.get(spec.skeleton.name) == spec.skeleton:
        table["skeleton"] = spec.skeleton.name
    Path(path).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
