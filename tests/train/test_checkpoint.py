"""Files of weights: what a run can begin with, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy_training import RECIPE, SPEC, Toy

from limbwise.errors import InputError
from limbwise.train.checkpoint import load_weights, mean_weights, newest, read, save
from limbwise.train.processes import World
from limbwise.train.run import begin


def test_a_run_begins_with_a_checkpoint_or_its_weights(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    torch.save({"ema": net.state_dict(), "net": {}, "step": 3, "recipe": "{}"}, tmp_path / "step.pt")
    halves = {name: value.half() for name, value in net.state_dict().items()}
    torch.save(halves, tmp_path / "half.pt")
    for name in ("weights.pt", "step.pt", "half.pt"):
        other = torch.nn.Linear(3, 2)
        load_weights(other, mean_weights(tmp_path / name), tmp_path / name)
        torch.testing.assert_close(other.weight, net.weight, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("content", [b"", b"text", {}, {"a": 3}, [1, 2], torch.zeros(2)])
def test_what_holds_no_weights(tmp_path: Path, content: object) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    for reader in (mean_weights, read):
        with pytest.raises(InputError, match=r"a\.pt"):
            reader(path)
    with pytest.raises(InputError, match="missing"):
        mean_weights(tmp_path / "missing.pt")


def test_a_run_of_which_no_checkpoint_can_be_read_is_not_begun_anew(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    for step in (3, 7):
        (tmp_path / f"step-0000000{step}.pt").write_bytes(b"text")
    with pytest.raises(InputError, match=r"none of its checkpoints can be read \(step-00000007\.pt"):
        newest(tmp_path)


def test_what_was_just_written_stays_whatever_else_is_there(tmp_path: Path) -> None:
    run = begin(Toy, SPEC, RECIPE, World(0, 1, torch.device("cpu")))
    run.step = 5
    for step in (2, 7, 8):
        (tmp_path / f"step-0000000{step}.pt").touch()
    path = save(run, tmp_path, keep=1)
    assert path.name == "step-00000005.pt"
    assert read(path)["step"] == 5
    assert not (tmp_path / "step-00000002.pt").exists()
