"""Code blocks of Markdown files, with the marks in the lines above them.

`<!-- not run: WHY -->` above a block: none of it is run. `<!-- not run [WORDS]: WHY -->`: those of its commands that hold WORDS are
not. `<!-- slow: WHY -->`: only by `make test-slow`. A mark needs a reason.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
MARK = re.compile(r"<!-- (?P<kind>not run|slow)(?: \[(?P<words>[^\]]+)\])?: (?P<why>[^>]+) -->")
SHELL = {"", "sh", "bash", "shell", "console"}
DATA = {"text", "toml", "json", "yaml", "dockerfile", "html", "js", "ini", "nginx", "diff"}
TREE = "src/limbwise/\n"  # of the README, made by scripts/tree.py


@dataclass(frozen=True)
class Block:
    """`where`: page and line. `left_out`: words and reason of each mark, words empty for the whole block."""

    page: Path
    line: int
    language: str
    code: str
    left_out: tuple[tuple[str, str], ...]
    slow: bool

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def runs(self) -> bool:
        """Whether any of it is run."""
        return all(words for words, _ in self.left_out)

    def skipped(self, command: str) -> bool:
        """Whether one of its commands is not run."""
        return any(words in command for words, _ in self.left_out)


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    return [_block(page, text, found) for found in FENCE.finditer(text) if not found["code"].startswith(TREE)]


def _block(page: Path, text: str, found: re.Match[str]) -> Block:
    above = text[: found.start()].rstrip().splitlines()
    marks = []
    while above and (mark := MARK.fullmatch(above[-1].strip())):
        marks.append(mark)
        above.pop()
    left_out = tuple((mark["words"] or "", mark["why"]) for mark in marks if mark["kind"] == "not run")
    slow = any(mark["kind"] == "slow" for mark in marks)
    line = text[: found.start()].count("\n") + 1
    return Block(page, line, found["language"], textwrap.dedent(found["code"]), left_out, slow)


def commands(block: Block) -> list[str]:
    """The commands of a shell block: continued lines joined, comments and prompts left out."""
    lines = block.code.replace("\\\n", " ").splitlines()
    bare = [re.sub(r"(^|\s)#\s.*$", "", line.removeprefix("$ ")).strip() for line in lines]
    return [" ".join(line.split()) if "'" not in line and '"' not in line else line for line in bare if line]


def abbreviations(page: Path) -> dict[str, str]:
    """Words that a page says another text stands for: `LOCAL` stands for `torchrun ...`."""
    return {
        word: " ".join(text.split())
        for word, text in re.findall(r"`([A-Z]+)` stands for\s+`([^`]+)`", page.read_text())
    }
