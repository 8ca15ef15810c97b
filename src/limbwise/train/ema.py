"""The running mean of a network's weights (Polyak and Juditsky 1992), which validates and ships better than the last weights."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


class Ema(Generic[Net]):
    """`net`: the mean of another network's weights and norm statistics, newer ones more; `decay` 0 follows at once.

    Early in a run the mean is over fewer steps, (1 + step) / (10 + step), so that it forgets the random start.
    """

    def __init__(self, net: Net, decay: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Take in the weights after step `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine, theirs = _state(self.net), _state(net)
        floats = [i for i, value in enumerate(mine) if value.is_floating_point()]
        torch._foreach_lerp_([mine[i] for i in floats], [theirs[i] for i in floats], 1 - decay)
        for i in set(range(len(mine))) - set(floats):
            mine[i].copy_(theirs[i])


def _state(net: nn.Module) -> list[Tensor]:
    return [*net.parameters(), *net.buffers()]
