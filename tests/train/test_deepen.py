"""Weights of a shallower network put into a deeper one, as `scripts/deepen.py` does it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from limbwise.errors import InputError
from limbwise.net.mobile import Mobile, MobileOptions
from limbwise.train.checkpoint import load_weights, mean_weights

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "deepen.py"))


def test_a_deeper_network_begins_with_the_maps_of_the_shallower_one(tmp_path: Path) -> None:
    shallow, deep, image = (
        Mobile(MobileOptions(blocks=(2, 3, 0))).eval().half().float(),
        Mobile().eval(),
        torch.rand(1, 3, 64, 64),
    )
    torch.save(shallow.state_dict(), tmp_path / "shallow.pt")
    SCRIPT["main"]([str(tmp_path / "shallow.pt"), "-o", str(tmp_path / "deep.pt")])
    load_weights(deep, mean_weights(tmp_path / "deep.pt"), "deep.pt")
    with torch.no_grad():
        torch.testing.assert_close(deep(image), shallow(image))
    assert deep.refine16[0].first[0].weight.std() > 0  # what is all 0 cannot learn


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="no mobile of fewer blocks"):
        SCRIPT["main"]([str(tmp_path / "other.pt"), "-o", str(tmp_path / "deep.pt")])
    assert not (tmp_path / "deep.pt").exists()
