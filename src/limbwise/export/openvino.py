"""A network file as OpenVINO's own form (IR: .xml, and its weights beside it, .bin), which loads without reading ONNX again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from limbwise.engine.base import Floats
from limbwise.engine.kinds import open_engine
from limbwise.engine.openvino import find_core, load_openvino
from limbwise.engine.seam import reason
from limbwise.errors import InputError, LimbwiseError
from limbwise.spec import ModelSpec


def read_network(path: str | Path) -> Any:
    """The network in a file that OpenVINO reads (.onnx, .xml, .pb, .tflite); raises InputError with the reader's reason."""
    try:
        return find_core().read_model(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: OpenVINO cannot read the model: {reason(error)}") from error


def write_network(model: Any, path: str | Path, half: bool = True) -> None:
    """Write a network of OpenVINO's as `path` (.xml) and its .bin; `half`: weights in half precision, computed with as before.

    Raises LimbwiseError where the disk says no.
    """
    try:
        load_openvino().save_model(model, str(path), compress_to_fp16=half)
    except RuntimeError as error:
        raise LimbwiseError(f"{path}: cannot be written ({reason(error)})") from error


def noise(spec: ModelSpec, sizes: Iterable[tuple[int, int]] = ((64, 64), (368, 432))) -> Iterator[Floats]:
    """Inputs (1, C, height, width) of even random pixels, the same ones each time, where there are no real images."""
    generator = np.random.default_rng(0)
    for height, width in sizes:
        pixels = generator.integers(0, 256, (height, width, len(spec.input.means)))
        levels = (pixels - np.array(spec.input.means)) * np.array(spec.input.scales)
        yield np.ascontiguousarray(levels.transpose(2, 0, 1)[None], np.float32)


def file_differences(first: Path, second: Path, spec: ModelSpec, batches: Iterable[Floats]) -> dict[str, float]:
    """The greatest absolute difference of each head's maps between two files of the same network, over `batches`, in OpenVINO."""
    engines = [open_engine("openvino", path, spec) for path in (first, second)]
    worst = dict.fromkeys(spec.heads, 0.0)
    for batch in batches:
        one, other = (engine.run(batch) for engine in engines)
        for name, head in spec.heads.items():
            worst[name] = max(worst[name], float(np.abs(head.take(one) - head.take(other)).max()))
    return worst
