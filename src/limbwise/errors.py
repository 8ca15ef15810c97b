"""Every exception of limbwise, as a tree, with the exit code that the command line gives for it.

    LimbwiseError           1   something failed; base of all
    ├── MissingExtra        1   an optional dependency is not installed; the message names the extra
    ├── UsageError          2   a call or an option that cannot be meant
    ├── InputError          3   a file, folder, stream or camera could not be read, or holds nonsense
    │   └── WeightsError    1   weights of another system that are damaged, or fit none of our networks
    ├── ModelMissing        4   a model was asked for that is not there
    └── HashMismatch        5   a file is not what its hash says

Messages are one line for people: the file, what is wrong, what to do.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class LimbwiseError(Exception):
    """Base of all errors that limbwise raises on purpose."""

    exit_code = 1


class MissingExtra(LimbwiseError):
    """An optional dependency is not installed; names the extra that brings it."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed; run: pip install 'limbwise[{extra}]'")


class UsageError(LimbwiseError):
    """A call or an option that cannot be meant."""

    exit_code = 2


class InputError(LimbwiseError):
    """A file, folder, stream or camera could not be read, or holds nonsense."""

    exit_code = 3


class WeightsError(InputError):
    """Weights of another system that are damaged, or fit none of our networks."""

    exit_code = 1


class ModelMissing(LimbwiseError):
    """A model was asked for that is not there."""

    exit_code = 4


class HashMismatch(LimbwiseError):
    """A file is not what its hash says."""

    exit_code = 5


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency where it is used; raises MissingExtra that names the extra."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(module.partition(".")[0], extra) from error
