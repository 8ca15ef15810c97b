"""OpenVINO, the default engine: reads .onnx, .xml (IR), .pb, .tflite and what else it knows; CPU, GPU, NPU or AUTO."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from types import ModuleType
from typing import Any

from limbwise.engine.base import Engine, EngineOptions, Floats
from limbwise.engine.protobuf import check_protobuf
from limbwise.engine.seam import Seam, check_maps, join, reason
from limbwise.engine.shapes import CompiledShapes, Shape
from limbwise.errors import InputError, UsageError
from limbwise.spec import ModelSpec

# Asked by name, a reader says what is wrong; asked by core.read_model, all of them complain.
READERS = {".xml": "ir", ".onnx": "onnx", ".pb": "tf", ".tflite": "tflite"}
PROTOBUF = (".onnx", ".pb")
# A network for any size takes 1.3 to 1.5 times as long; after some 16 runs that has cost as much as compiling.
PATIENCE = 16
# What the network for any size keeps per size seen; OpenVINO's own 5000 let a small network grow by 600 MB over 200 sizes.
RUNTIME_CACHE = 500
ONLY_EXACT_SHAPES = ("NPU",)
WIDEST = 8  # runs at a time: more of them wait for memory, not for cores


def load_openvino() -> ModuleType:
    """The openvino package, without the message to its maker's statistics that its import sends otherwise."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    with without_statistics():
        import openvino
    loaded: ModuleType = openvino
    return loaded


def find_core() -> Any:
    """The one `openvino.Core` of this process, which stays.

    With each of them a CPU plugin comes and goes, and with that a stack for signal handlers. Where two of them go in the order in
    which they came, the second puts back the first one's stack, which is no more (OpenVINO 2026.4): the next signal that Python
    handles, Ctrl-C or the end of a child, ends the process.
    """
    with _making:
        return _make_core()


_making = Lock()


@cache
def _make_core() -> Any:
    return load_openvino().Core()


@contextmanager
def without_statistics() -> Iterator[None]:
    """While this lasts, packages that are imported find no `openvino_telemetry`, and send nothing."""
    absent = "openvino_telemetry" not in sys.modules
    if absent:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # Python's spelling of "may not be imported"
    try:
        yield
    finally:
        if absent:
            del sys.modules["openvino_telemetry"]


class OpenVINOEngine(Engine):
    """A network in OpenVINO. Compiling, at opening: for no size yet; at `run`: see CompiledShapes."""

    def __init__(self, path: Path, spec: ModelSpec, options: EngineOptions, width: int = 1) -> None:
        ov = load_openvino()
        ov.Type.f32.to_dtype()  # makes OpenVINO's table of types: two threads that make it at once wait for each other for ever
        self._path, self._core, self._options, self.width = path, find_core(), options, width
        self._device = _find_device(self._core, options.device)
        self._config = _config(options, width)
        self._model = _read(ov, path)
        self._outputs = _outputs(self._model, spec)
        inputs = [name for port in self._model.inputs for name in _names(port)]
        self._seam = join(path, spec, inputs, {name: channels for name, (_, channels) in self._outputs.items()})
        _open_sizes(self._model, self._seam)
        exact = self._device.startswith(ONLY_EXACT_SHAPES)
        self._idle: CompiledShapes[SimpleQueue[Any]] = CompiledShapes(self._compile, 0 if exact else PATIENCE)
        self._lock = Lock()

    def run(self, batch: Floats) -> dict[str, Floats]:
        fed = self._seam.feed(batch)
        try:
            with self._lock:
                idle = self._idle[fed.shape]
            maps = self._infer(idle, fed)
        except RuntimeError as error:
            raise InputError(f"{self._path}: cannot take an input of {fed.shape}: {reason(error)}") from error
        check_maps(self._path, self._seam.spec, batch, maps)
        return maps

    def widened(self) -> Engine:
        width = min(self._options.threads or _cores(), WIDEST) if self._device == "CPU" else 1
        if width == self.width:
            return self
        return OpenVINOEngine(self._path, self._seam.spec, self._options, width)

    def _infer(self, idle: SimpleQueue[Any], fed: Floats) -> dict[str, Floats]:
        """The maps by a request that nobody uses; they are copied before the next run fills its memory."""
        request = idle.get()
        try:
            request.infer([fed], share_inputs=True)
            return self._seam.maps({name: request.get_output_tensor(i).data for name, (i, _) in self._outputs.items()})
        finally:
            idle.put(request)

    def _compile(self, shape: Shape | None) -> SimpleQueue[Any]:
        """As many requests as may run at a time, of the network for a shape."""
        model = self._model
        if shape is not None:
            model = model.clone()
            model.reshape({self._seam.input: list(shape)})
        compiled = self._core.compile_model(model, self._device, self._config)
        idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.width):
            idle.put(compiled.create_infer_request())
        return idle


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _config(options: EngineOptions, width: int) -> dict[str, Any]:
    config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": options.precision}
    if width > 1:
        config |= {"NUM_STREAMS": width, "ENABLE_CPU_PINNING": False}  # cores are shared with reading and grouping
    if options.threads:
        config["INFERENCE_NUM_THREADS"] = options.threads
    if options.device.upper() == "CPU":
        config["CPU_RUNTIME_CACHE_CAPACITY"] = RUNTIME_CACHE
    return config


def _find_device(core: Any, device: str) -> str:
    """The device's name as OpenVINO writes it; raises UsageError that lists what is there."""
    wanted, there = device.upper(), list(core.available_devices)
    if wanted == "AUTO" or any(name == wanted or name.startswith(wanted + ".") for name in there):
        return wanted
    raise UsageError(f"device: {device} is not there; OpenVINO finds {', '.join(there)} (and AUTO chooses)")


def _read(ov: ModuleType, path: Path) -> Any:
    """The network in a file; raises InputError with the reader's reason."""
    suffix = path.suffix.lower()
    if suffix in PROTOBUF:
        check_protobuf(path)
    try:
        if suffix not in READERS:
            return find_core().read_model(str(path))
        reader = ov.frontend.FrontEndManager().load_by_framework(READERS[suffix])
        return reader.convert(reader.load(str(path)))
    except Exception as error:  # the readers have a dozen kinds
        raise InputError(f"{path}: OpenVINO cannot read the model: {reason(error)}") from error


def _names(port: Any) -> list[str]:
    return sorted(port.get_names()) or [port.get_node().get_friendly_name()]


def _outputs(model: Any, spec: ModelSpec) -> dict[str, tuple[int, int | None]]:
    """Index and channels (None where open) of each output by its names."""
    axis = 3 if spec.layout == "NHWC" else 1
    found = {}
    for index, port in enumerate(model.outputs):
        shape = port.get_partial_shape()
        known = shape.rank.is_static and len(shape) == 4 and shape[axis].is_static
        for name in _names(port):
            found[name] = (index, shape[axis].get_length() if known else None)
    return found


def _open_sizes(model: Any, seam: Seam) -> None:
    """Let a network take any number of images of any size, where its graph allows it."""
    channels = len(seam.spec.input.means)
    shape = [-1, -1, -1, channels] if seam.spec.input.layout == "NHWC" else [-1, channels, -1, -1]
    with suppress(RuntimeError):  # else it stays as it is, and says so when it gets another size
        model.reshape({seam.input: shape})
