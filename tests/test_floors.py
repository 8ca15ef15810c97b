"""The floors of the house: imports go down only, stages do not know each other, torch stays in its rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "limbwise"
FLOORS = (
    set("skeleton skeletons people sample spec geometry similarity errors fields files npz checked compiled".split()),
    set("media engine decode track draw write data augment target net metric".split()),
    set("estimate train convert export evaluate".split()),
    set("cli web models __init__ __main__".split()),
)
TORCH_ROOMS = {"engine/pytorch.py", "engine/onnx_graph.py", "engine/onnx_node.py", "engine/onnx_resize.py"}
TORCH_FOLDERS = {"net", "train", "convert", "export"}
# people.save(...) is a public name of the result type; it alone reaches up, when called (design.md, public names).
REACHES_UP = {("people.py", "write")}
FILES = sorted(PACKAGE.rglob("*.py"))


def floor(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, anywhere in it, also through importlib with a literal name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"require", "import_module"} and node.args:
            yield str(getattr(node.args[0], "value", ""))


def rooms(path: Path) -> set[str]:
    """Rooms of the house that a file imports from."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("limbwise.")}
    return {name for name in names if any(name in level for level in FLOORS)}


def own_room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    own, name = own_room(path), str(path.relative_to(PACKAGE))
    for room in rooms(path) - {own}:
        if (name, room) in REACHES_UP:
            continue
        same_word_floor = floor(own) == 0 == floor(room)
        doors = floor(own) == 3 and floor(room) == 3
        assert floor(room) < floor(own) or same_word_floor or doors, f"{name} must not import {room}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_in_its_rooms(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    if own_room(path) in TORCH_FOLDERS or name in TORCH_ROOMS:
        return
    assert not any(module.split(".")[0] == "torch" for module in imported(path)), f"{name} must not import torch"


def test_no_room_without_a_subject() -> None:
    names = {part for path in FILES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert not names & {"utils", "util", "misc", "common", "helpers", "helper"}
    assert {own_room(path) for path in FILES} <= set().union(*FLOORS)


def test_words_do_not_know_each_other_in_circles() -> None:
    edges = {own_room(path): rooms(path) & FLOORS[0] - {own_room(path)} for path in FILES if floor(own_room(path)) == 0}
    while edges:
        free = [name for name, needs in edges.items() if not needs & edges.keys()]
        assert free, f"a circle among {sorted(edges)}"
        edges = {name: needs for name, needs in edges.items() if name not in free}
