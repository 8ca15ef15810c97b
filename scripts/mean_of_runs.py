"""The mean of the weights of several runs of one network, in half precision: to go on from, and to export.

    python scripts/mean_of_runs.py RUN_OR_WEIGHTS... -o MEAN.pt

Of one run these are its mean weights made smaller. Two runs of which one began where the other ended, with other data, are
near enough that their mean finds more than either (model soups, Wortsman et al., ICML 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from limbwise.errors import InputError
from limbwise.train.checkpoint import mean_weights, write_half


def mean_of(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of each weight in float32 (what counts is of the last file); raises InputError for files of different networks."""
    each = [mean_weights(path / "weights.pt" if path.is_dir() else path) for path in paths]
    shapes = [{name: value.shape for name, value in weights.items()} for weights in each]
    for path, shape in zip(paths, shapes, strict=True):
        if shape != shapes[0]:
            raise InputError(f"{path}: is another network than {paths[0]}; give runs of one recipe")
    return {
        name: torch.stack([weights[name].float() for weights in each]).mean(0) if last.is_floating_point() else last
        for name, last in each[-1].items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    write_half(mean_of(given.runs), given.out)


if __name__ == "__main__":
    main()
