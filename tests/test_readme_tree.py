"""The README's annotated tree is the tree on the disk, one line a file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_readme_shows_the_house_as_it_is() -> None:
    place = importlib.util.spec_from_file_location("tree", ROOT / "scripts" / "tree.py")
    assert place is not None
    assert place.loader is not None
    tree = importlib.util.module_from_spec(place)
    place.loader.exec_module(tree)
    readme = (ROOT / "README.md").read_text()
    assert tree.BEGIN in readme
    assert tree.with_tree(readme) == readme, "run: python scripts/tree.py --write"
    for line in tree.tree().splitlines():
        assert len(line) < 160, f"a file that needs more than a line does too much: {line}"
    for path in tree.PACKAGE.rglob("*.py"):
        assert path.name in {"__init__.py", "__main__.py"} or tree.sentence(path), f"{path}: says nothing of itself"
