"""Command-line flags made from dataclasses, so that an option is written once: beside its user, with its help."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from limbwise.errors import UsageError
from limbwise.fields import Given


def flagged(function: Callable[..., None]) -> Callable[..., None]:
    """A function of dataclasses as one of their fields: each field that has a help text in its metadata becomes a flag.

    Where a parameter is `Given[dataclass]`, or Given of several (`Given[A | B]`), the function gets those fields only that were given
    on the command line; a field that several share is one flag.
    The flags of a dataclass stand under a heading of their own in --help. What a dataclass refuses (ValueError) is a UsageError.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, tuple[dict[str, type], bool]] = {}
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        partly = get_origin(kind) is Given
        if partly or (is_dataclass(kind) and isinstance(kind, type)):
            shown = {field.name: (field, of) for of in reversed(_kinds(kind)) for field in _shown(of)}
            groups[parameter.name] = {name: of for name, (_, of) in shown.items()}, partly
            parameters += [_flag(field, of, partly) for field, of in shown.values()]
        else:
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def call(**values: Any) -> None:
        for name, (owners, partly) in groups.items():
            given = {field: values.pop(field) for field in owners}
            if partly:
                given = {field: value for field, value in given.items() if value is not None}
            try:
                made = [of(**_own(given, of)) for of in set(owners.values())]
                values[name] = Given(given) if partly else made[0]
            except ValueError as error:
                raise UsageError(str(error)) from error
        function(**values)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _kinds(kind: Any) -> list[Any]:
    """The dataclasses of a parameter's type."""
    if get_origin(kind) is not Given:
        return [kind]
    (of,) = get_args(kind)
    return list(get_args(of)) or [of]


def _own(given: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Those of the given fields that a dataclass has."""
    return {field.name: given[field.name] for field in fields(kind) if field.name in given}


def _shown(kind: Any) -> list[Field[Any]]:
    return [field for field in fields(kind) if "help" in field.metadata]


def _flag(field: Field[Any], kind: type, partly: bool) -> inspect.Parameter:
    """One field as a keyword parameter that typer understands; None where it need not be given (`partly`) and was not."""
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    names = [f"--{field.name.replace('_', '-')}", *field.metadata.get("short", ())]
    if isinstance(default, bool):
        names[0] += f"/--no-{field.name.replace('_', '-')}" if default else ""
    heading = (kind.__doc__ or kind.__name__).strip().split("\n")[0].rstrip(".")
    hint: Any = get_type_hints(kind)[field.name]
    if partly and default is not None:
        option = typer.Option(
            *names, help=field.metadata["help"], rich_help_panel=heading, show_default=f"the model's, or {default}"
        )
        hint, default = hint | None, None
    else:
        option = typer.Option(*names, help=field.metadata["help"], rich_help_panel=heading)
    annotation: Any = Annotated[hint, option]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
