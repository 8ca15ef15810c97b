"""A cluster gives the files of a local run, byte for byte: whole, interrupted, with bad files, and with a worker killed amid it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from dots import draw_dots, some_people

from limbwise.draw.people import DrawOptions
from limbwise.errors import LimbwiseError, MissingExtra, UsageError
from limbwise.estimate.batch import look_here, run_batch
from limbwise.estimate.cluster import Cluster
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.frames import Cut
from limbwise.estimate.machines import ClusterOptions, connect, load_ray
from limbwise.estimate.outputs import OutputOptions, Outputs
from limbwise.estimate.step import Look
from limbwise.estimate.worker import Setup
from limbwise.estimate.zoo import sha256
from limbwise.media.image import write_image
from limbwise.media.sources import Source, find_sources
from limbwise.media.video_writer import VideoWriter
from limbwise.track.tracker import TrackOptions

if find_spec("ray") is None:  # importing it here would be too early: load_ray does so silently
    pytest.skip("ray is not installed", allow_module_level=True)
# Sockets and files that Ray leaves to the collector; Ray's own deprecations.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray",
                                        "ignore::pytest.PytestUnraisableExceptionWarning")  # fmt: skip
TWO = ClusterOptions("local", workers=2)
DECODE = {"min_parts": 2}


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """One small Ray for all tests of this file."""
    ray = load_ray(local=True)
    try:
        connect(ray, TWO)
        yield ray
    finally:
        ray.shutdown()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """26 pictures, two of them none, a clip of 130 frames with a key frame every 50 or so, and the same one with a hole."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "in").mkdir()
    for i in range(26):
        write_image(folder / "in" / f"{i:03d}.png", draw_dots(some_people(i)))
    (folder / "in" / "011.png").write_bytes(b"no picture")
    (folder / "in" / "012.png").write_bytes((folder / "in" / "000.png").read_bytes()[:200])
    with VideoWriter(folder / "clip.mp4", (320, 240), 25) as video:
        for i in range(130):
            video.write(draw_dots(some_people(1) + np.array([40 * np.sin(i / 9), i / 30])), i / 25)
    good = (folder / "clip.mp4").read_bytes()
    hole = round(0.6 * len(good))
    (folder / "hole.mp4").write_bytes(good[:hole] + bytes(400) + good[hole + 400 :])
    return find_sources([folder / "in", folder / "clip.mp4", folder / "hole.mp4"])[0]


@pytest.fixture(scope="module")
def here(dots_model: Path) -> Look:
    return look_here(Estimator(dots_model, decode=DECODE))


@pytest.fixture(scope="module")
def setup(dots_model: Path) -> Setup:
    return Setup(ModelOptions(str(dots_model)), sha256(dots_model), decode=DECODE)


@pytest.fixture(scope="module")
def local(here: Look, sources: list[Source], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], list[str]]:  # fmt: skip
    """What a local run gives: its files, and what it could not read."""
    out = tmp_path_factory.mktemp("local") / "out"
    errors = run(here, sources, out)
    assert len(errors) == 3
    return contents(out), errors


def run(
    look: Look, sources: list[Source], out: Path, steps: int | None = None, cut: Cut | None = None, **options: Any
) -> list[str]:
    """A batch with tracking and every kind of file, broken off after so many steps; what could not be read."""
    keep = OutputOptions(draw=True, timeline=True, part_candidates=True, **options)
    with Outputs(out, keep, ("openpose", "coco", "csv", "posetrack2018"), DrawOptions(), {"of": "a test"}) as outputs:
        batch = run_batch(look, sources, cut or Cut(), outputs, TrackOptions(), 0.0)
        return [str(step.error) for step in islice(batch, steps) if step.error is not None]


