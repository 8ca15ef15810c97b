"""ONNX Runtime (extra): reads .onnx; CPU, or another of its execution providers by the beginning of its name (CUDA, CoreML)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from limbwise.engine.base import Engine, EngineOptions, Floats, onnx_only
from limbwise.engine.protobuf import check_protobuf
from limbwise.engine.seam import check_maps, join, reason
from limbwise.errors import InputError, UsageError, require
from limbwise.spec import ModelSpec

# Its errors come as exceptions; it need not print them as well.
FATAL_ONLY = 4


class OnnxRuntimeEngine(Engine):
    """A network in ONNX Runtime; it takes any size that the file leaves open."""

    def __init__(self, path: Path, spec: ModelSpec, options: EngineOptions) -> None:
        ort: Any = require("onnxruntime", "onnxruntime")
        onnx_only(path, "onnxruntime")
        check_protobuf(path)
        if options.precision != "f32":
            raise UsageError(
                f"precision: onnxruntime computes as the file says; {options.precision} is for openvino and pytorch"
            )
        provider = _find_provider(ort, options.device)
        _, _, number = options.device.partition(":")
        try:
            self._session = ort.InferenceSession(
                str(path),
                _session_options(ort, options),
                providers=[(provider, {"device_id": number} if number else {})],
            )
        except Exception as error:  # its errors have no common base
            raise InputError(f"{path}: ONNX Runtime cannot read the model: {reason(error)}") from error
        axis = 3 if spec.layout == "NHWC" else 1
        channels = {port.name: _length(port.shape, axis) for port in self._session.get_outputs()}
        self._path = path
        self._seam = join(path, spec, [port.name for port in self._session.get_inputs()], channels)

    def run(self, batch: Floats) -> dict[str, Floats]:
        fed = self._seam.feed(batch)
        names = list(self._seam.outputs.values())
        try:
            arrays = self._session.run(names, {self._seam.input: fed})
        except Exception as error:  # as above
            raise InputError(f"{self._path}: cannot take an input of {fed.shape}: {reason(error)}") from error
        maps = self._seam.maps(dict(zip(names, arrays, strict=True)))
        check_maps(self._path, self._seam.spec, batch, maps)
        return maps


def _session_options(ort: Any, options: EngineOptions) -> Any:
    session = ort.SessionOptions()
    session.log_severity_level = FATAL_ONLY
    # Given a number, it does not try to pin threads to cores, which containers forbid with a line of noise each.
    session.intra_op_num_threads = options.threads or os.cpu_count() or 1
    session.inter_op_num_threads = 1
    return session


def _find_provider(ort: Any, device: str) -> str:
    """The execution provider for a device; raises UsageError that lists what is there."""
    there: list[str] = ort.get_available_providers()
    for provider in there:
        if provider.upper().startswith(device.upper().partition(":")[0]):
            return provider
    known = ", ".join(provider.removesuffix("ExecutionProvider") for provider in there)
    raise UsageError(f"device: {device} is not there; ONNX Runtime finds {known}")


def _length(shape: list[Any] | None, axis: int) -> int | None:
    """The length of an axis where the file fixes it."""
    return shape[axis] if shape and len(shape) == 4 and isinstance(shape[axis], int) else None
