"""The weights of a shallower `mobile` in the network of today: blocks that it lacks begin as nothing, so that the maps stay the same.

    python scripts/deepen.py training/mobile-1488k.pt -o runs/deeper.pt

A run may begin with the weights of before as they are; this is for a mean of those and of what came of them (mean_of_runs.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from limbwise.net.mobile import Mobile
from limbwise.train.checkpoint import load_weights, mean_weights, write_half


def deepened(path: Path, seed: int = 0) -> dict[str, torch.Tensor]:
    """The weights in a file and, as `seed` draws them, those of residual blocks that it lacks; raises InputError where it lacks more."""
    torch.manual_seed(seed)
    net = Mobile()
    load_weights(net, mean_weights(path), path)
    return dict(net.state_dict())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    write_half(deepened(given.weights), given.out)


if __name__ == "__main__":
    main()
