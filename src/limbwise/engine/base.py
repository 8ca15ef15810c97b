"""Engine: one method, `run`; and the table of engines that `open_engine` chooses from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError, ModelMissing, UsageError
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
EngineKind = Literal["openvino", "onnxruntime", "pytorch"]


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
    """A network that is ready to run."""

    @abstractmethod
    def run(self, batch: Floats) -> dict[str, Floats]:
        """Maps of a batch, by the output names of the spec.

        `batch`: (N, 3, H, W) float32, normalised and in the network's colour order. Gives (N, C, h, w) float32 each,
        NCHW whatever the file's layout; the arrays belong to the caller. May be called from any thread. Raises InputError
        where the network cannot take that size or gives other maps than its spec says.
        """


def _openvino(model: Path, spec: ModelSpec, options: EngineOptions) -> Engine:
    from limbwise.engine.openvino import OpenVINOEngine

    return OpenVINOEngine(model, spec, options)


def _onnxruntime(model: Path, spec: ModelSpec, options: EngineOptions) -> Engine:
    from limbwise.engine.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine(model, spec, options)


def _pytorch(model: Path, spec: ModelSpec, options: EngineOptions) -> Engine:
    from limbwise.engine.pytorch import PyTorchEngine

    return PyTorchEngine(model, spec, options)


ENGINES: dict[str, Callable[[Path, ModelSpec, EngineOptions], Engine]] = {
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
    "pytorch": _pytorch,
}


def open_engine(kind: EngineKind, model: Path, spec: ModelSpec, options: EngineOptions | None = None) -> Engine:
    """The network in the file `model`, ready to run.

    Raises UsageError (no such engine or device), MissingExtra (engine not installed), ModelMissing (no such file) or InputError
    (the file is damaged, or is not what its spec says).
    """
    if kind not in ENGINES:
        raise UsageError(f"engine: {kind!r} is unknown; there are {', '.join(ENGINES)}")
    model = Path(model)
    if not model.is_file():
        raise ModelMissing(f"{model}: there is no such model file")
    return ENGINES[kind](model, spec, options or EngineOptions())


def onnx_only(model: Path, engine: str) -> None:
    """Raises InputError unless `model` is an ONNX file."""
    if model.suffix.lower() != ".onnx":
        raise InputError(f"{model}: {engine} reads .onnx files only; the openvino engine reads others")
