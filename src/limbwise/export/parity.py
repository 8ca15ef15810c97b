"""Whether an exported file computes what its network does, in every engine that is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from limbwise.engine.base import EngineOptions
from limbwise.engine.kinds import EngineKind, open_engine
from limbwise.errors import LimbwiseError
from limbwise.spec import ModelSpec

SIZES = ((1, 64, 64), (2, 104, 72), (1, 368, 432))  # images, height, width
TOLERANCE = 1e-4


def differences(
    net: nn.Module, path: str | Path, spec: ModelSpec, engine: EngineKind, sizes: Sequence[tuple[int, int, int]] = SIZES
) -> dict[str, float]:
    """The greatest difference of each head between `net` and the file at `path`, on even random images of all `sizes`.

    Differences are absolute; of maps that spread wider than 1, in units of their standard deviation. `net` must be as it was exported
    (see export.onnx.ready).
    """
    generator = np.random.default_rng(0)
    runner = open_engine(engine, Path(path), spec, EngineOptions(threads=1))
    worst = dict.fromkeys(spec.heads, 0.0)
    for count, height, width in sizes:
        means, scales = np.array(spec.input.means), np.array(spec.input.scales)
        pixels = generator.integers(0, 256, (count, height, width, len(means)))
        x = ((pixels - means) * scales).transpose(0, 3, 1, 2).astype(np.float32)
        with torch.inference_mode():
            wanted = net.eval()(torch.from_numpy(x))[-1]
        found = runner.run(np.ascontiguousarray(x))
        for name, head in spec.heads.items():
            maps = head.meant(wanted[name].numpy())
            worst[name] = max(worst[name], float(np.abs(head.take(found) - maps).max() / max(1.0, maps.std())))
    return worst


def check_parity(
    net: nn.Module, path: str | Path, spec: ModelSpec, engines: Sequence[EngineKind] = ("openvino", "onnxruntime")
) -> dict[EngineKind, float]:
    """The worst difference in each engine; raises LimbwiseError where one is above 1e-4."""
    worst = {engine: max(differences(net, path, spec, engine).values()) for engine in engines}
    for engine, difference in worst.items():
        if not difference <= TOLERANCE:
            raise LimbwiseError(
                f"{path}: {engine} differs by {difference:.2g} from the exported network; {TOLERANCE} is allowed"
            )
    return worst
