"""What several tests share: the dot people's model, and the real data where it is there."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and of other programs' answers; the test is skipped where it is not there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("../shared with the real data is not here")
    return folder


@pytest.fixture(scope="session")
def dots_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that sees dot people, as an ONNX file with its spec (see dots.py)."""
    pytest.importorskip("onnx")
    from dots import write_model

    return write_model(tmp_path_factory.mktemp("dots"))
