"""A cluster: people found by workers on the cores of this machine or of many, on Ray; everything else of a batch stays here.

Workers do what is costly and remembers nothing: read, prepare, network, group. What they find comes back in the order of the sources, and
goes the way of a local run: tracking, files, journal. So the results are the same, and each kind of run can resume the other.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from limbwise.errors import LimbwiseError, UsageError
from limbwise.estimate.frames import Cut
from limbwise.estimate.ledger import Entry, Ledger
from limbwise.estimate.machines import ClusterOptions, connect, load_ray, machines, share
from limbwise.estimate.shards import make_shards, to_step, with_pixels
from limbwise.estimate.step import Step, Wanted
from limbwise.estimate.worker import Answer, Failure, Setup, Worker, on_threads
from limbwise.media.sources import Source

OPEN_SHARDS = 4  # a worker
ROOM, ROOM_WITH_MAPS = 512, 16  # steps of one shard that wait for their turn
TICK = 0.5  # seconds of one wait, after which Ctrl-C is heard
PATIENCE = 120.0  # seconds without any worker
FALSE_STARTS = 3  # workers in a row that die before they are ready


@dataclass(eq=False)
class _Member:
    """A worker: its actor, the answer that it owes, the shard that this is about (None while it gets ready)."""

    actor: Any
    answer: Any
    entry: Entry | None = None
    ready: bool = False


class Cluster:
    """Workers on Ray, as a context manager; its method `look` is where the steps of a batch come from (see batch.run_batch).

    `setup`: what the workers are made of. Raises MissingExtra, and on entering UsageError (more workers than cores) and LimbwiseError (no
    such cluster). `workers`: how many there are, each on so many `cores`.
    """

    def __init__(self, options: ClusterOptions, setup: Setup) -> None:
        self.options = options
        self._ray: Any = load_ray(options.cluster == "local")
        self._own = not self._ray.is_initialized()
        self._kind = self._ray.remote(Worker)
        self._setup, self._members = setup, list[_Member]()
        self._gpus = 1 if setup.model.device.lower().startswith("cuda") else 0
        self.workers = self.cores = 0

    def __enter__(self) -> Self:
        try:
            if self._own:
                connect(self._ray, self.options)
            self.workers, self.cores = share(machines(self._ray), self.options.workers, self._gpus)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        self._setup = replace(self._setup, model=on_threads(self._setup.model, self.cores))
        self._false_starts, self._last_seen = 0, time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dismiss()
        if self._own:
            self._ray.shutdown()

    def look(self, sources: Sequence[Source], cut: Cut, wanted: Wanted) -> Iterator[Step]:
        """Every frame of the sources with its people, in order, then each source's end; see batch.Look.

        Raises UsageError for cameras, which belong to one machine, and LimbwiseError where workers cannot be had.
        """
        for source in sources:
            if source.kind == "camera":
                raise UsageError(
                    f"{source.path}: a camera or live stream is watched by one machine; leave --cluster out"
                )
        self._setup = replace(self._setup, cut=cut, wanted=wanted)
        steps = self._steps(sources, cut, wanted)
        return with_pixels(steps, cut) if wanted.pixels else steps

    def _steps(self, sources: Sequence[Source], cut: Cut, wanted: Wanted) -> Iterator[Step]:
        room = ROOM_WITH_MAPS if wanted.maps else ROOM
        ledger = Ledger(make_shards(sources, cut), OPEN_SHARDS * self.workers, room)
        try:
            while (found := ledger.take()) is not None or not ledger.finished:
                self._hire()
                self._give(ledger)
                self._hear(ledger, 0 if found else TICK)
                if found is not None:
                    yield to_step(found)
        finally:
            self._dismiss()

    def _hire(self) -> None:
        """As many workers as there shall be; those that were lost are replaced."""
        while len(self._members) < self.workers:
            actor = self._kind.options(
                num_cpus=self.cores, num_gpus=self._gpus, max_restarts=0, scheduling_strategy="SPREAD"
            ).remote()
            self._members.append(_Member(actor, actor.open.remote(self._setup)))

    def _give(self, ledger: Ledger) -> None:
        """Work for those who are idle."""
        for member in self._members:
            if member.answer is None and (entry := ledger.give(member)) is not None:
                member.entry, member.answer = entry, member.actor.look.remote(entry.shard, entry.got)

    def _hear(self, ledger: Ledger, patience: float) -> None:
        """Take the answers that are there, or wait for one so many seconds."""
        owed = {member.answer: member for member in self._members if member.answer is not None}
        if not owed:
            return
        ready, _ = self._ray.wait(list(owed), num_returns=1, timeout=patience)
        nobody = not ready and not any(member.ready for member in self._members)
        if nobody and time.monotonic() - self._last_seen > PATIENCE:
            raise LimbwiseError(f"cluster: no worker could begin for {PATIENCE:g} s; are its cores in use by others?")
        for answer in ready:
            self._heard(owed[answer], ledger)

    def _heard(self, member: _Member, ledger: Ledger) -> None:
        entry, answer = member.entry, member.answer
        member.entry = member.answer = None
        try:
            said = self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            raise LimbwiseError(f"cluster: a worker failed ({type(error.cause).__name__}: {error.cause})") from error
        except self._ray.exceptions.RayError as error:
            self._lost(member, entry, ledger, error)
            return
        self._false_starts, self._last_seen, member.ready = 0, time.monotonic(), True
        if isinstance(said, Failure):
            raise said.error()
        if entry is not None:
            told: Answer = pickle.loads(said)
            ledger.arrived(entry, told.found, told.done)
            if told.unsplit:
                ledger.unsplit(entry)

    def _lost(self, member: _Member, entry: Entry | None, ledger: Ledger, error: Exception) -> None:
        """A worker is gone, with the machine it was on or alone; what it was at is for others."""
        self._members.remove(member)
        if entry is not None:
            ledger.lost(entry)
        else:
            self._false_starts += 1
        if self._false_starts >= FALSE_STARTS:
            reason = str(error).strip().split("\n")[0]
            raise LimbwiseError(
                f"cluster: {self._false_starts} workers were lost while they got ready ({reason})"
            ) from error

    def _dismiss(self) -> None:
        for member in self._members:
            with suppress(Exception):  # it may be gone already, or all of Ray
                self._ray.kill(member.actor)
        self._members.clear()
