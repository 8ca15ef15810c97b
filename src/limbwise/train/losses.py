"""Losses between predicted and wanted fields, over all supervised stages.

Squared error as in OpenPose (Cao et al. 2017), each cell weighted: what is unlabelled counts nothing, what lies on a person counts
more than the wide empty rest, which otherwise makes a network from nothing predict zero for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from limbwise.errors import UsageError

Kind = Literal["squared", "logistic", "huber", "norm"]


@dataclass(frozen=True)
class LossOptions:
    """`foreground`: weight of a cell where the target is 1, against 1 where it is 0. `heads`: weight of each head (default 1).
    `kinds`: loss of each head (default "squared", as for all fields; DeeperCut's are "logistic" for parts and "huber" for offsets;
    "norm" is that of OpenPose in PyTorch).
    `stages`: weight of each supervised stage, the final one last; empty: all 1. `hard`: samples are weighted by their loss to this
    power (0: all alike; mean weight 1, at most 4)."""

    foreground: float = 10.0
    heads: dict[str, float] = field(default_factory=lambda: {"heatmaps": 1.0, "pafs": 0.5})
    kinds: dict[str, Kind] = field(
        default_factory=lambda: {"part_logits": "logistic", "offsets": "huber", "pairwise": "huber"}
    )
    stages: tuple[float, ...] = ()
    hard: float = 0.0

    def __post_init__(self) -> None:
        if not self.foreground >= 1:
            raise ValueError("foreground: must be at least 1")
        if not self.hard >= 0:
            raise ValueError("hard: must not be negative")


Average = Callable[[Tensor], Tensor]


def presence(name: str, target: Tensor) -> Tensor:
    """(N, C, h, w) 0 to 1: how much of a person each cell of a target holds. Of a PAF it is the length of its vector, in both
    channels; the background channel of heatmaps (the last) holds a person where it is low."""
    if name == "pafs":
        return _lengths(target).repeat_interleave(2, 1)
    if name == "heatmaps":
        return torch.cat([target[:, :-1], 1 - target[:, -1:]], 1)
    return target.abs()


def _lengths(pafs: Tensor) -> Tensor:
    """(N, L, h, w) lengths of the vectors of (N, 2 L, h, w) fields."""
    return torch.sqrt(pafs[:, 0::2].square() + pafs[:, 1::2].square())


def field_loss(
    name: str, found: Tensor, target: Tensor, mask: Tensor, foreground: float = 1.0, kind: Kind = "squared"
) -> Tensor:
    """(N,) loss of each sample; all (N, C, h, w), `mask` 0 to 1.

    "squared" and "logistic" (cross-entropy of logits): weighted, sum over channels, mean over cells. "huber" (linear beyond 1): mean
    over what the mask leaves, which is little. "norm": root of the sum of squares, not weighted.
    """
    found = found.float()
    if kind == "norm":
        return (mask * (found - target)).square().sum((1, 2, 3)).clamp_min(1e-12).sqrt()
    if kind == "huber":
        loss = mask * F.huber_loss(found, target, reduction="none")
        return loss.sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp_min(1)
    weight = mask * (1 + (foreground - 1) * presence(name, target))
    if kind == "logistic":
        return (weight * F.binary_cross_entropy_with_logits(found, target, reduction="none")).sum(1).mean((1, 2))
    return (weight * (found - target).square()).sum(1).mean((1, 2))


def stage_losses(
    stages: list[dict[str, Tensor]], targets: Mapping[str, Tensor], masks: Mapping[str, Tensor], options: LossOptions
) -> list[dict[str, Tensor]]:
    """For each stage and each head that it predicts the loss (N,) of each sample, not yet weighted by head and stage."""

    def loss(name: str, found: Tensor) -> Tensor:
        kind = options.kinds.get(name, "squared")
        return field_loss(name, found, targets[name], masks[name], options.foreground, kind)

    return [{name: loss(name, found) for name, found in maps.items()} for maps in stages]


def total_loss(losses: list[dict[str, Tensor]], options: LossOptions, average: Average | None = None) -> Tensor:
    """The one number to descend: weighted sum over stages and heads, mean over samples.

    `average` gives the mean of a number over all processes; hard samples are hard against the whole batch.
    Raises UsageError where `options.stages` does not fit the network.
    """
    weights = options.stages or (1.0,) * len(losses)
    if len(weights) != len(losses):
        raise UsageError(f"loss.stages: the network has {len(losses)} supervised stages, got {len(weights)} weights")
    per_sample = sum(weight * options.heads.get(name, 1.0) * loss
                     for weight, stage in zip(weights, losses, strict=True) for name, loss in stage.items())  # fmt: skip
    assert isinstance(per_sample, Tensor)
    if options.hard == 0:
        return per_sample.mean()
    known = per_sample.detach()
    weight = (known / _mean(known, average).clamp_min(1e-12)).pow(options.hard).clamp_max(4)
    return (per_sample * weight / _mean(weight, average).clamp_min(1e-12)).mean()


def _mean(values: Tensor, average: Average | None) -> Tensor:
    return values.mean() if average is None else average(values.mean())
