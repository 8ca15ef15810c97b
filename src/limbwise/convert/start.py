"""Weights of another system as the beginning of a training: a whole network, or a backbone fitted to the network that takes it in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from limbwise.convert.backbones import fitted_backbone
from limbwise.convert.kinds import Converted
from limbwise.errors import WeightsError
from limbwise.files import whole_file
from limbwise.spec import InputSpec


def write_start(found: Converted, network: Callable[[], nn.Module], shown: InputSpec, path: Path) -> None:
    """A state dict that a training of `network`, which is `shown` images in its own way, begins with.

    Of a backbone those layers that the network has. Raises WeightsError where they are not of the network.
    """
    weights = found.net.state_dict()
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in network().state_dict().items()}
    if found.used_to is not None:
        fitted = fitted_backbone(found.net, found.used_to, shown)
        weights = {name: value for name, value in fitted.items() if name in wanted}
        wanted = {name: shape for name, shape in wanted.items() if name.startswith("backbone.")}
    wrong = [name for name in sorted(wanted.keys() | weights.keys())
             if name not in wanted or name not in weights or weights[name].shape != wanted[name]]  # fmt: skip
    if wrong:
        raise WeightsError(f"{found.what} is no beginning of this network: {wrong[0]} differs")
    with whole_file(path) as part:
        torch.save(weights, part)
