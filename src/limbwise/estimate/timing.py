"""What each stage of an estimate costs: milliseconds from file to file, and frames a second with the stages side by side."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from limbwise.draw.people import draw_people
from limbwise.engine.base import Engine
from limbwise.engine.prepare import Prepared
from limbwise.estimate.estimator import Estimator, Image
from limbwise.estimate.maps import Maps
from limbwise.estimate.stream import Abreast, overlap
from limbwise.media.frame import Frame
from limbwise.media.image import read_image, write_image
from limbwise.people import People
from limbwise.write import save_people

SIGHTS = 20
PASSES = 3


@dataclass(frozen=True)
class Figures:
    """`milliseconds`: the median of each stage of one image alone, in order; `frames_per_second` of a stream, from file to people
    with the stages side by side, and `network_per_second` of its network alone, inputs at hand; `input`: the network's input of
    the first image; `people`: the mean number found."""

    model: str
    engine: str
    input: str
    people: float
    milliseconds: dict[str, float]
    frames_per_second: float
    network_per_second: float

    @property
    def stream_share(self) -> float:
        """The network's part of the time of a stream: what is left of its pace where all else is done too."""
        return self.frames_per_second / self.network_per_second

    @property
    def end_to_end(self) -> float:
        """Milliseconds from file to people: read, prepare, network, group."""
        return sum(self.milliseconds[stage] for stage in ("read", "prepare", "network", "group"))

    @property
    def network_share(self) -> float:
        """The network's part of the time from file to people."""
        return self.milliseconds["network"] / self.end_to_end


def measure(estimators: Sequence[Estimator], images: Sequence[str], runs: int) -> list[Figures]:
    """Figures of each estimator over `runs` passes through the images (none: a drawn scene), after a warm-up.

    Estimators take turns at each image, so that whatever else the machine does falls on all of them alike.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = list(images) or [_scene(Path(folder))]
        for estimator in estimators:
            for path in paths:
                _settle(estimator, read_image(path))
        times: list[dict[str, list[float]]] = [defaultdict(list) for _ in estimators]
        counts: list[list[int]] = [[] for _ in estimators]
        for path in (path for _ in range(runs) for path in paths):
            for estimator, own, count in zip(estimators, times, counts, strict=True):
                count.append(_one(estimator, path, Path(folder), own))
        paces = _paces(estimators, paths, runs)
        first = read_image(paths[0])
        return [_figures(*of_one, first) for of_one in zip(estimators, times, counts, paces, strict=True)]


def _figures(
    estimator: Estimator, times: dict[str, list[float]], counts: list[int], paces: tuple[float, float], image: Image
) -> Figures:
    first = estimator.prepare(image)[0].batch.shape
    return Figures(
        estimator.spec.name,
        f"{estimator.options.engine} {estimator.options.device} {estimator.options.precision}",
        f"{first[3]} x {first[2]}",
        float(np.mean(counts)),
        {stage: median(values) for stage, values in times.items()},
        *paces,
    )


def _settle(estimator: Estimator, image: Image) -> None:
    """Run the network until it is compiled for this size (engines wait for a size to come often), and the rest once."""
    inputs = estimator.prepare(image)
    for _ in range(SIGHTS):
        maps = estimator.look(inputs, image.shape)
    draw_people(image, estimator.group(maps))


def _one(estimator: Estimator, path: str, folder: Path, times: dict[str, list[float]]) -> int:
    """One image through every stage; the number of people."""

    def timed(stage: str, step: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = step()
        times[stage].append(1000 * (time.perf_counter() - start))
        return result

    image = timed("read", lambda: read_image(path))
    inputs = timed("prepare", lambda: estimator.prepare(image))
    maps = timed("network", lambda: estimator.look(inputs, image.shape))
    people = timed("group", lambda: estimator.group(maps))
    picture = timed("draw", lambda: draw_people(image, people))
    timed("write", lambda: _write(people, picture, folder))
    return len(people)


def _write(people: People, picture: Image, folder: Path) -> None:
    save_people(people, folder / "people.json", "openpose")
    write_image(folder / "drawn.jpg", picture)


def _paces(estimators: Sequence[Estimator], paths: Sequence[str], runs: int) -> list[tuple[float, float]]:
    """Of each estimator frames a second of a stream, files to people, and of its network alone: medians of passes in turns, the first of
    which settles the networks."""
    looks = [[(e.prepare(image), image.shape, e.wide_engine) for image in map(read_image, paths)] for e in estimators]
    paces: list[list[tuple[float, float]]] = [[] for _ in estimators]
    for turn in range(1 + PASSES):
        times = SIGHTS if turn == 0 else runs
        for estimator, inputs, own in zip(estimators, looks, paces, strict=True):
            whole = _pace(map(estimator.group, _maps(estimator, list(paths) * times)))
            network = Abreast(partial(_look, estimator), estimator.wide_engine.width)
            own.append((whole, _pace(overlap(inputs * times, network))))
    return [(median(w for w, _ in own[1:]), median(n for _, n in own[1:])) for own in paces]


def _look(estimator: Estimator, known: tuple[list[Prepared], tuple[int, ...], Engine]) -> Maps:
    return estimator.look(*known)


def _maps(estimator: Estimator, paths: Sequence[str]) -> Iterator[Maps]:
    frames = (Frame(read_image(path), i, 0.0) for i, path in enumerate(paths))
    return (maps for _, maps in estimator.watch(frames))


def _pace(results: Iterable[object]) -> float:
    """Results a second."""
    start = time.perf_counter()
    return sum(1 for _ in results) / (time.perf_counter() - start)


def _scene(folder: Path) -> str:
    """A 640 x 480 picture of coloured blots, where the user gives none: the network's time does not depend on what it sees."""
    rng = np.random.default_rng(0)
    blots = rng.integers(0, 256, (12, 16, 3), np.uint8)
    write_image(folder / "scene.png", cv2.resize(blots, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.uint8))
    return str(folder / "scene.png")
