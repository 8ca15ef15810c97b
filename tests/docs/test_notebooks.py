"""The notebooks run from the first cell to the last, without a network; the one that trains by `make test-slow`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from doc_blocks import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SLOW = {"own_keypoints"}
LARGEST = 250_000  # bytes, with what it put out
RUN = """
import sys, nbformat
from nbclient import NotebookClient

NotebookClient(nbformat.read(sys.argv[1], 4), timeout=200, resources={"metadata": {"path": sys.argv[2]}}).execute()
"""


@pytest.mark.parametrize(
    "notebook",
    [pytest.param(path, marks=[pytest.mark.slow] * (path.stem in SLOW), id=path.stem) for path in NOTEBOOKS],
)
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    for package in ("nbclient", "ipykernel", "matplotlib", "skimage"):
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(notebook), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(tmp_path.iterdir()), "writes beside itself instead of into a temporary folder"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_made_to_be_read(notebook: Path) -> None:
    cells = json.loads(notebook.read_text())["cells"]
    assert notebook.stat().st_size < LARGEST
    assert "".join(cells[0]["source"]).startswith("# ")
    assert sum(cell["cell_type"] == "markdown" for cell in cells) >= len(cells) / 3
    for cell in cells:
        assert all(output["output_type"] != "error" for output in cell.get("outputs", ()))


def test_there_are_four() -> None:
    assert len(NOTEBOOKS) == 4
