"""Worker: what each process of a cluster does: it holds one estimator and looks at shards, a few frames a call."""

from __future__ import annotations

import os
import pickle
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from limbwise import __version__
from limbwise.errors import LimbwiseError
from limbwise.estimate.batch import look_steps
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.frames import Cut
from limbwise.estimate.refine import Refiner
from limbwise.estimate.shards import Found, Shard, read_shard, to_found
from limbwise.estimate.step import Step, Wanted
from limbwise.estimate.wholebody import PartOptions, open_estimator
from limbwise.estimate.zoo import sha256
from limbwise.media.pieces import Unsplit

CHUNK = 32  # frames a call
CHUNK_WITH_MAPS = 4


@dataclass(frozen=True)
class Setup:
    """What every worker is made of. `model_hash`: of the weights file that the model is on the machine that asks; `decode`: the decoder's
    options that differ from the model's; `folder`: where relative paths begin; `cut`, `wanted`: see batch.Look."""

    model: ModelOptions
    model_hash: str
    parts: PartOptions = field(default_factory=PartOptions)
    decode: dict[str, Any] = field(default_factory=dict)
    refine: Path | None = None
    folder: str = field(default_factory=os.getcwd)
    cut: Cut = field(default_factory=Cut)
    wanted: Wanted = field(default_factory=Wanted)
    version: str = __version__


@dataclass(frozen=True)
class Failure:
    """An error on its way to the one who asked: what to say, and the exit code."""

    text: str
    exit_code: int

    def error(self) -> LimbwiseError:
        """As an exception again."""
        error = LimbwiseError(self.text)
        error.exit_code = self.exit_code
        return error


@dataclass(frozen=True)
class Answer:
    """What was found; `done`: that was all of the shard; `unsplit`: its piece cannot be read on its own from there on."""

    found: list[Found]
    done: bool = False
    unsplit: bool = False


class Worker:
    """One estimator and the shard that it is at. Answers are a function of what is asked: what is kept between calls only saves time."""

    def open(self, setup: Setup) -> Failure | None:
        """Get ready; the reason where that cannot be."""
        try:
            self._open(setup)
        except LimbwiseError as error:
            return Failure(f"a worker on {platform.node()}: {error}", error.exit_code)
        return None

    def _open(self, setup: Setup) -> None:
        if setup.version != __version__:
            raise LimbwiseError(f"has limbwise {__version__}, not {setup.version}; install the same one everywhere")
        with suppress(OSError):  # without it, files by relative paths are missing, and each says so
            os.chdir(setup.folder)
        self._setup = setup
        self._steps: Iterator[Step] = iter(())
        self._at: tuple[Shard, int] | None = None
        self._estimator = open_estimator(setup.model, setup.parts, decode=setup.decode)
        if sha256(self._estimator.path) != setup.model_hash:
            raise LimbwiseError(f"{self._estimator.path}: is another file than on the machine that asks; copy it there")
        if setup.refine is not None:
            self._estimator.refiner = Refiner(setup.refine, engine=setup.model.engine, run=setup.model.run)

    def look(self, shard: Shard, after: int) -> bytes | Failure:
        """The next few steps of a shard after its first `after`: a pickled Answer."""
        if self._at != (shard, after):
            self.close()
            self._steps = self._begin(self._estimator, shard, after)
        maps = self._setup.wanted.maps
        count = CHUNK_WITH_MAPS if maps else CHUNK
        found: list[Found] = []
        try:
            found.extend(to_found(step, maps) for step in islice(self._steps, count))
        except Unsplit:
            answer = Answer(found, unsplit=True)
        except LimbwiseError as error:
            return Failure(str(error), error.exit_code)
        else:
            answer = Answer(found, done=len(found) < count)
        self._at = None if answer.done or answer.unsplit else (shard, after + len(found))
        return pickle.dumps(answer)

    def _begin(self, estimator: Estimator, shard: Shard, after: int) -> Iterator[Step]:
        return look_steps(estimator, read_shard(shard, self._setup.cut, after), self._setup.wanted)

    def close(self) -> None:
        """Leave the shard that is under way."""
        self._at = None
        close = getattr(self._steps, "close", None)
        if close is not None:
            close()


def on_threads(model: ModelOptions, cores: int) -> ModelOptions:
    """The options with the threads of a worker: those that the user chose, else one a core of it."""
    return model if model.threads else replace(model, threads=cores)
