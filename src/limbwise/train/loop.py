"""The loop: one step, and many. All that a step needs is in `Run`; all that happens between steps is `after_step`'s."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from limbwise.errors import LimbwiseError
from limbwise.net.blocks import Stages
from limbwise.spec import InputSpec
from limbwise.train.batches import Batch, timed
from limbwise.train.ema import Ema
from limbwise.train.losses import stage_losses, total_loss
from limbwise.train.optimiser import rate_factor, set_rates
from limbwise.train.processes import World
from limbwise.train.recipe import Recipe


@dataclass
class Run:
    """A run in progress. `net` is trained, through `wrapped` (the same net, compiled or shared over processes); `step` steps and
    `seen` samples are behind it, `skipped` of these were damaged; `best` is the best validation score."""

    recipe: Recipe
    world: World
    input: InputSpec
    net: nn.Module
    wrapped: nn.Module
    ema: Ema[nn.Module]
    optimiser: torch.optim.Optimizer
    step: int = 0
    seen: int = 0
    skipped: int = 0
    best: float = float("-inf")
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=10))

    @property
    def together(self) -> bool:
        """Whether all processes hold the same weights after this step, so that it can be saved or ended here."""
        every = self.recipe.local_steps
        return every == 0 or self.step % every == 0 or self.step >= self.recipe.steps


@dataclass(frozen=True)
class StepReport:
    """What one step says of itself: losses by name (this process's), the norm of the gradient, seconds in all and waited for data."""

    losses: dict[str, float]
    rate: float
    gradient: float
    samples: int
    seconds: float
    waited: float
    skipped: list[str]


def train_steps(run: Run, source: Iterator[Batch], after_step: Callable[[Run, StepReport], bool]) -> None:
    """Train on every batch of `source`, or until `after_step` says True. Raises LimbwiseError when the loss is not finite."""
    options = run.recipe.optimiser
    run.wrapped.train()
    start = time.perf_counter()
    for batch, waited in timed(source):
        rate = options.rate * rate_factor(run.recipe.schedule, run.step, run.recipe.steps)
        loss, parts = losses_of(run, batch)
        check_finite(run, parts["loss"], batch)
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        set_rates(run.optimiser, rate, run.step)
        norm = nn.utils.clip_grad_norm_(run.net.parameters(), options.clip or float("inf"))
        run.optimiser.step()
        run.ema.update(run.net, run.step)
        run.step, run.seen, run.skipped = run.step + 1, run.seen + batch.total, run.skipped + len(batch.skipped)
        meet(run)
        now = time.perf_counter()
        report = StepReport(parts, rate, float(norm), batch.total, now - start, waited, batch.skipped)
        start = now
        if after_step(run, report):
            return


def losses_of(run: Run, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch, and its parts by name: of each head of the final stage, and the total."""
    batch = batch.to(run.world.device)
    with torch.autocast(run.world.device.type, torch.bfloat16, enabled=run.recipe.machine.bf16):
        stages: Stages = run.wrapped(normalised(batch.images, run.input, run.recipe.machine.channels_last))
    losses = stage_losses(stages, batch.targets, batch.masks, run.recipe.loss)
    total = total_loss(losses, run.recipe.loss, run.world.mean)
    parts = {name: float(loss.detach().mean()) for name, loss in losses[-1].items()}
    return total, {"loss": float(total.detach()), **parts}


def normalised(images: Tensor, spec: InputSpec, channels_last: bool = True) -> Tensor:
    """Images (N, H, W, C) uint8 as the network wants them: (N, C, H, W) float32, (pixel - mean) x scale."""
    mean, scale = (torch.tensor(values, device=images.device) for values in (spec.means, spec.scales))
    x = ((images.float() - mean) * scale).permute(0, 3, 1, 2)
    return x if channels_last else x.contiguous()


def meet(run: Run) -> None:
    """Where it is time for it (`local_steps`): the mean over processes of weights, running means, norm statistics and moments."""
    if run.recipe.local_steps and run.together:
        moments = (
            value for state in run.optimiser.state.values() for value in state.values() if isinstance(value, Tensor)
        )
        nets = (value for net in (run.net, run.ema.net) for value in (*net.parameters(), *net.buffers()))
        run.world.average([*nets, *moments])


def check_finite(run: Run, loss: float, batch: Batch) -> None:
    """Raises LimbwiseError with what there is to know when a loss is not a number; no weight has been touched by it yet."""
    if loss - loss == 0:
        run.recent.append(loss)
        return
    last = ", ".join(f"{value:.4g}" for value in run.recent) or "none"
    raise LimbwiseError(
        f"the loss is {loss} at step {run.step}, in a batch of {', '.join(batch.names)}; losses before it: {last}. "
        "Take a lower optimiser.rate or optimiser.clip, or look at these samples with `limbwise data view`"
    )
