"""The documentation as a website: it builds without a warning, loads nothing from another host, and its measured figures are measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from doc_blocks import PAGES, ROOT

LOADED = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}
NO_RESOURCE = {"canonical", "next", "prev", "alternate"}  # rel of links that only point somewhere
FOREIGN = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
FIGURE = re.compile(r"(?P<shown>[\d.,]+)<!-- (?P<file>[\w-]+) (?P<path>[\w., -]+?)(?: /(?P<by>\d+))? -->")


class Resources(HTMLParser):
    """What a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and (given.get("rel") or "") not in NO_RESOURCE:
            self.found.append(given.get(LOADED[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning ends the build."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    made = [f"reference/{room}.html" for room in ("words", "decode", "command_line")]
    made += [f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")]
    for name in [*(f"{path.stem}.html" for path in PAGES[1:]), *made]:
        assert (site / name).stat().st_size > 5_000, name


def test_nothing_comes_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        reader = Resources()
        reader.feed(page.read_text())
        assert reader.found
        for resource in reader.found:
            assert not FOREIGN.match(resource), f"{page.name} loads {resource}"
            if resource and not resource.startswith(("data:", "#")):
                there = page.parent / resource.partition("?")[0].partition("#")[0]
                assert there.resolve().exists() or page.name == "404.html", resource
    for sheet in site.rglob("*.css"):
        for resource in re.findall(r"(?:url\(|@import\s+)['\"]?([^'\")]+)", sheet.read_text()):
            assert not FOREIGN.match(resource), f"{sheet.name} loads {resource}"


def test_links_into_the_code_lead_to_its_reference(site: Path) -> None:
    """The places that pages link to are there; MkDocs does not look at those that are made late."""
    wanted = set()
    for page in site.glob("*.html"):
        wanted |= set(re.findall(r'href="(reference/\w+\.html)#([\w.]+)"', page.read_text()))
    assert len(wanted) > 50
    for page_name, anchor in wanted:
        assert f'id="{anchor}"' in (site / page_name).read_text(), f"{page_name} has no {anchor}"


def test_links_into_the_repository_exist() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((\.\./[\w/.-]+|(?:docs|src|notebooks)/[\w/.-]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if FIGURE.search(page.read_text())], ids=lambda page: page.name
)
def test_a_figure_is_what_was_measured(page: Path) -> None:
    """`0.902<!-- decoder results.0.ap -->` is in benchmarks/results/decoder.json, to as many places; `/1000` divides."""
    for found in FIGURE.finditer(page.read_text()):
        table = json.loads((ROOT / "benchmarks" / "results" / f"{found['file']}.json").read_text())
        value = _at(table, found["path"]) / float(found["by"] or 1)
        shown = found["shown"].replace(",", "")
        places = len(shown.partition(".")[2])
        assert f"{value:.{places}f}" == shown, f"{page.name}: {found[0]}, but {value} was measured"


def _at(table: Any, path: str) -> float:
    for step in path.split("."):
        table = table[int(step)] if isinstance(table, list) else table[step]
    return float(table)
