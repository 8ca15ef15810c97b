"""Commands of the documentation: whether they can be meant, and running them in this process where they are limbwise's."""

from __future__ import annotations

import ast
import logging
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from doc_blocks import ROOT

from limbwise.cli import main as door

# A run of a few steps of small images, so that a documented training begins, ends and leaves its files.
SHORT = ("steps=2", "stages=[{size=64,batch=2}]", "machine.workers=0", "machine.threads=1", "data.held_out=2", "data.validate_images=1",
         "schedule.warmup=1")  # fmt: skip
NO_RUN = {"plot", "pairwise"}  # verbs of `limbwise train` that train no network


def check(command: str) -> None:
    """Fail where a command cannot be meant: unknown verb or option, an extra, file or target that is not there, a field of no recipe."""
    words = _without_settings(shlex.split(command))
    if "-m" in words and words[words.index("-m") + 1] == "limbwise":
        words = ["limbwise", *words[words.index("-m") + 2 :]]
    program, rest = words[0], words[1:]
    if program == "limbwise":
        _check_limbwise(rest)
    elif program == "make":
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert set(rest) <= targets, f"{command}: the Makefile has {targets}"
    elif program == "pip":
        _check_extras(command)
    elif program == "python" and rest[0].endswith(".py"):
        _check_script(rest)
    elif program == "pytest":
        assert all((ROOT / word).exists() for word in rest if word.startswith("tests")), command


def _without_settings(words: list[str]) -> list[str]:
    """Without NAME=value in front."""
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return words


def _check_limbwise(words: list[str]) -> None:
    """Parse a command line as limbwise would, and build the recipe that it asks for."""
    from limbwise.cli.verbs import app

    words = [word for word in words if word != "--debug"]
    command, context = typer.main.get_command(app), None
    while hasattr(command, "commands"):
        if not words or words[0].startswith("-"):
            break
        assert words[0] in command.commands, f"no verb {words[0]!r}; there are {', '.join(command.commands)}"
        command, words = command.commands[words[0]], words[1:]
    if words in (["--help"], ["--version"]):
        return
    context = command.make_context("limbwise", list(words))  # raises where an option is unknown or a value is none
    if "sets" in context.params:
        from limbwise.train.presets import preset
        from limbwise.train.recipe import changed

        changed(preset(command.name), None, context.params["sets"] or ())


def _check_extras(command: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for names in re.findall(r"limbwise\[([\w,-]+)\]", command):
        assert set(names.split(",")) <= set(extras), f"{command}: pyproject.toml has {', '.join(extras)}"


def _check_script(words: list[str]) -> None:
    """A script of the repository, and every option in its own text."""
    path = ROOT / words[0]
    assert path.is_file(), f"{words[0]} is not there"
    texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    for option in (word.partition("=")[0] for word in words[1:] if word.startswith("--")):
        assert option in texts, f"{words[0]} has no {option}"


def run(command: str) -> None:
    """Run a command in the folder that we are in; fails where its exit code is not 0."""
    words = shlex.split(command)
    if words[0] == "limbwise" and not set("|><&;") & set(command):
        code = limbwise(shortened(words[1:]))
        assert code == 0, f"{command}: exit code {code}"
    elif words[0] in {"pip", "make", "docker", "torchrun", "pytest"}:
        raise AssertionError(f"{command}: cannot be run in a test; mark it as not run, and say why")
    else:
        path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            ["bash", "-euc", command], capture_output=True, text=True, timeout=60, env={"PATH": path, "HOME": "."}
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"


def limbwise(words: list[str]) -> int:
    """The exit code of the command line, in this process."""
    logging.disable(logging.INFO)  # pytest would format each of torch's thousands of debug messages
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["limbwise", *words])
        try:
            door()
        except SystemExit as ended:
            return int(ended.code or 0)
        finally:
            logging.disable(logging.NOTSET)
    return 0


def shortened(words: list[str]) -> list[str]:
    """A training for two steps; anything else as it is."""
    if words[0] == "train" and words[1] not in NO_RUN and "--show" not in words:
        return [*words, *(word for field in SHORT for word in ("--set", field))]
    return words
