from __future__ import annotations

import numpy as np
import pytest
import torch

from limbwise.errors import UsageError
from limbwise.train.losses import LossOptions, field_loss, presence, stage_losses, total_loss


def test_weighted_squared_error_by_hand() -> None:
    """One sample, heatmaps of a keypoint and background on 1 x 2 cells; foreground 10."""
    target = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    found = torch.tensor([[[[0.5, 0.5]], [[0.0, 0.0]]]])
    mask = torch.tensor([[[[1.0, 1.0]], [[1.0, 0.5]]]])
    # keypoint: 10 x 0.25 and 1 x 0.25; background: its foreground is where it is 0, found right; 0.5 x 1 x 1
    expected = (10 * 0.25 + 0.25 + 0 + 0.5) / 2
    assert field_loss("heatmaps", found, target, mask, 10.0).tolist() == pytest.approx([expected])


def test_logistic_and_huber_by_hand() -> None:
    logits = torch.tensor([[[[0.0, 100.0]]]])
    target, mask = torch.tensor([[[[1.0, 1.0]]]]), torch.ones(1, 1, 1, 2)
    assert field_loss("part_logits", logits, target, mask, kind="logistic").item() == pytest.approx(np.log(2) / 2)
    found, mask = torch.tensor([[[[0.5, 3.0, 9.0]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])
    zero = torch.zeros_like(found)
    assert field_loss("offsets", found, zero, mask, kind="huber").item() == pytest.approx((0.5 * 0.25 + 2.5) / 2)
    assert field_loss("offsets", found, zero, 0 * mask, kind="huber").item() == 0


def test_presence_of_a_paf_is_the_length_of_its_vector() -> None:
    target = torch.zeros(1, 4, 1, 1)
    target[0, :2, 0, 0] = torch.tensor([0.6, -0.8])
    assert presence("pafs", target).flatten().tolist() == pytest.approx([1, 1, 0, 0])


def test_masked_cells_have_no_gradient() -> None:
    found = torch.zeros(2, 3, 4, 4, requires_grad=True)
    mask = torch.ones(2, 3, 4, 4)
    mask[1, 2, :2] = 0
    field_loss("heatmaps", found, torch.rand(2, 3, 4, 4), mask).sum().backward()
    assert found.grad is not None
    assert (found.grad[1, 2, :2] == 0).all()
    assert (found.grad[mask > 0] != 0).all()


def _some(options: LossOptions) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    maps = [{"heatmaps": torch.rand(4, 3, 5, 5), "pafs": torch.rand(4, 2, 5, 5)}, {"heatmaps": torch.rand(4, 3, 5, 5)}]
    targets = {"heatmaps": torch.rand(4, 3, 5, 5), "pafs": torch.rand(4, 2, 5, 5)}
    masks = {name: torch.ones_like(target) for name, target in targets.items()}
    return stage_losses(maps, targets, masks, options)


def test_stages_and_heads_are_weighted() -> None:
    """A stage may predict some heads only, as those of OpenPose's PAF network do."""
    options = LossOptions(stages=(0.5, 2.0), heads={"pafs": 3.0})
    losses = _some(options)
    expected = 0.5 * (losses[0]["heatmaps"] + 3 * losses[0]["pafs"]) + 2 * losses[1]["heatmaps"]
    torch.testing.assert_close(total_loss(losses, options), expected.mean())


def test_hard_samples_count_more() -> None:
    losses = _some(LossOptions())
    each = sum(loss for stage in losses for loss in stage.values())
    options = LossOptions(heads={}, hard=1.0)
    weights = each / each.mean()
    expected = (each * weights / weights.mean()).mean()
    torch.testing.assert_close(total_loss(losses, options), expected)
    assert total_loss(losses, options) > each.mean()


def test_weights_that_do_not_fit_the_network() -> None:
    with pytest.raises(UsageError, match=r"loss\.stages: the network has 2 supervised stages, got 3"):
        total_loss(_some(LossOptions()), LossOptions(stages=(1, 1, 1)))


@pytest.mark.parametrize("bad", [{"foreground": 0.5}, {"hard": -1.0}, {"foreground": float(np.nan)}])
def test_options_that_cannot_be_meant(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        LossOptions(**bad)