def contents(out: Path) -> dict[str, bytes]:
    """All files but drawn videos, whose encoder does not promise the same bytes twice."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.suffix != ".mp4"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_the_same_files(ray: Any, setup: Setup, sources: list[Source], local: Any, tmp_path: Path) -> None:
    with Cluster(TWO, setup) as cluster:
        assert (cluster.workers, cluster.cores) == (2, 1)
        errors = run(cluster.look, sources, tmp_path / "out")
    assert (contents(tmp_path / "out"), errors) == local


def test_an_interrupted_run_goes_on_here_or_there(
    ray: Any, setup: Setup, here: Look, sources: list[Source], local: Any, tmp_path: Path
) -> None:
    """Begun on the cluster and broken off amid the pictures, gone on with here and broken off amid the clip, finished on the cluster."""
    out = tmp_path / "out"
    with Cluster(TWO, setup) as cluster:
        run(cluster.look, sources, out, steps=21)
        run(here, sources, out, steps=60, resume=True)
        assert 13 < len(list(out.rglob("*_keypoints.json"))) < 26 + 130
        run(cluster.look, sources, out, resume=True)
    assert contents(out) == local[0]


def workers() -> list[int]:
    """The workers below this process, by their title."""
    below = psutil.Process().children(recursive=True)
    return [process.pid for process in below if process.name().startswith("ray::Worker")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes by their title")
def test_a_killed_worker_changes_nothing(
    ray: Any, setup: Setup, sources: list[Source], local: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    killed = []

    with Cluster(TWO, setup) as cluster:

        def look(*arguments: Any) -> Iterator[Any]:
            for number, step in enumerate(cluster.look(*arguments)):
                if number in (9, 70):
                    killed.append(workers()[0])
                    os.kill(killed[-1], signal.SIGKILL)
                yield step

        errors = run(look, sources, tmp_path / "out")
    assert len(set(killed)) == 2
    assert (contents(tmp_path / "out"), errors) == local
    assert capfd.readouterr() == ("", "")


def test_a_part_of_each_video(ray: Any, setup: Setup, here: Look, sources: list[Source], tmp_path: Path) -> None:
    cut = Cut(start=30, stop=101, step=3)
    run(here, sources[-2:], tmp_path / "here", cut=cut)
    with Cluster(TWO, setup) as cluster:
        run(cluster.look, sources[-2:], tmp_path / "there", cut=cut)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert 24 < len(list((tmp_path / "there").rglob("*_keypoints.json"))) < 48


def test_what_a_worker_says_ends_the_run(ray: Any, setup: Setup, sources: list[Source], tmp_path: Path) -> None:
    other = Setup(setup.model, "0" * 64)
    with (
        Cluster(TWO, other) as cluster,
        pytest.raises(LimbwiseError, match="another file than on the machine that asks"),
    ):
        run(cluster.look, sources, tmp_path / "out")
    with Cluster(TWO, setup) as cluster, pytest.raises(UsageError, match="watched by one machine"):
        cluster.look([Source("camera", "0", "camera0")], Cut(), None)  # type: ignore[arg-type]


def limbwise(*arguments: object) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "limbwise", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command(dots_model: Path, sources: list[Source], tmp_path: Path) -> None:
    """The same words, exit code and files, relative paths and all, and not a word of Ray's."""
    arguments = [
        "predict",
        sources[0].path,
        sources[11].path,
        sources[-2].path,
        "--model",
        dots_model,
        "--min-parts",
        2,
        "--track",
    ]
    here = limbwise(*arguments, "-o", tmp_path / "here")
    there = limbwise(*arguments, "-o", tmp_path / "there", "--cluster", "local", "--workers", 2)
    assert there == here
    assert here[0] == 3
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.parametrize(
    ("address", "kind", "said"),
    [
        ("127.0.0.1:1", LimbwiseError, "cluster 127.0.0.1:1: cannot be joined"),
        ("ray://127.0.0.1:1", LimbwiseError, "cannot be joined"),
        ("somewhere", UsageError, "HOST:PORT"),
    ],
)
def test_clusters_that_are_not_there(address: str, kind: type[LimbwiseError], said: str) -> None:
    with pytest.raises(kind, match=said):
        connect(load_ray(local=False), ClusterOptions(address))


def test_workers_are_a_clusters() -> None:
    with pytest.raises(ValueError, match="--cluster local"):
        ClusterOptions(workers=2)
    with pytest.raises(ValueError, match="from 0 on"):
        ClusterOptions("local", -1)


def test_without_ray(monkeypatch: pytest.MonkeyPatch, setup: Setup) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"limbwise\[cluster\]"):
        Cluster(TWO, setup)
