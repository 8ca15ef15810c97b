"""The mean of several runs' weights, as `scripts/mean_of_runs.py` makes it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from limbwise.errors import InputError
from limbwise.train.checkpoint import mean_weights

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "mean_of_runs.py"))


def run_of(folder: Path, weight: float, count: int, shape: tuple[int, ...] = (2, 3)) -> Path:
    folder.mkdir()
    torch.save({"weight": torch.full(shape, weight), "num_batches_tracked": torch.tensor(count)}, folder / "weights.pt")
    return folder


def test_weights_are_averaged_and_counts_are_the_last(tmp_path: Path) -> None:
    one, two = run_of(tmp_path / "one", 1.0, 70_000), run_of(tmp_path / "two", 2.0, 90_000)
    SCRIPT["main"]([str(one), str(two / "weights.pt"), "-o", str(tmp_path / "mean.pt")])
    mean = mean_weights(tmp_path / "mean.pt")
    assert mean["weight"].dtype == torch.float16
    assert mean["weight"].tolist() == [[1.5] * 3] * 2
    assert mean["num_batches_tracked"].item() == 90_000


def test_runs_of_different_networks_have_no_mean(tmp_path: Path) -> None:
    one, two = run_of(tmp_path / "one", 1.0, 1), run_of(tmp_path / "two", 2.0, 1, (3, 3))
    with pytest.raises(InputError, match="another network"):
        SCRIPT["main"]([str(one), str(two), "-o", str(tmp_path / "mean.pt")])
    assert not (tmp_path / "mean.pt").exists()
