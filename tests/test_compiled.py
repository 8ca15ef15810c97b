"""compiled: where compiled code is kept when the folder of the package cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from limbwise.compiled import compiled

@compiled
def double(x: int) -> int:
    return 2 * x

print(double(21))
"""


@pytest.mark.parametrize("home", ["home", None])
def test_a_folder_that_cannot_be_written(home: str | None, tmp_path: Path) -> None:
    """The user's cache takes over; without one, too, it runs."""
    (tmp_path / "doubling.py").write_text(MODULE)
    (tmp_path / "__pycache__").write_text("a file where numba wants a folder")
    place = str(tmp_path / home) if home else os.devnull + "/nowhere"
    unset = ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR")
    env = {**{k: v for k, v in os.environ.items() if k not in unset}, "HOME": place, "LOCALAPPDATA": place}
    done = subprocess.run(
        [sys.executable, "-c", "import doubling"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "42"
    assert bool(list(tmp_path.rglob("doubling*.nbi"))) == (home is not None)
