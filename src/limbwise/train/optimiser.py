"""Optimisers and learning rates: which parameters learn how fast, and when.

Groups are chosen by name patterns, so that the schedules of the published networks are recipes and no code: layers frozen until
an iteration, slower backbones, steps at iterations (reference: OpenPose in Chainer, DeeperCut).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from limbwise.errors import UsageError


@dataclass(frozen=True)
class Group:
    """Parameters whose name the regular expression `pattern` is found in: their rate is multiplied by `factor`, they stay as they
    are until step `frozen_until`. The first group that fits a parameter counts."""

    pattern: str
    factor: float = 1.0
    frozen_until: int = 0


@dataclass(frozen=True)
class OptimiserOptions:
    """`rate`: the highest learning rate. `decay`: weight decay, on weights of two dimensions and more. `clip`: largest norm of the
    gradient (0: no bound). `momentum` is SGD's; `betas` are Adam's."""

    kind: Literal["adamw", "adam", "sgd"] = "adamw"
    rate: float = 2e-3
    decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    momentum: float = 0.9
    clip: float = 5.0
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError("rate: must be positive")
        for group in self.groups:
            try:
                re.compile(group.pattern)
            except re.error as error:
                raise ValueError(f"groups: {group.pattern!r} is no regular expression ({error})") from error


@dataclass(frozen=True)
class ScheduleOptions:
    """The learning rate over a run, as a factor of the highest.

    `warmup`: steps from 0 upwards, of every kind. "stable": 1 until the last `cooldown` share of the run, then straight down to
    `floor` (warm-up, stable, decay: Hu et al. 2024); a run of unknown length is trained on with it, and cooled down when time is
    up. "one_cycle": a half cosine from the warm-up down to `floor` (Smith 2018). "steps": `until` lists (iteration, factor).
    """

    kind: Literal["stable", "one_cycle", "steps"] = "stable"
    warmup: int = 200
    cooldown: float = 0.2
    floor: float = 0.02
    until: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.cooldown <= 1:
            raise ValueError("cooldown: must lie between 0 and 1")
        if self.kind == "steps" and not self.until:
            raise ValueError("until: pairs of an iteration and a factor are needed for steps")


def rate_factor(options: ScheduleOptions, step: int, steps: int) -> float:
    """The learning rate of step `step` of `steps` in all, as a factor of the highest."""
    warm = min(1.0, (step + 1) / max(options.warmup, 1))
    if options.kind == "steps":
        return warm * next((factor for until, factor in options.until if step < until), options.until[-1][1])
    if options.kind == "one_cycle":
        share = min(1.0, max(0.0, step - options.warmup) / max(1, steps - options.warmup))
        return warm * (options.floor + (1 - options.floor) * (1 + math.cos(math.pi * share)) / 2)
    left = (steps - step) / max(1.0, options.cooldown * steps)
    return warm * (options.floor + (1 - options.floor) * min(1.0, max(0.0, left)))


def make_optimiser(net: nn.Module, options: OptimiserOptions) -> torch.optim.Optimizer:
    """The optimiser; each of its groups holds parameters of one factor, one decay and one time of thaw.

    Raises UsageError where a pattern finds nothing: a misspelt one would train what was meant to be frozen.
    """
    groups = list(_grouped(net, options))
    if options.kind == "sgd":
        return torch.optim.SGD(groups, options.rate, options.momentum)
    adam = torch.optim.AdamW if options.kind == "adamw" else torch.optim.Adam
    return adam(groups, options.rate, options.betas, foreach=True)


def _grouped(net: nn.Module, options: OptimiserOptions) -> Iterable[dict[str, Any]]:
    rest = Group("")
    chosen: dict[tuple[Group, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        group = next((group for group in options.groups if re.search(group.pattern, name)), rest)
        chosen.setdefault((group, parameter.ndim > 1), []).append(parameter)
    for group in options.groups:
        if not any(found == group for found, _ in chosen):
            raise UsageError(f"optimiser.groups: no parameter is left for the pattern {group.pattern!r}")
    for (group, decays), parameters in chosen.items():
        yield {"params": parameters, "weight_decay": options.decay if decays else 0.0,
               "factor": group.factor, "frozen_until": group.frozen_until}  # fmt: skip


def set_rates(optimiser: torch.optim.Optimizer, rate: float, step: int) -> None:
    """Give each group its rate for this step; gradients of frozen groups are taken away, so that nothing moves them."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
        if step < group["frozen_until"]:
            for parameter in group["params"]:
                parameter.grad = None
