"""Weights of any system as arrays by name, and putting them into a network of ours with nothing missing and nothing left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from limbwise.errors import InputError
from limbwise.files import whole_file

# By "LAYER.weight", "LAYER.bias" and so on; convolutions (out, in, height, width), as Caffe, Chainer and PyTorch have them all.
Weights = dict[str, npt.NDArray[Any]]

MOST_BYTES = 2**31  # no file of weights is larger; one that says so is damaged
LISTED = 12


def check_size(path: Path) -> None:
    """Raises InputError where a file is missing, empty or larger than any weights are."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not 0 < size < MOST_BYTES:
        raise InputError(f"{path}: {'the file is empty' if size == 0 else f'{size} bytes are too many for weights'}")


def load(
    net: nn.Module,
    weights: Weights,
    their_name: Callable[[str], str],
    where: str | Path,
    allow_missing: bool | None = None,
) -> list[str]:
    """Put weights into a network; `their_name` says what a parameter or norm statistic of ours is called among them.

    Returns the layers that are missing and stay as they are, which only `allow_missing` allows (None: no user can ask for it). Raises
    InputError that lists what is missing and what is left over, or names what has another shape or is no number.
    """
    state = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    names = {name: their_name(name) for name in state}
    missing = layers_of([theirs for theirs in names.values() if theirs not in weights])
    extra = layers_of([name for name in weights if name not in set(names.values())])
    if extra or (missing and not allow_missing):
        told = [f"{len(layers)} layer{'s'[: len(layers) != 1]} {kind}: {listed(layers)}"
                for kind, layers in (("missing", missing), ("left over", extra)) if layers]  # fmt: skip
        hint = "" if extra or allow_missing is None else " (--allow-missing leaves them random)"
        raise InputError(f"{where}: {'; '.join(told)}{hint}")
    found = {ours: as_tensor(weights[theirs], value, f"{where}: {theirs}")
             for ours, value in state.items() if (theirs := names[ours]) in weights}  # fmt: skip
    net.load_state_dict(found, strict=False)
    return missing


def as_tensor(array: npt.NDArray[Any], like: Tensor, where: str) -> Tensor:
    """An array as float32 of the shape of `like`; axes of length 1 do not count, since old Caffe gives every blob four."""
    long = [n for n in like.shape if n != 1]
    if [n for n in array.shape if n != 1] != long:
        raise InputError(f"{where}: its shape is {array.shape}, {tuple(like.shape)} is needed")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{where}: {array.dtype} are no weights")
    with np.errstate(over="ignore"):
        values = np.array(array, np.float32).reshape(like.shape)
    if not np.isfinite(values).all():
        raise InputError(f"{where}: not all of it are numbers")
    return torch.from_numpy(values)


def shape_of(weights: Mapping[str, npt.NDArray[Any]], name: str, axes: int, where: str | Path) -> tuple[int, ...]:
    """The shape of a weight; raises InputError where it is missing or has other than `axes` axes."""
    if name not in weights:
        raise InputError(f"{where}: {name} is missing")
    shape = weights[name].shape
    if len(shape) != axes or 0 in shape:
        raise InputError(f"{where}: {name}: {axes} axes are expected, its shape is {shape}")
    return shape


def layers_of(names: Sequence[str]) -> list[str]:
    """The layers of weights, each once, in their order."""
    return list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))


def listed(names: Sequence[str]) -> str:
    """Names for people: the first dozen, and how many more."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def save(net: nn.Module, path: Path, prefix: str = "") -> None:
    """A network's weights as a state dict, `prefix` before each name."""
    with whole_file(path) as part:
        torch.save({prefix + name: value for name, value in net.state_dict().items()}, part)
