"""Every code block of the README and of the pages: run where it can be run, and otherwise at least meant."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from doc_blocks import DATA, MARK, PAGES, SHELL, Block, abbreviations, blocks, commands
from doc_server import Servers
from doc_shell import check, run
from doc_world import copy_of, make_world, meant, trained

ALL = [block for page in PAGES for block in blocks(page)]
NEEDS_A_RUN = {"export.md"}  # pages that begin where a training has ended
SERVE = re.compile(r"(?:[A-Z_]+=\S+ )*limbwise serve\b")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def servers() -> Iterator[Servers]:
    started = Servers()
    yield started
    started.stop()


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.where)
def test_a_block_can_be_meant(block: Block) -> None:
    """Python compiles, TOML and JSON parse, and every verb, option and field of a recipe exists."""
    assert block.language in SHELL | DATA | {"python"}, f"{block.where}: {block.language}?"
    if block.language == "python":
        compile(block.code, block.where, "exec")
    elif block.language == "toml":
        tomllib.loads(block.code)
    elif block.language == "json":
        json.loads(block.code)
    elif block.language in SHELL:
        for command in commands(block):
            for word, text in abbreviations(block.page).items():
                command = re.sub(rf"\b{word}\b", lambda _, text=text: text, command)
            check(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(
    page: Path, world: Path, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_page([block for block in blocks(page) if not block.slow], world, servers, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(b.slow for b in blocks(p))], ids=lambda page: page.name)
def test_the_slow_blocks_run_too(
    page: Path, world: Path, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_page(blocks(page), world, servers, tmp_path, monkeypatch)


def _run_page(shown: list[Block], world: Path, servers: Servers, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The blocks one after the other in one folder; those of Python share their names."""
    patch.chdir(copy_of(world, folder / "here"))
    patch.setenv("LIMBWISE_HOME", str(folder / "home"))
    if any(block.slow and block.page.name in NEEDS_A_RUN for block in shown):
        trained(Path())
    names: dict[str, object] = {"__name__": "page"}
    for block in (block for block in shown if block.runs):
        if block.language == "python":
            _run_python(block, names)
        elif block.language in SHELL:
            for command in (c for c in commands(block) if not block.skipped(c)):
                _run_command(block, meant(command), servers)


def _run_python(block: Block, names: dict[str, object]) -> None:
    try:
        with redirect_stdout(StringIO()):
            exec(compile(meant(block.code), block.where, "exec"), names)
    except Exception:
        pytest.fail(f"{block.where}: {traceback.format_exc()}")


def _run_command(block: Block, command: str, servers: Servers) -> None:
    try:
        if SERVE.match(command):
            settings = dict(re.findall(r"([A-Z_]+)=(\S+) ", command.partition("limbwise serve")[0]))
            servers.start(command[command.index("limbwise serve") :].rstrip("& "), {**os.environ, **settings})
        else:
            with redirect_stdout(StringIO()):
                run(command)
    except AssertionError as error:
        pytest.fail(f"{block.where}: {error}")


def test_what_is_not_run_says_why() -> None:
    """The marks are well-formed, name something that is there, and are not the rule."""
    for block in ALL:
        for words, why in block.left_out:
            assert len(why.split()) > 2, f"{block.where}: a reason, please"
            assert not words or any(words in command for command in commands(block)), (
                f"{block.where}: no command has {words!r}"
            )
    for page in PAGES:
        for comment in re.findall(r"^ *<!--.*?-->$", page.read_text(), re.MULTILINE):
            if "run" in comment.split()[1:3]:
                assert MARK.fullmatch(comment.strip()), f"{page.name}: {comment} is no mark"
    left_out = [block for block in ALL if not block.runs]
    print(
        f"{len(ALL)} blocks, {len(left_out)} not run:",
        *(f"{b.where} ({b.left_out[0][1]})" for b in left_out),
        sep="\n",
        file=sys.stderr,
    )
    assert len(left_out) < len(ALL) / 3
