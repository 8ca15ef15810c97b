"""Files of weights: what a run can begin with, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from limbwise.errors import InputError
from limbwise.train.checkpoint import load_weights, mean_weights, read


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
