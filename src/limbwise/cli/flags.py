"""Command-line flags made from dataclasses, so that an option is written once: beside its user, with its help."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

from limbwise.errors import UsageError


def flagged(function: Callable[..., None]) -> Callable[..., None]:
    """A function of dataclasses as one of their fields: each field that has a help text in its metadata becomes a flag.

    The flags of a dataclass stand under a heading of their own in --help. What a dataclass refuses (ValueError) is a UsageError.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type] = {}
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind) and isinstance(kind, type):
            groups[parameter.name] = kind
            parameters += [_flag(field, kind) for field in _shown(kind)]
        else:
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def call(**values: Any) -> None:
        for name, kind in groups.items():
            given = {field.name: values.pop(field.name) for field in _shown(kind)}
            try:
                values[name] = kind(**given)
            except ValueError as error:
                raise UsageError(str(error)) from error
        function(**values)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _shown(kind: Any) -> list[Field[Any]]:
    return [field for field in fields(kind) if "help" in field.metadata]


def _flag(field: Field[Any], kind: type) -> inspect.Parameter:
    """One field as a keyword parameter that typer understands."""
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    names = [f"--{field.name.replace('_', '-')}", *field.metadata.get("short", ())]
    if isinstance(default, bool):
        names[0] += f"/--no-{field.name.replace('_', '-')}" if default else ""
    heading = (kind.__doc__ or kind.__name__).strip().split("\n")[0].rstrip(".")
    option = typer.Option(*names, help=field.metadata["help"], rich_help_panel=heading)
    annotation: Any = Annotated[get_type_hints(kind)[field.name], option]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
