"""Files that are whole or not there; tables from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from limbwise.errors import LimbwiseError, MissingExtra, require
from limbwise.files import temporary_name, whole_file


def test_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "sub" / "a.txt") as part:
        part.write_text("x")
        assert part.name.startswith(".")
        assert part.suffix == ".txt"
        assert not (tmp_path / "sub" / "a.txt").exists()
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["a.txt"]


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyError), whole_file(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise KeyError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]
    assert temporary_name(tmp_path / "b.tar.gz").name == ".b.tar.part.gz"


def test_a_disk_that_says_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LimbwiseError, match="cannot be written"), whole_file(tmp_path / "file" / "a.txt") as part:
        part.write_text("x")


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'limbwise\[train\]'"):
        require("no_such_module.sub", "train")
