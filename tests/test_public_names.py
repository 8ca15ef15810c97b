"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
import time

import limbwise


def test_public_names() -> None:
    assert set(limbwise.__all__) == {
        "Estimator", "LimbwiseError", "People", "Person", "Skeleton", "__version__", "draw", "estimate",
    }  # fmt: skip
    for name in limbwise.__all__:
        assert getattr(limbwise, name)


def test_importing_is_quick_and_loads_nothing_heavy() -> None:
    heavy = "cv2 numba openvino av scipy torch pydantic typer rich".split()
    code = f"import sys, limbwise; print([m for m in {heavy} if m in sys.modules])"
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - start)
    assert done.stdout.strip() == "[]"
    bare = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    assert min(times) - (time.perf_counter() - bare) < 0.3
