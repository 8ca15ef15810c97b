"""The weights of a shallower `mobile` in the network of today: blocks that it lacks begin as nothing, so that the maps stay the same.

    python scripts/deepen.py training/mobile-1488k.pt -o runs/deeper.pt

For `start` of a run that goes on from weights of before the network grew.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import torch

from limbwise.errors import InputError
from limbwise.files import whole_file
from limbwise.net.blocks import Residual
from limbwise.net.mobile import Mobile
from limbwise.train.checkpoint import mean_weights


def deepened(path: Path, seed: int = 0) -> dict[str, torch.Tensor]:
    """The weights in a file and, as `seed` draws them, those of residual blocks that it lacks; raises InputError where it lacks more."""
    torch.manual_seed(seed)
    net, old = Mobile(), mean_weights(path)
    weights = net.state_dict()
    blocks = tuple(f"{name}." for name, module in net.named_modules() if isinstance(module, Residual))
    missing = [name for name in weights if name not in old and not name.startswith(blocks)]
    if missing or not old.keys() <= weights.keys():
        raise InputError(f"{path}: is no mobile of fewer blocks ({[*missing, *(old.keys() - weights.keys())][0]})")
    mixed = weights | old
    return {name: value.half() if value.is_floating_point() else value for name, value in mixed.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    data = io.BytesIO()  # a file would keep its own name inside, and no two be the same
    torch.save(deepened(given.weights), data)
    with whole_file(given.out) as part:
        part.write_bytes(data.getvalue())


if __name__ == "__main__":
    main()
