"""A tiny network and made-up samples, for tests of the trainer; as a script it trains: toy_training.py OUT [resume] [field=value ...]"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from limbwise.errors import InputError
from limbwise.net.blocks import Stages, conv_norm
from limbwise.skeleton import Skeleton
from limbwise.spec import Head, ModelSpec
from limbwise.train.batches import Example
from limbwise.train.recipe import Machine, Recipe, Saving, Stage, changed
from limbwise.train.run import train_network

SKELETON = Skeleton("two", ("left_end", "right_end"), ((0, 1),), (0.05, 0.05))
SPEC = ModelSpec("toy", SKELETON, {"heatmaps": Head("heatmaps", (0, 1, 2)), "pafs": Head("pafs", (0, 1))}, ((0, 1),))
RECIPE = Recipe(
    "toy", 24, (Stage(0.5, 32, 4), Stage(0.5, 40, 2)), machine=Machine("cpu", 1, 0), saving=Saving(0, 2, 0, 4)
)


class Toy(nn.Module):
    """Two supervised stages, norms and a dropout, which draws from torch's generator."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_norm(3, 6, 4), conv_norm(6, 6, 2), nn.Dropout(0.1))
        self.early, self.late = nn.Conv2d(6, 5, 1), nn.Conv2d(6, 5, 3, 1, 1)

    def forward(self, images: Tensor) -> Stages:
        features = self.body(images)
        return [{"heatmaps": x[:, :3], "pafs": x[:, 3:]} for x in (self.early(features), self.late(features))]


class ToyMaker:
    """Samples of noise with one bright spot, whose place is the target; `damaged` numbers raise."""

    def __init__(self, damaged: tuple[int, ...] = (), poisoned: int = -1) -> None:
        self.damaged, self.poisoned = damaged, poisoned

    def __call__(self, number: int, attempt: int, size: int) -> Example:
        if number in self.damaged and attempt == 0:
            raise InputError(f"{number}.jpg: cut short")
        rng = np.random.default_rng((number, attempt, size))
        image = rng.integers(0, 100, (size, size, 3), dtype=np.uint8)
        cells = size // 8
        y, x = rng.integers(cells, size=2)
        image[8 * y : 8 * y + 8, 8 * x : 8 * x + 8] = 255
        heatmaps, pafs = np.zeros((3, cells, cells), np.float32), np.zeros((2, cells, cells), np.float32)
        heatmaps[:, y, x] = pafs[0, y, x] = 1
        heatmaps[2] = np.nan if number == self.poisoned else 1 - heatmaps[2]
        masks = {"heatmaps": np.ones_like(heatmaps), "pafs": np.ones_like(pafs)}
        return Example(image, {"heatmaps": heatmaps, "pafs": pafs}, masks, f"{number}.jpg")


def score(net: nn.Module) -> dict[str, float]:
    """A validation: how small the weights are."""
    return {"score": -float(sum(p.abs().sum() for p in net.parameters()))}


def main() -> None:
    torch.use_deterministic_algorithms(True)
    out, *rest = sys.argv[1:]
    resume = "resume" in rest
    recipe = changed(RECIPE, sets=[text for text in rest if "=" in text])
    train_network(Toy, SPEC, recipe, ToyMaker(), score, Path(out), resume)


if __name__ == "__main__":
    main()
