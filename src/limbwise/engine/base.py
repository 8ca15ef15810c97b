"""Engine: one method, `run`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError, UsageError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EngineOptions:
    """`device`: CPU, GPU, NPU or AUTO (OpenVINO), CPU or CUDA (the others). `threads`: 0 takes all cores. `precision` of the
    arithmetic: f32 unless asked otherwise, since bf16 and f16 change the maps and are not everywhere faster."""

    device: str = "CPU"
    threads: int = 0
    precision: Literal["f32", "bf16", "f16"] = "f32"

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise UsageError(f"threads: must be at least 0 (all), got {self.threads}")
        if self.precision not in ("f32", "bf16", "f16"):
            raise UsageError(f"precision: {self.precision!r} is unknown; there are f32, bf16, f16")


class Engine(ABC):
    """A network that is ready to run. `width`: how many runs at a time it is made for."""

    width: int = 1

    @abstractmethod
    def run(self, batch: Floats) -> dict[str, Floats]:
        """Maps of a batch, by the output names of the spec.

        `batch`: (N, 3, H, W) float32, normalised and in the network's colour order. Gives (N, C, h, w) float32 each,
        NCHW whatever the file's layout; the arrays belong to the caller. May be called from any thread. Raises InputError
        where the network cannot take that size or gives other maps than its spec says.
        """

    def widened(self) -> Engine:
        """The same network for a stream of pictures: several runs at a time, each on its share of the cores, give more pictures a
        second than all cores on one picture. Itself where there is nothing to gain."""
        return self


def onnx_only(model: Path, engine: str) -> None:
    """Raises InputError unless `model` is an ONNX file."""
    if model.suffix.lower() != ".onnx":
        raise InputError(f"{model}: {engine} reads .onnx files only; the openvino engine reads others")
