"""The house, one line a file, from the first sentences of the modules themselves.

`python scripts/tree.py --write` puts it into the README.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "limbwise"
BEGIN, END = "<!-- tree -->", "<!-- /tree -->"
ROOMS = {
    "media": "where pixels come from and go to",
    "engine": "a network file in, arrays out; one method",
    "decode": "fields -> people (numba)",
    "track": "people a frame -> people with ids",
    "draw": "people and fields -> pixels",
    "write": "people -> files and back",
    "data": "annotation files -> samples",
    "augment": "sample -> sample",
    "target": "sample + spec -> training arrays; the inverse of decode/",
    "net": "one architecture a file (torch)",
    "metric": "people and truth -> numbers",
    "estimate": "image -> people",
    "train": "recipes, batches, losses, loop (torch)",
    "convert": "foreign weights -> ours (torch)",
    "export": "ours -> files for engines (torch)",
    "evaluate": "data x estimator x metric -> a table",
    "cli": "one file a verb",
    "web": "server and page",
    "models": "the models that come along: weights and specs",
}
FLOORS = (
    ("words: know nothing but each other", ()),
    ("stages: one step each, blind to each other", ("media", "engine", "decode", "track", "draw", "write", "data", "augment",
                                                    "target", "net", "metric")),
    ("pipelines: stages put together", ("estimate", "train", "convert", "export", "evaluate")),
    ("doors", ("cli", "web", "models")),
)  # fmt: skip


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, without the name of the thing it begins with."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
    first = re.split(r"(?<=[^.])[.;](?:\s|$)", text, maxsplit=1)[0]
    return re.sub(r"^[A-Z]\w*: ", "", first)


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if path.name not in {"__init__.py", "__main__.py"}]


def tree() -> str:
    """The annotated tree as text."""
    lines = ["src/limbwise/"]
    for title, rooms in FLOORS:
        lines.append(f"│ ── {title}")
        if not rooms:
            lines += [f"├── {path.name:<16} {sentence(path)}" for path in files(PACKAGE)]
        for room in rooms:
            if (inside := files(PACKAGE / room)) or any((PACKAGE / room).glob("*.*")):
                lines.append(f"├── {room + '/':<16} {ROOMS[room]}")
                lines += [f"│   ├── {path.name:<16} {sentence(path)}" for path in inside]
    return "\n".join(lines)


def with_tree(readme: str) -> str:
    """The README's text with the tree of today."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n```\n{tree()}\n```\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        (ROOT / "README.md").write_text(with_tree((ROOT / "README.md").read_text()))
    else:
        print(tree())
