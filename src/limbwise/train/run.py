"""A training run from start to end: begun or resumed, alone or under torchrun, saved by time and by score.

A run's folder holds recipe.json (resolved, with the git commit), spec.json, log.jsonl, tensorboard/, checkpoints/ and at the end
weights.pt, the mean weights.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from limbwise import __version__
from limbwise.errors import UsageError
from limbwise.files import whole_file
from limbwise.spec import ModelSpec, write_spec
from limbwise.train import checkpoint
from limbwise.train.batches import Maker, batches, orders
from limbwise.train.ema import Ema
from limbwise.train.log import Log
from limbwise.train.loop import Run, StepReport, train_steps
from limbwise.train.networks import check_start, find_network
from limbwise.train.optimiser import make_optimiser
from limbwise.train.poses import make_poses, pose_validation
from limbwise.train.processes import World, share_norms, world
from limbwise.train.recipe import Recipe, differing, write_recipe
from limbwise.train.samples import make_samples
from limbwise.train.statistics import completed
from limbwise.train.validate import make_validation

ECHO = 2.0  # seconds: a second signal sooner than that is the first again, as torchrun passes Ctrl-C on to who heard it already
Validation = Callable[[nn.Module], dict[str, float]]  # numbers by name; "score" is what best.pt is the best of


def train(recipe: Recipe, out: str | Path, resume: bool = False) -> Path:
    """Train by the recipe into folder `out`; returns the file of the final mean weights.

    With `resume` the newest checkpoint there is gone on from (none: the run begins). Raises UsageError where `out` holds a run
    and `resume` is not given, InputError for data, LimbwiseError when the loss is not finite.
    """
    network, spec = find_network(recipe)
    check_start(recipe)
    refines = spec.method == "refiner"
    make = (make_poses if refines else make_samples)(recipe.data, spec, recipe.seed)
    make.spec = spec = completed(spec, make, max(stage.size for stage in recipe.stages), Path(out))
    skip = recipe.on_bad_sample == "skip"
    validate = pose_validation(recipe.data, spec) if refines else make_validation(recipe.data, spec, skip)
    told = {"images": [len(source) for source in make.sources]}
    return train_network(network, spec, recipe, make, validate, out, resume, told)


def train_network(
    network: Callable[[], nn.Module], spec: ModelSpec, recipe: Recipe, make: Maker, validate: Validation | None,
    out: str | Path, resume: bool = False, told: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """`train` with a network, samples and a validation of one's own; `told` goes into the log's first line."""
    out = Path(out)
    with world(recipe.machine.device) as here:
        state = _found(out, resume, here)
        run = begin(network, spec, recipe, here)
        if state is not None:
            checkpoint.restore(run, state)
        if here.leads:
            write_recipe(
                recipe, out / "recipe.json", commit=git_commit(), limbwise=__version__, torch=torch.__version__
            )
            write_spec(spec, out / "spec.json")
        wanted = list(orders(_plan(run), run.seen, here.rank, here.size))
        gpu = here.device.type == "cuda"
        source = batches(make, wanted, recipe.machine.workers, recipe.machine.ahead, recipe.on_bad_sample, pin=gpu)
        with Log(out, run.step, recipe.steps, here.leads) as log:
            log.event(
                "start", run.step, network=recipe.network, processes=here.size, device=str(here.device), **(told or {})
            )
            if state is not None and (fields := differing(checkpoint.recipe_of(state), recipe)):
                log.event("changed", run.step, fields=fields)
            keeper = Keeper(out, log, validate)
            with keeper.heeding_signals():
                train_steps(run, source, keeper.after_step)
            return keeper.end(run)


def begin(network: Callable[[], nn.Module], spec: ModelSpec, recipe: Recipe, here: World) -> Run:
    """A run at step 0, its weights drawn from the recipe's seed or read from `recipe.start`."""
    for stage in recipe.stages:
        if stage.batch % here.size:
            raise UsageError(f"stages: a batch of {stage.batch} cannot be shared by {here.size} processes")
    if here.device.type == "cpu" and recipe.machine.threads:
        torch.set_num_threads(recipe.machine.threads)
    torch.manual_seed(recipe.seed)
    net = network()
    if recipe.start:
        checkpoint.load_weights(net, checkpoint.mean_weights(Path(recipe.start)), recipe.start)
    form = torch.channels_last if recipe.machine.channels_last else torch.contiguous_format
    net = net.to(here.device).to(memory_format=form)  # type: ignore[call-overload]  # torch's types lack it for modules
    shared = here.size > 1 and not recipe.local_steps
    if shared:
        share_norms(net)
    optimiser = make_optimiser(net, recipe.optimiser)
    wrapped: nn.Module = torch.compile(net) if recipe.machine.compile else net  # type: ignore[assignment]  # a module it is
    if shared:
        wrapped = nn.parallel.DistributedDataParallel(wrapped, broadcast_buffers=False)
    return Run(recipe, here, spec.input, net, wrapped, Ema(net, recipe.ema), optimiser)


