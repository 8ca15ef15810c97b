"""Several training processes as one: started by torchrun, with gloo on CPUs and NCCL on GPUs.

Batch norms take their statistics over all processes (torch's SyncBatchNorm knows GPUs only, hence our own), so that two
processes with half a batch each learn what one learns with the whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as shared
from torch import Tensor, nn

from limbwise.errors import UsageError


@dataclass(frozen=True)
class World:
    """This process among all: `rank` of `size`, and its `device`."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a number over all processes, without gradient."""
        if self.size == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value / self.size

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Give each of the tensors its mean over all processes, in place; whole numbers are left alone."""
        if self.size == 1:
            return
        floats = [tensor for tensor in tensors if tensor.is_floating_point()]
        flat = torch.cat([tensor.flatten() for tensor in floats])
        dist.all_reduce(flat)
        parts = torch.split(flat / self.size, [tensor.numel() for tensor in floats])
        for tensor, part in zip(floats, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def agree(self, value: bool) -> bool:
        """What process 0 says: all must save, validate and stop at the same step, and clocks differ."""
        if self.size == 1:
            return value
        told = torch.tensor([float(value)], device=self.device)
        dist.broadcast(told, 0)
        return bool(told.item())


@contextmanager
def world(device: str) -> Iterator[World]:
    """The world that torchrun's environment tells of, or this process alone. `device`: auto, cpu, cuda, cuda:1.

    Raises UsageError where that device is not there.
    """
    rank, size, local = (int(os.environ.get(name, default)) for name, default in
                         (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))  # fmt: skip
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"machine.device: {device}: there is no GPU that torch can use; take cpu")
    place = torch.device(f"cuda:{local}" if name == "cuda" else name)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if size == 1:
        yield World(0, 1, place)
        return
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo", rank=rank, world_size=size)
    try:
        yield World(rank, size, place)
    finally:
        dist.destroy_process_group()


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batch of all processes; alone or in inference it is BatchNorm2d. Same parameters and names."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        sums = torch.cat([x.sum((0, 2, 3)), x.square().sum((0, 2, 3))]).float()
        mean, square = (shared.all_reduce(sums) / count).chunk(2)  # type: ignore[no-untyped-call]  # torch has no types here
        variance = (square - mean.square()).clamp_min(0)
        self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normed: Tensor = x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]
        return normed

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics, as BatchNorm2d does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        momentum = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def share_norms(net: nn.Module) -> None:
    """Let every batch norm of `net` take its statistics over all processes; names and values stay."""
    for module in net.modules():
        for name, norm in module.named_children():
            if type(norm) is nn.BatchNorm2d:
                other = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum)
                other.load_state_dict(norm.state_dict())
                setattr(module, name, other.to(norm.weight.device))
