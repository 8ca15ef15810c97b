"""Compiled functions whose machine code is kept on disk, so that a second start does not compile again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` compiled by numba when it is first called.

    The code is kept beside the package, or in the user's cache where that folder cannot be written, or not at all where neither can
    be (numba alone refuses to start then). It runs without Python's lock, beside other stages.
    """
    try:
        return cast(Function, njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast(Function, njit(nogil=True)(function))
