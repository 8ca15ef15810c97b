"""A cluster of two workers on this machine against a local run: the same files byte for byte, one worker killed amid it, and the time.

    python benchmarks/cluster.py [--images 500] [--model default] [--json benchmarks/results/cluster.json]

500 images are cut out of the photos of ../shared/data and resized, by a fixed seed; the 4 clips are those of ../shared/data/video and two
parts of the longer one, encoded anew (MP4 with open groups of pictures, MPEG-TS). `limbwise predict --track` writes OpenPose, COCO, CSV and
PoseTrack of all of them: here, on `--cluster local --workers 2`, and there once more while one worker gets SIGKILL when half is done. The
journal tells when. `start`: seconds of the same command for one image. The speed is measured apart, in turns, so that whatever else the
machine does falls on both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import av
import cv2
import numpy as np
import psutil

from limbwise.estimate.batch import look_here
from limbwise.estimate.cluster import Cluster
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.frames import Cut
from limbwise.estimate.machines import ClusterOptions
from limbwise.estimate.step import Look, Wanted
from limbwise.estimate.worker import Setup
from limbwise.estimate.zoo import sha256
from limbwise.media.image import read_image, write_image
from limbwise.media.sources import Source, find_sources
from limbwise.media.video import VideoReader

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED = 7
FLAGS = ["--track", "--json", "openpose,coco,csv,posetrack2018", "--no-progress"]
TURNS, TURN = 5, 160  # of images
TWO = ["--cluster", "local", "--workers", "2"]


def make_images(folder: Path, count: int) -> None:
    """Seeded crops of real photos, 240 to 640 pixels on the longer side."""
    photos = sorted(
        p for part in ("photos", "coco/people/images") for p in (DATA / part).iterdir() if p.suffix in {".jpg", ".png"}
    )
    rng = np.random.default_rng(SEED)
    for i in range(count):
        image = read_image(photos[rng.integers(len(photos))])
        height, width = image.shape[:2]
        high, wide = (round(side * rng.uniform(0.6, 1)) for side in (height, width))
        top, left = rng.integers(height - high + 1), rng.integers(width - wide + 1)
        part = image[top : top + high, left : left + wide]
        scale = rng.uniform(240, 640) / max(high, wide)
        size = (max(16, round(wide * scale)), max(16, round(high * scale)))
        write_image(folder / f"{i:04d}.jpg", np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8))


def make_clips(folder: Path) -> None:
    """Two real clips, and two parts of one encoded anew."""
    for clip in sorted((DATA / "video").glob("*.mp4")):
        shutil.copy(clip, folder)
    encode(DATA / "video" / "solo_dance.mp4", 40, 160, folder / "open.mp4", "open-gop=1:bframes=3:keyint=48")
    encode(DATA / "video" / "solo_dance.mp4", 120, 240, folder / "broadcast.ts", "keyint=25")


def encode(clip: Path, start: int, stop: int, path: Path, how: str) -> None:
    with VideoReader(clip, start, stop) as reader, av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"x264-params": how, "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = reader.size[0], reader.size[1], "yuv420p"
        for i, frame in enumerate(reader):
            picture = av.VideoFrame.from_ndarray(frame.image)
            picture.pts, picture.time_base = i, Fraction(1, 30)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def predict(sources: list[Path], model: str, out: Path, flags: list[str], meanwhile: Callable[[int], None]) -> float:
    """Seconds of one run; `meanwhile` is called now and then with its process."""
    command = [sys.executable, "-m", "limbwise", "predict", *map(str, sources), "--model", model, "-o", str(out)]
    start = time.perf_counter()
    process = subprocess.Popen([*command, *FLAGS, *flags], stdin=subprocess.DEVNULL)
    while process.poll() is None:
        meanwhile(process.pid)
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"limbwise ended with {process.returncode}")
    return time.perf_counter() - start


def workers(root: int) -> list[int]:
    """The processes of Ray's workers below a process."""
    below = psutil.Process(root).children(recursive=True)
    return [process.pid for process in below if process.name().startswith("ray::Worker")]


