"""Checkpoints: everything that a run needs to go on to the bit, written whole or not at all.

A folder `checkpoints/` holds the newest few, `step-00001234.pt`, and the best, `best.pt`. They hold tensors, numbers and texts only
and are read as such, so a foreign checkpoint cannot run code.
"""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from limbwise.errors import InputError
from limbwise.fields import build
from limbwise.files import whole_file
from limbwise.net.blocks import Residual
from limbwise.train.loop import Run
from limbwise.train.recipe import Recipe

PATTERN = "step-*.pt"
BACKBONE = "backbone."


def state_of(run: Run) -> dict[str, Any]:
    """All that changes while a run trains, and its recipe."""
    state = {"net": run.net.state_dict(), "ema": run.ema.net.state_dict(), "optimiser": run.optimiser.state_dict(),
             "random": torch.get_rng_state(), "recipe": json.dumps(asdict(run.recipe))}  # fmt: skip
    if run.world.device.type == "cuda":
        state["random_gpu"] = torch.cuda.get_rng_state(run.world.device)
    return {
        **state,
        "step": run.step,
        "seen": run.seen,
        "skipped": run.skipped,
        "best": run.best,
        "recent": list(run.recent),
    }


def restore(run: Run, state: dict[str, Any]) -> None:
    """Put a state into a run; what its recipe says of rates, decay and frozen groups holds, not what the state remembers. Raises
    InputError where the networks differ."""
    load_weights(run.net, state["net"], "checkpoint")
    load_weights(run.ema.net, state["ema"], "checkpoint")
    asked = [{name: value for name, value in group.items() if name != "params"} for group in run.optimiser.param_groups]
    try:
        run.optimiser.load_state_dict(state["optimiser"])
    except ValueError as error:
        raise InputError(f"checkpoint: its optimiser does not fit the recipe ({error})") from error
    for group, options in zip(run.optimiser.param_groups, asked, strict=True):
        group.update(options)
    torch.set_rng_state(state["random"].cpu())
    if run.world.device.type == "cuda" and "random_gpu" in state:
        torch.cuda.set_rng_state(state["random_gpu"].cpu(), run.world.device)
    run.step, run.seen, run.skipped, run.best = state["step"], state["seen"], state["skipped"], state["best"]
    run.recent.extend(state["recent"])


def load_weights(net: nn.Module, weights: dict[str, Tensor], where: str | Path) -> None:
    """Weights by name into a network, of a backbone alone (all under `backbone.`) into its own; raises InputError that names the
    first that does not fit.

    A residual block that a file lacks wholly stays as the network has it: new ones begin as nothing, so that weights of before a
    network grew give the maps that they gave.
    """
    mine = net.state_dict()
    if weights and all(name.startswith(BACKBONE) for name in weights):
        mine = {name: value for name, value in mine.items() if name.startswith(BACKBONE)}
    lacking = _lacking(net, weights)
    for name in sorted(mine.keys() | weights.keys()):
        if name.startswith(lacking):
            continue
        if name not in mine or name not in weights or mine[name].shape != weights[name].shape:
            shapes = [str(tuple(w[name].shape)) if name in w else "none" for w in (mine, weights)]
            raise InputError(f"{where}: {name}: the network has {shapes[0]}, the file has {shapes[1]}")
    net.load_state_dict(net.state_dict() | weights)


def _lacking(net: nn.Module, weights: dict[str, Tensor]) -> tuple[str, ...]:
    """What the names of a network's residual blocks begin with of which `weights` have nothing."""
    blocks = (f"{name}." for name, module in net.named_modules() if isinstance(module, Residual))
    return tuple(block for block in blocks if not any(name.startswith(block) for name in weights))


def save(run: Run, folder: Path, name: str | None = None, keep: int = 3) -> Path:
    """Write the run to `folder` as `name` or by its step; of those by step the newest `keep` stay."""
    path = folder / (name or f"step-{run.step:08d}.pt")
    with whole_file(path) as part:
        part.write_bytes(packed(state_of(run)))
    for old in sorted(folder.glob(PATTERN))[:-keep]:
        if old != path:
            old.unlink(missing_ok=True)
    return path


def packed(state: dict[str, Any]) -> memoryview:
    """The bytes of a state as torch keeps it. Not by torch's own file: of a full disk it says that it has a bug, and it keeps its name
    inside, so that no two are the same."""
    data = io.BytesIO()
    torch.save(state, data)
    return data.getbuffer()


def write_half(weights: dict[str, Tensor], path: Path) -> None:
    """Weights in half precision (counts as they are), in a file whose bytes follow from them alone."""
    half = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    with whole_file(path) as part:
        part.write_bytes(packed(half))


def read(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """A checkpoint's state; raises InputError where it is missing or no checkpoint."""
    state = _load(path, device)
    if not {"net", "ema", "recipe", "step"} <= state.keys():
        raise InputError(f"{path}: not a checkpoint of limbwise")
    return state


def mean_weights(path: Path) -> dict[str, Tensor]:
    """The mean weights in a checkpoint or in a weights.pt; raises InputError where the file is missing or neither."""
    state = _load(path, "cpu")
    weights: dict[str, Tensor] = state.get("ema", state)
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f"{path}: holds no weights")
    return weights


def _load(path: Path, device: torch.device | str) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:
        raise InputError(f"{path}: not a checkpoint, or damaged") from error
    if not isinstance(state, dict):
        raise InputError(f"{path}: not a checkpoint of limbwise")
    return state


def newest(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The state of the newest checkpoint by step that can be read, or None where there is none; one that is damaged is passed over.
    Raises InputError where all are."""
    paths = sorted(folder.glob(PATTERN), reverse=True)
    for path in paths:
        try:
            return read(path, device)
        except InputError:
            continue
    if paths:
        raise InputError(
            f"{folder}: none of its checkpoints can be read ({paths[0].name} is the newest); copy them again, or train elsewhere"
        )
    return None


def recipe_of(state: dict[str, Any]) -> Recipe:
    """The recipe that a checkpoint was made by; raises InputError where this version cannot read it."""
    return build(Recipe, json.loads(state["recipe"]), "checkpoint")
