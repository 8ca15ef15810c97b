"""A checkpoint that TensorFlow wrote, converted, gives what TensorFlow computed (made by tensorflow_network.py)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from limbwise.convert.deepercut import convert_deepercut
from limbwise.convert.tensorflow import read_checkpoint
from limbwise.net.deepercut import DeeperCut, count_values
from limbwise.skeletons import COCO_17, MPII_14

FIXTURE = Path(__file__).parent / "fixtures" / "tensorflow"
SCRIPT = Path(__file__).with_name("tensorflow_network.py")


def differences(net: DeeperCut, answers: Path) -> dict[str, float]:
    """The greatest difference of each head from TensorFlow's outputs, relative to their spread where that is above 1."""
    net.train()  # the middle is given only then; the norms are frozen, so that nothing else changes
    worst: dict[str, float] = {}
    with np.load(answers) as table:
        for i in range(sum(name.startswith("images") for name in table)):
            with torch.inference_mode():
                early, final = net(torch.from_numpy(table[f"images{i}"].transpose(0, 3, 1, 2).copy()))
            for name, maps in {**final, "intermediate": early["part_logits"]}.items():
                wanted = table[f"{name}{i}"].transpose(0, 3, 1, 2)
                assert maps.shape == wanted.shape
                difference = float(np.abs(maps.numpy() - wanted).max() / max(1, wanted.std()))
                worst[name] = max(worst.get(name, 0), difference)
    return worst


def test_the_same_maps_as_tensorflow() -> None:
    net, spec = convert_deepercut(read_checkpoint(FIXTURE / "snapshot"), "snapshot")
    assert spec.skeleton == MPII_14
    worst = differences(net, FIXTURE / "outputs.npz")
    assert set(worst) == {"part_logits", "offsets", "pairwise", "intermediate"}
    assert max(worst.values()) < 1e-5, worst


@pytest.mark.slow
def test_the_same_maps_as_tensorflow_in_the_published_size(tmp_path: Path) -> None:
    """Needs LIMBWISE_TENSORFLOW, the path of a Python that has TensorFlow."""
    python = os.environ.get("LIMBWISE_TENSORFLOW")
    if not python:
        pytest.skip("LIMBWISE_TENSORFLOW does not name a Python with TensorFlow")
    subprocess.run([python, str(SCRIPT), str(tmp_path), "full"], check=True, capture_output=True)
    net, spec = convert_deepercut(read_checkpoint(tmp_path / "snapshot"), "snapshot")
    assert spec.skeleton == COCO_17
    net.intermediate, intermediate = None, net.intermediate
    assert count_values(net) == 53_573_139
    net.intermediate = intermediate
    worst = differences(net, tmp_path / "outputs.npz")
    print(worst)
    assert max(worst.values()) < 1e-4, worst
