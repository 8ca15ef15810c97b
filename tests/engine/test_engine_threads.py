"""The first two runs of a network may come at once: OpenVINO's table of types, made by whoever comes first, once kept both waiting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, sys, threading
from limbwise.estimate.estimator import Estimator

Estimator(sys.argv[1])
from openvino import Type

sys.setswitchinterval(1e-6)
start = threading.Barrier(2)
threads = [threading.Thread(target=lambda: (start.wait(), Type.f32.to_dtype()), daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(5)
os._exit(sum(thread.is_alive() for thread in threads))
"""


def test_two_first_runs_at_once(dots_model: Path) -> None:
    """A race that two of three starts lost."""
    for _ in range(4):
        assert subprocess.run([sys.executable, "-c", SCRIPT, str(dots_model)], timeout=60).returncode == 0
