"""A stream of any length runs in constant memory: 20,000 frames through the real reader, network and decoder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dots import draw_dots, some_people

from limbwise.media.video_writer import VideoWriter

WATCH = """
import resource, sys
from limbwise.estimate.estimator import Estimator
from limbwise.media.video import VideoReader

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

clip, model, frames = sys.argv[1], sys.argv[2], int(sys.argv[3])
estimator = Estimator(model, size=96, threads=1)
early = people = 0
with VideoReader(clip, loop=True, stop=frames) as reader:
    for frame, maps in estimator.watch(reader):
        people += len(estimator.group(maps))
        if frame.index == 500:
            early = peak()
print(early, peak(), frame.index + 1, people)
"""


@pytest.mark.parametrize("frames", [3000, pytest.param(20000, marks=pytest.mark.slow)])
def test_memory_does_not_grow(tmp_path: Path, dots_model: Path, frames: int) -> None:
    with VideoWriter(tmp_path / "clip.mp4", (128, 96), 25) as video:
        for i in range(20):
            video.write(draw_dots(some_people(3, 1) * 0.4 + np.array([i / 4, 0]), 128, 96), i / 25)
    command = [sys.executable, "-c", WATCH, str(tmp_path / "clip.mp4"), str(dots_model), str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    early, late, seen, _ = map(int, done.stdout.split())
    assert seen == frames
    assert late <= 1.05 * early, f"{early} kB after 500 frames, {late} kB after {frames}"