def killer(out: Path, half: int, killed: list[dict[str, Any]]) -> Callable[[int], None]:
    """Kills one worker when `half` of all frames are in the journal of a run."""

    def look(root: int) -> None:
        journal = out / ".journal.jsonl"
        if killed or not journal.exists():
            return
        done = journal.read_bytes().count(b'{"record":')
        if done >= half and (there := workers(root)):
            os.kill(there[0], signal.SIGKILL)
            killed.append({"frames done": done, "process": "one of two workers"})

    return look


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def compare(first: Path, second: Path) -> dict[str, Any]:
    """How many files there are, and which differ."""
    a, b = contents(first), contents(second)
    differ = [name for name in sorted({*a, *b}) if a.get(name) != b.get(name)]
    return {"files": len(a), "bytes": sum(map(len, a.values())), "differ": differ}


def measure(folder: Path, images: int, model: str) -> dict[str, Any]:
    (folder / "in").mkdir()
    make_images(folder / "in", images)
    make_clips(folder / "in")
    sources, one = [folder / "in"], [folder / "in" / "0000.jpg"]
    seconds: dict[str, float] = {}

    def run(name: str, flags: list[str], of: list[Path], meanwhile: Callable[[int], None] = lambda _: None) -> None:
        seconds[name] = round(predict(of, model, folder / name, flags, meanwhile), 2)
        print(f"{name}: {seconds[name]} s", flush=True)

    run("start here", [], one)
    run("start cluster", TWO, one)
    run("here", [], sources)
    run("cluster", TWO, sources)
    frames = len(list((folder / "here" / "openpose").rglob("*_keypoints.json")))
    killed: list[dict[str, Any]] = []
    run("cluster, one worker killed", TWO, sources, killer(folder / "cluster, one worker killed", frames // 2, killed))
    return {
        "images": images, "clips": 4, "frames": frames, "seconds": seconds,
        "cluster against here": compare(folder / "here", folder / "cluster"),
        "killed": killed,
        "killed against here": compare(folder / "here", folder / "cluster, one worker killed"),
    }  # fmt: skip


def take_turns(folder: Path, model: str) -> dict[str, Any]:
    """Frames a second on one core, here and on the cluster, all ready, in turns: images in, people out, nothing written."""
    (folder / "in").mkdir()
    make_images(folder / "in", TURN)
    sources, _ = find_sources([folder / "in"])
    estimator = Estimator(model)
    with one_core():
        alone = look_here(Estimator(model))
    paces: dict[str, list[float]] = {"one core": [], "here": [], "cluster": []}
    with Cluster(ClusterOptions("local", 2), Setup(ModelOptions(model), sha256(estimator.path))) as cluster:
        for turn in range(1 + TURNS):
            with one_core():
                found = {"one core": pace(alone, sources)}
            found |= {"here": pace(look_here(estimator), sources), "cluster": pace(cluster.look, sources)}
            for name in paces if turn else ():
                paces[name].append(found[name])
    medians = {name: median(of) for name, of in paces.items()}
    return {
        "images a turn": TURN,
        "frames a second": {name: [round(pace, 1) for pace in of] for name, of in paces.items()},
        "median": {name: round(of, 1) for name, of in medians.items()},
        "speed-up over one core": round(medians["cluster"] / medians["one core"], 2),
        "speed-up over here": round(medians["cluster"] / medians["here"], 2),
    }


def pace(look: Look, sources: Sequence[Source]) -> float:
    """Frames a second, from the first image that comes out: workers of a new batch begin anew, and that is not counted. On the cluster
    up to 15 others are done by then: its figure is a tenth too good at most."""
    start, count = 0.0, 0
    for step in look(sources, Cut(), Wanted(pixels=False, maps=False)):
        start = start or time.perf_counter()
        count += step.frame is not None
    return (count - 1) / (time.perf_counter() - start)


@contextmanager
def one_core() -> Iterator[None]:
    """This thread, and those that it begins, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--model", default="default")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--turns-only", action="store_true", help="measure the speed only, and put it into the JSON file"
    )
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        turns = {**take_turns(Path(folder), given.model), "load before": round(load, 2)}
    if given.turns_only:
        print(json.dumps(turns, indent=1))
        if given.json:
            given.json.write_text(json.dumps({**json.loads(given.json.read_text()), "turns": turns}, indent=1) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), given.images, given.model) | {"turns": turns}
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "load before": round(load, 2),
    }
    figures = {"machine": machine, "model": given.model, **figures}
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    if figures["cluster against here"]["differ"] or figures["killed against here"]["differ"] or not figures["killed"]:
        raise SystemExit("the results are not the same, or no worker was killed")


if __name__ == "__main__":
    main()
