"""Which engines there are, and a network file opened in one of them; each is imported when it is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from limbwise.engine.base import Engine, EngineOptions
from limbwise.errors import ModelMissing, UsageError
from limbwise.spec import ModelSpec

EngineKind = Literal["openvino", "onnxruntime", "pytorch"]


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
