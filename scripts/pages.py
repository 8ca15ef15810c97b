"""Pages of the documentation that are made when it is built (a hook of MkDocs, see mkdocs.yml).

The reference has a page a room, from the docstrings; the command line a page from its own flags; each notebook becomes a page. Links of
the pages to files of the repository (`../src/limbwise/decode/peaks.py`) work in a checkout, and lead to the reference on the site.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))  # a hook is loaded by its path, its neighbours are not

from tree import FLOORS, PACKAGE, ROOMS, sentence  # noqa: E402
from tree import files as modules  # noqa: E402

WORDS = "words"
SOURCE = re.compile(r"\]\(\.\./src/limbwise/([\w/]+?)(?:\.py|/)\)")
NOTEBOOK = re.compile(r"\]\(\.\./notebooks/(\w+)\.ipynb\)")


def on_config(config: Any) -> Any:
    """The made pages get their places in the navigation."""
    config.nav.insert(-1, {"Notebooks": [{title(path): f"notebooks/{path.stem}.md"} for path in notebooks()]})
    reference: list[Any] = ["api.md", {"Command line": "reference/command_line.md"}]
    reference += [{name: f"reference/{name}.md"} for name in rooms()]
    config.nav.append({"Reference": reference})
    return config


def on_files(made: Files, config: Any) -> Files:
    """The made pages join the written ones."""
    pages = {f"reference/{name}.md": room_page(name) for name in rooms()}
    pages["reference/command_line.md"] = command_page()
    pages |= {f"notebooks/{path.stem}.md": notebook_page(path) for path in notebooks()}
    for name, text in pages.items():
        made.append(File.generated(config, name, content=text))
    return made


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the package lead to their places in the reference, links to notebooks to their pages."""
    return NOTEBOOK.sub(r"](notebooks/\1.md)", SOURCE.sub(lambda found: f"]({_place(found[1])})", markdown))


def _place(name: str) -> str:
    """Where the reference has a module (`decode/peaks`) or a room (`decode`)."""
    room, _, module = name.rpartition("/")
    if (PACKAGE / name).is_dir():
        return f"reference/{name}.md"
    return f"reference/{room or WORDS}.md#{'.'.join(('limbwise', *filter(None, (room, module))))}"


def rooms() -> list[str]:
    """The words, then every room that has files, in the order of the house."""
    return [WORDS, *(name for _, names in FLOORS for name in names if files_of(name))]


def files_of(room: str) -> list[Path]:
    return modules(PACKAGE if room == WORDS else PACKAGE / room)


def room_page(room: str) -> str:
    """A page of the reference: what its files are, then all their public names."""
    what = "know nothing but each other" if room == WORDS else ROOMS[room]
    names = {path: ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files_of(room)}
    lines = [f"# {room}", "", f"{_capital(what).replace('->', '→')}.", "", "| file | |", "| --- | --- |"]
    lines += [f"| [{path.name}](#{name}) | {_cell(_capital(sentence(path)))} |" for path, name in names.items()]
    return "\n".join(lines + [f"\n::: {name}\n" for name in names.values()])


def notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def title(notebook: Path) -> str:
    """The first heading of a notebook."""
    return next(line for line in _text(_cells(notebook)[0]).splitlines() if line.startswith("# "))[2:]


def _cells(notebook: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    return cells


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def notebook_page(notebook: Path) -> str:
    """A notebook as a page: its text, its code, and what it put out when it was run last."""
    parts = []
    for cell in _cells(notebook):
        parts.append(_text(cell) if cell["cell_type"] == "markdown" else f"```python\n{_text(cell)}\n```")
        parts += [shown for output in cell.get("outputs", ()) if (shown := _shown(output))]
    where = f"The notebook itself: `notebooks/{notebook.name}`."
    return "\n\n".join([parts[0], where, *parts[1:]])


def _shown(output: dict[str, Any]) -> str:
    """One output of a cell, as a picture or as text."""
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<img alt="output of the cell above" src="data:{kind};base64,{"".join(data[kind]).strip()}">'
    if "text/html" in data:
        return "".join(data["text/html"])
    text = "".join(output.get("text", "")) or "".join(data.get("text/plain", ""))
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


def command_page() -> str:
    """Every verb with its arguments and flags, from the command line itself."""
    import typer

    from limbwise.cli.verbs import app

    verbs = sorted(_verbs(typer.main.get_command(app), "limbwise"))
    parts = [
        "# Command line\n\n`limbwise VERB --help` says the same; `--debug` anywhere shows the traceback of an error. "
        "What exit codes mean: [when something goes wrong](../index.md#when-something-goes-wrong)."
    ]
    shown: dict[tuple[str, ...], str] = {}  # verbs by their flags: recipes all have the same
    for name, command in verbs:
        first = shown.setdefault(tuple(flag for parameter in command.params for flag in (*parameter.opts, "")), name)
        parts.append(_verb(name, command) if first == name else f"## {name}\n\n{command.help} Flags as of `{first}`.")
    return "\n\n".join(parts)


def _verbs(command: Any, name: str) -> list[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(name, command)]
    return [verb for key, value in inner.items() for verb in _verbs(value, f"{name} {key}")]


def _verb(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    lines = [
        f"## {name}",
        "",
        (command.help or "").strip(),
        "",
        "```text",
        f"{name} {_usage(arguments)} [OPTIONS]",
        "```",
    ]
    lines += [
        "",
        "| argument | |",
        "| --- | --- |",
        *(f"| `{_metavar(p)}` | {_cell(p.help or '')} |" for p in arguments),
    ]
    for panel in dict.fromkeys(_panel(p) for p in command.params if p not in arguments and p.name != "help"):
        lines += ["", f"**{panel}**", "", "| flag | default | |", "| --- | --- | --- |"]
        lines += [_row(p) for p in command.params if p not in arguments and p.name != "help" and _panel(p) == panel]
    return "\n".join(lines)


def _usage(arguments: list[Any]) -> str:
    return " ".join(_metavar(p) + ("..." if p.nargs == -1 else "") for p in arguments)


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper()


def _panel(parameter: Any) -> str:
    return getattr(parameter, "rich_help_panel", None) or "Options"


def _row(parameter: Any) -> str:
    names = " ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    given = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    shown = "" if given is None or given is False or callable(given) else f"{getattr(given, 'value', given)}"
    return f"| {names} | {_cell(shown)} | {_cell(parameter.help or '')} |"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cell(text: str) -> str:
    """Text in a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
