"""Flags made from dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from limbwise.cli.flags import flagged
from limbwise.errors import UsageError
from limbwise.fields import Given


@dataclass(frozen=True)
class Taste:
    """How it tastes.

    More words.
    """

    salt: float = field(default=0.5, metadata={"help": "pinches"})
    kind: Literal["sweet", "sour"] = field(default="sweet", metadata={"help": "which"})
    hot: bool = field(default=False, metadata={"help": "burns"})
    fresh: bool = field(default=True, metadata={"help": "of today"})
    path: Path | None = field(default=None, metadata={"help": "recipe"})
    count: int | None = field(default=None, metadata={"help": "pieces"})
    hidden: tuple[int, ...] = (1, 2)

    def __post_init__(self) -> None:
        if self.salt < 0:
            raise ValueError("salt: must not be negative")


def app(seen: list[object]) -> typer.Typer:
    def cook(name: str, taste: Taste, size: Annotated[int, typer.Option(help="cm")] = 3) -> None:
        """Cook it."""
        seen.extend([name, taste, size])

    made = typer.Typer()
    made.command()(flagged(cook))
    return made


def run(*arguments: str) -> list[object]:
    seen: list[object] = []
    result = CliRunner().invoke(app(seen), arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen


def test_defaults_and_values() -> None:
    assert run("soup") == ["soup", Taste(), 3]
    given = run(
        "soup",
        "--salt",
        "0.25",
        "--kind",
        "sour",
        "--hot",
        "--no-fresh",
        "--path",
        "a/b",
        "--count",
        "4",
        "--size",
        "9",
    )
    assert given == ["soup", Taste(0.25, "sour", True, False, Path("a/b"), 4), 9]


def test_help_has_a_heading_and_only_what_has_a_text() -> None:
    text = CliRunner().invoke(app([]), ["--help"], env={"COLUMNS": "120"}).output
    assert "How it tastes" in text
    assert "pinches" in text
    assert "hidden" not in text


def test_what_the_dataclass_refuses_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="salt"):
        CliRunner().invoke(app([]), ["soup", "--salt=-1"], catch_exceptions=False)
    assert CliRunner().invoke(app([]), ["soup", "--kind", "bitter"]).exit_code == 2


def test_only_what_was_given() -> None:
    seen: list[object] = []

    def cook(name: str, taste: Given[Taste]) -> None:
        seen.append(taste)

    made = typer.Typer()
    made.command()(flagged(cook))
    for words in (["soup"], ["soup", "--salt", "0.5", "--no-fresh"], ["soup", "--hot", "--kind", "sour"]):
        assert CliRunner().invoke(made, words, catch_exceptions=False).exit_code == 0
    assert seen == [{}, {"salt": 0.5, "fresh": False}, {"hot": True, "kind": "sour"}]
    with pytest.raises(UsageError, match="salt"):
        CliRunner().invoke(made, ["soup", "--salt=-1"], catch_exceptions=False)
    assert "the model's, or 0.5" in " ".join(
        CliRunner().invoke(made, ["--help"], env={"COLUMNS": "200"}).output.split()
    )