def _found(out: Path, resume: bool, here: World) -> dict[str, Any] | None:
    """The state to go on from. Raises UsageError where there is a run that nobody asked to go on with."""
    folder = out / "checkpoints"
    if not resume and any(folder.glob(checkpoint.PATTERN)):
        raise UsageError(f"{out}: there is a run already; --resume goes on with it, or take another folder")
    return checkpoint.newest(folder, here.device) if resume else None


def _plan(run: Run) -> Iterator[tuple[int, int]]:
    """(size, batch) of each step that is left."""
    for step in range(run.step, run.recipe.steps):
        stage = run.recipe.stage(step)
        yield stage.size, stage.batch


@dataclass
class Keeper:
    """What happens between steps: the log, checkpoints by time, validation by time, the best by score, and an early end."""

    out: Path
    log: Log
    validate: Validation | None
    begun: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    validated: float = field(default_factory=time.monotonic)
    asked: float | None = None

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the run after the step in progress, saved; asked twice it ends at once."""

        def ask(number: int, frame: object) -> None:
            now = time.monotonic()
            if self.asked is not None and now - self.asked > ECHO:
                raise KeyboardInterrupt
            self.asked = self.asked or now

        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may
            return
        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def after_step(self, run: Run, report: StepReport) -> bool:
        """Do what is due; True ends the run early."""
        saving = run.recipe.saving
        self.log.add(report, run.step, run.step % saving.log_every == 0)
        if not run.together:
            return False
        stop = run.world.agree(self.asked is not None) or self._due(run, self.begun, saving.stop_minutes)
        if not stop and self._due(run, self.validated, saving.validate_minutes):
            self.save(run)  # what can go wrong in a validation costs nothing then
            self.check(run)
        if stop or self._due(run, self.saved, saving.minutes):
            self.save(run)
        return stop

    def _due(self, run: Run, since: float, minutes: float) -> bool:
        return minutes > 0 and run.world.agree(time.monotonic() - since >= 60 * minutes)

    def save(self, run: Run) -> None:
        """A checkpoint, by the process that leads."""
        if run.world.leads:
            checkpoint.save(run, self.out / "checkpoints", keep=run.recipe.saving.keep)
        self.saved = time.monotonic()

    def check(self, run: Run) -> None:
        """Validate the mean weights; the best are kept."""
        if self.validate is not None and run.world.leads:
            numbers = self.validate(run.ema.net)
            self.log.event("validation", run.step, **numbers)
            if numbers.get("score", run.best) > run.best:
                run.best = numbers["score"]
                checkpoint.save(run, self.out / "checkpoints", "best.pt", run.recipe.saving.keep)
        self.validated = time.monotonic()

    def end(self, run: Run) -> Path:
        """The last checkpoint and, where the run is through, its validation; weights.pt either way."""
        if run.step >= run.recipe.steps:
            self.save(run)
            self.check(run)
            self.save(run)  # it knows the best score now
        path = self.out / "weights.pt"
        if run.world.leads:
            with whole_file(path) as part:
                part.write_bytes(checkpoint.packed(run.ema.net.state_dict()))
            self.log.event("end", run.step, seen=run.seen, skipped=run.skipped, weights=str(path))
        return path


def git_commit() -> str:
    """The commit of the code that runs, with + where files differ from it; "" outside a repository."""
    here = Path(__file__).parent
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"], cwd=here, capture_output=True, text=True, check=True
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return told.stdout.strip()
