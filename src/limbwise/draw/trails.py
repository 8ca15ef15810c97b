"""Trails: where followed people came from, as lines behind them that grow thin and dark with age."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.draw.palette import OUTLINE, id_colour
from limbwise.draw.text import Image
from limbwise.people import People
from limbwise.skeleton import Skeleton, place

Point = npt.NDArray[np.float64]

SHIFT = 4  # OpenCV draws at 1/16 pixel
BREAK = 0.5  # seconds without a sighting after which a trail begins anew
STEADY = 2  # places on each side that are averaged: the line shall show the way, not the jitter
TRUNK = ("left_hip", "right_hip", "mid_hip", "left_shoulder", "right_shoulder", "neck")


class Trails:
    """The last `seconds` of everybody who is followed; `add` each frame, then `draw`. Memory is bounded by the people and the time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ways: dict[int, deque[tuple[float, Point]]] = {}
        self._offsets: dict[int, Point] = {}
        self._time = 0.0

    def add(self, people: People, time: float) -> None:
        """One frame more, at `time` in seconds."""
        self._time = time
        for person in people:
            if person.id is not None and person.id >= 0 and person.visible.any():
                self._step(person.id, self._middle(person.id, person.xy, people.skeleton), time)
        for i in [i for i, way in self._ways.items() if time - way[-1][0] > self.seconds]:
            del self._ways[i]
            self._offsets.pop(i, None)

    def draw(self, image: Image) -> None:
        """Draw the trails into `image` (H, W, 3) uint8 RGB, in place."""
        thickness = max(1.0, 0.003 * float(np.sqrt(image.shape[0] * image.shape[1])))
        for i, way in self._ways.items():
            times = np.array([time for time, _ in way])
            runs = np.split(np.array([point for _, point in way]), np.flatnonzero(np.diff(times) > BREAK) + 1)
            points = np.concatenate([_steadied(run) for run in runs])
            for now, gap, a, b in zip(times[1:], np.diff(times), points, points[1:], strict=False):
                young = 1 - (self._time - now) / max(self.seconds, 1e-9)
                if young > 0 and gap <= BREAK:
                    colour = np.array(OUTLINE) + (0.35 + 0.65 * young) * (np.array(id_colour(i)) - OUTLINE)
                    width = max(1, round(thickness * (0.5 + 1.5 * young)))
                    cv2.line(image, _fixed(a), _fixed(b), colour.tolist(), width, cv2.LINE_AA, SHIFT)

    def _middle(self, i: int, xy: npt.NDArray[np.float32], skeleton: Skeleton) -> Point:
        """The middle of the trunk, or of everything where the trunk is not seen; it stays where it was on the body while parts of the
        trunk are hidden."""
        trunk = [k for k, name in enumerate(skeleton.keypoints) if place(name) in TRUNK]
        shown = [k for k in trunk if not np.isnan(xy[k, 0])]
        middle = np.asarray(np.nanmean(xy[shown] if shown else xy, axis=0), np.float64)
        if len(shown) == len(trunk):
            self._offsets[i] = xy[trunk].mean(0, dtype=np.float64) - xy[trunk] if trunk else np.zeros((0, 2))
        elif shown and i in self._offsets:
            middle = (xy[shown] + self._offsets[i][[trunk.index(k) for k in shown]]).mean(0)
        return middle

    def _step(self, i: int, middle: Point, time: float) -> None:
        way = self._ways.setdefault(i, deque())
        way.append((time, middle))
        while time - way[0][0] > self.seconds:
            way.popleft()


def _steadied(points: Point) -> Point:
    """(P, 2) each place averaged with up to STEADY before and as many after it; the ends stay where they are."""
    steady = points.copy()
    for p in range(1, len(points) - 1):
        reach = min(STEADY, p, len(points) - 1 - p)
        steady[p] = points[p - reach : p + reach + 1].mean(0)
    return steady


def _fixed(point: Point) -> tuple[int, int]:
    """Pixels as the fixed-point numbers of OpenCV's drawing."""
    x, y = np.rint(np.clip(point, -1e4, 1e4) * 2**SHIFT).astype(int).tolist()
    return x, y
