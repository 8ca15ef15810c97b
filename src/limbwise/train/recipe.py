"""Recipe: all that decides a training run, as one frozen dataclass; presets are functions (presets.py); TOML files and --set change fields.

A recipe is written beside the weights as JSON (`write_recipe`), and read again from there (`read_recipe`).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from limbwise.errors import UsageError
from limbwise.fields import build, read_table
from limbwise.files import whole_file
from limbwise.train.losses import LossOptions
from limbwise.train.optimiser import OptimiserOptions, ScheduleOptions
from limbwise.train.samples import DataOptions


@dataclass(frozen=True)
class Stage:
    """A part of the run: its `share` of all steps, the `size` of its square inputs in pixels, and images in a `batch` over all
    processes. Small inputs first give several times more samples an hour."""

    share: float = 1.0
    size: int = 256
    batch: int = 16

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 8 or self.batch < 1 or self.share < 0:
            raise ValueError("size: a multiple of 8 from 32; batch: from 1; share: from 0")


@dataclass(frozen=True)
class Machine:
    """How the run uses the machine. None of it changes the result, but for `bf16` (autocast) and `compile` (torch.compile) and, in
    the last bits, `threads`: 0 takes all cores; on a machine shared with others 1 is often the fastest, since threads wait for each
    other. `workers`: processes that make batches, each up to `ahead` in advance; 0 for none. `device`: auto, cpu, cuda, cuda:1."""

    device: str = "auto"
    threads: int = 0
    workers: int = 1
    ahead: int = 4
    bf16: bool = False
    channels_last: bool = True
    compile: bool = False


@dataclass(frozen=True)
class Saving:
    """`minutes` between checkpoints, of which the newest `keep` stay; `validate_minutes` between validations (0: only at the
    end), of which the best stays as best.pt. `log_every` so many steps. `stop_minutes`: end early, saved, to be resumed (0: no)."""

    minutes: float = 5.0
    keep: int = 3
    validate_minutes: float = 30.0
    log_every: int = 20
    stop_minutes: float = 0.0

    def __post_init__(self) -> None:
        if self.keep < 1 or self.log_every < 1:
            raise ValueError("keep, log_every: from 1 on")


@dataclass(frozen=True)
class Recipe:
    """A training run.

    `network`: the preset's; `skeleton`: a name or the path of a TOML file, instead of the network's own; `steps` in all; `stages`
    of growing inputs; `ema` decay of the mean weights; `start`: a checkpoint or weights.pt that the run begins with; `on_bad_sample`: a
    damaged sample ends the run or is replaced and counted. `local_steps`: processes under torchrun learn each for itself, on its part
    of the batch, and take the mean of their weights after so many steps (local SGD, Stich 2019); 0: they share every gradient.
    """

    network: str
    steps: int = 100_000
    stages: tuple[Stage, ...] = (Stage(),)
    seed: int = 0
    start: str = ""
    data: DataOptions = field(default_factory=DataOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    optimiser: OptimiserOptions = field(default_factory=OptimiserOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    ema: float = 0.999
    machine: Machine = field(default_factory=Machine)
    saving: Saving = field(default_factory=Saving)
    on_bad_sample: Literal["stop", "skip"] = "stop"
    local_steps: int = 0
    skeleton: str = ""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError("steps: must be at least 1")
        if not self.stages or abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise ValueError("stages: their shares must sum to 1")
        if not 0 <= self.ema < 1:
            raise ValueError("ema: must lie between 0 and 1")
        if self.local_steps < 0:
            raise ValueError("local_steps: must not be negative")

    def stage(self, step: int) -> Stage:
        """The stage that a step belongs to."""
        passed = 0.0
        for stage in self.stages:
            passed += stage.share
            if step < round(passed * self.steps):
                return stage
        return self.stages[-1]


def changed(recipe: Recipe, file: str | Path | None = None, sets: Iterable[str] = ()) -> Recipe:
    """The recipe with the fields of a TOML file and then those of `sets` ("optimiser.rate=1e-3") put in.

    Raises InputError or UsageError that names the file or the --set, and the field.
    """
    if file is not None:
        recipe = _with(recipe, _without_facts(read_table(file)), str(file))
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: expected name=value")
        table: Any = _value(value.strip())
        for step in reversed(name.strip().split(".")):
            table = {step: table}
        recipe = _with(recipe, table, f"--set {text}")
    return recipe


def _value(text: str) -> Any:
    """A value as TOML has it (1e-3, true, [1, 2], "a"); anything else is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _with(recipe: Recipe, table: Mapping[str, Any], where: str) -> Recipe:
    return build(Recipe, _merged(asdict(recipe), table, Recipe, where), where)


def _merged(base: dict[str, Any], table: Mapping[str, Any], kind: Any, where: str, above: str = "") -> dict[str, Any]:
    """`base` with the fields of `table`; a table within is merged where the field is a dataclass. Unknown names are refused."""
    hints = get_type_hints(kind)
    for name, value in table.items():
        if name not in hints:
            raise UsageError(f"{where}: {above}{name} is unknown; there are {', '.join(f.name for f in fields(kind))}")
        inner = next((t for t in (hints[name], *get_args(hints[name])) if is_dataclass(t)), None)
        if isinstance(value, Mapping) and inner is not None and isinstance(base[name], dict):
            value = _merged(base[name], value, inner, where, f"{above}{name}.")
        elif isinstance(value, Mapping) and isinstance(base[name], dict):
            value = {**base[name], **value}
        base = {**base, name: value}
    return base


def recipe_text(recipe: Recipe, **facts: Any) -> str:
    """The resolved recipe as JSON; `facts` (git commit, versions) go into it under "facts"."""
    return json.dumps({**asdict(recipe), **({"facts": facts} if facts else {})}, indent=1)


def write_recipe(recipe: Recipe, path: Path, **facts: Any) -> None:
    """`recipe_text` into a file."""
    with whole_file(path) as part:
        part.write_text(recipe_text(recipe, **facts) + "\n", encoding="utf-8")


def read_recipe(path: Path) -> Recipe:
    """A recipe written by `write_recipe`; raises InputError that names the file and the field."""
    return build(Recipe, _without_facts(read_table(path)), path)


def _without_facts(table: dict[str, Any]) -> dict[str, Any]:
    """A table as it was asked for, without what a run adds to it."""
    return {name: value for name, value in table.items() if name != "facts"}


def differing(recipe: Recipe, other: Recipe) -> list[str]:
    """Names of the fields in which two recipes differ, as --set has them; those of machine and saving, which change no result, left out."""
    one, two = _flat(asdict(recipe)), _flat(asdict(other))
    names = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    return [name for name in names if not name.startswith(("machine.", "saving."))]


def _flat(table: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {above + name: value}
    return flat
