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


@pytest.fixture
def shallow(tmp_path: Path) -> Path:
    torch.save(Mobile(MobileOptions(blocks=(2, 3, 0))).half().state_dict(), tmp_path / "shallow.pt")
    return tmp_path / "shallow.pt"


def maps_of(path: Path, options: MobileOptions) -> dict[str, torch.Tensor]:
    net = Mobile(options).eval()
    load_weights(net, mean_weights(path), path)
    with torch.no_grad():
        maps: dict[str, torch.Tensor] = net(torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64))[-1]
    return maps


def test_a_deeper_network_begins_with_the_maps_of_the_shallower_one(shallow: Path, tmp_path: Path) -> None:
    SCRIPT["main"]([str(shallow), "-o", str(tmp_path / "deep.pt")])
    before = maps_of(shallow, MobileOptions(blocks=(2, 3, 0)))
    torch.testing.assert_close(maps_of(shallow, MobileOptions()), before)
    torch.testing.assert_close(maps_of(tmp_path / "deep.pt", MobileOptions()), before)
    assert mean_weights(tmp_path / "deep.pt")["refine16.0.first.0.weight"].std() > 0  # what is all 0 cannot learn


def test_of_a_block_all_or_nothing_may_be_missing(shallow: Path) -> None:
    weights = mean_weights(shallow)
    del weights["stride32.1.second.0.weight"]
    torch.save(weights, shallow)
    with pytest.raises(InputError, match=r"stride32\.1\.second\.0\.weight: the network has .*, the file has none"):
        maps_of(shallow, MobileOptions())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="the network has"):
        SCRIPT["main"]([str(tmp_path / "other.pt"), "-o", str(tmp_path / "deep.pt")])
    assert not (tmp_path / "deep.pt").exists()
