"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from dots import draw_dots, some_people

import limbwise
from limbwise.write import read_openpose


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


def test_the_first_lines_of_the_readme(tmp_path: Path, dots_model: Path) -> None:
    """Twice, since a room of the house bears the name of each function."""
    image = draw_dots(some_people(0))
    for _ in range(2):
        people = limbwise.estimate(image, model=dots_model)
        assert len(people) == 2
        picture = limbwise.draw(image, people)
        assert picture.shape == image.shape
        assert (picture != image).any()
    people.save(tmp_path / "a.json", format="openpose")
    assert len(read_openpose(tmp_path / "a.json", people.skeleton)) == 2
    assert limbwise.draw.people.draw_people is not None
