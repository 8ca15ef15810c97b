"""Options as fields of frozen dataclasses, and tables from TOML and JSON files to them, with errors that name file and field."""

from __future__ import annotations

import json
import tomllib
from dataclasses import field
from pathlib import Path
from typing import Any, Generic, TypeVar

from limbwise.errors import InputError

T = TypeVar("T")


def option(default: Any, help: str) -> Any:
    """A field of a dataclass of options, with the text that the command line shows for the flag that it makes of it."""
    return field(default=default, metadata={"help": help})


def read_table(path: str | Path) -> dict[str, Any]:
    """The table in a .toml or .json file; raises InputError where it is unreadable or not a table."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a mark before the text
        table = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad TOML and bad JSON are all ValueErrors
        raise InputError(f"{path}: not valid {path.suffix.lower().lstrip('.') or 'JSON'} ({error})") from error
    if not isinstance(table, dict):
        raise InputError(f"{path}: a table is expected, not a {type(table).__name__}")
    return table


class Given(dict[str, Any], Generic[T]):
    """Those fields of options `T` that a user gave, by name; where the rest comes from is for the receiver to say."""


def build(kind: type[T], table: dict[str, Any], where: str | Path) -> T:
    """`table` as the dataclass `kind`, types checked, nothing unknown allowed; raises InputError that names `where` and the field."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

    if not hasattr(kind, "__pydantic_config__"):
        with_config(ConfigDict(extra="forbid"))(kind)
    try:
        return TypeAdapter(kind).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "table"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{where}: {field}: {first['msg'].removeprefix('Value error, ')}{more}") from error
