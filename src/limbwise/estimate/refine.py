"""Refiner: the poses of a picture's people, looked at again one by one, each with the pixels around it (Fieraru et al., CVPR-W 2018)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.decode.refiner import decode_refiner, mirrored_back, probabilities
from limbwise.engine.base import Engine, EngineOptions
from limbwise.engine.kinds import open_engine
from limbwise.engine.posed import Window, find_window, posed_batch
from limbwise.errors import InputError, UsageError
from limbwise.estimate.zoo import find_model
from limbwise.fields import option
from limbwise.geometry import apply, invert
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.spec import ModelSpec

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

MOST_PIXELS = 6_000_000  # of all windows that go through the network at once; more people go in several turns
THRESHOLDS = {"map": 0.0, "mota": 0.7}


@dataclass(frozen=True)
class RefineOptions:
    """How poses are refined."""

    preset: Literal["map", "mota"] = option("map", "map: every keypoint is given; mota: those more probable than 0.7")
    threshold: float | None = option(None, "least probability of a keypoint, instead of the preset's")
    refine_flip: bool = option(True, "look at the mirror image too")
    mean_offsets: bool = option(False, "the mirror image's offsets count too, not only its probabilities")
    keep_scores: bool = option(False, "leave the scores as they are (a new keypoint has 0), instead of refined ones")
    stay: float = option(
        1.0, "a keypoint stays near its place at this share of the highest probability; 1: as published"
    )

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueError(f"threshold: a number from 0 to 1 is needed, got {self.threshold}")
        if not 0 <= self.stay <= 1:
            raise ValueError(f"stay: a number from 0 to 1 is needed, got {self.stay}")

    @property
    def least(self) -> float:
        """A keypoint is there if its probability is above this."""
        return THRESHOLDS[self.preset] if self.threshold is None else self.threshold


class Refiner:
    """`Refiner("refiner.onnx")(image, people)`: the same people with better keypoints, on their own skeleton.

    Keypoints that the network does not know stay as they are; those that it knows are all given anew where their probability is above
    the threshold, also ones that were missing, and are missing where it is not. People of whom it knows no keypoint stay. Raises
    ModelMissing, InputError (a model that cannot be read or is no refiner) and MissingExtra.
    """

    def __init__(
        self,
        model: str | Path,
        options: RefineOptions | None = None,
        *,
        spec: Path | None = None,
        engine: Literal["openvino", "onnxruntime", "pytorch"] = "openvino",
        run: EngineOptions | None = None,
    ) -> None:
        found = find_model(str(model), spec)
        if found.spec.method != "refiner":
            raise InputError(f"{found.path}: is no refiner of poses (method {found.spec.method!r} in its spec)")
        self.path = found.path
        self.spec: ModelSpec = found.spec
        self.options = options or RefineOptions()
        self.engine: Engine = open_engine(engine, found.path, found.spec, run or EngineOptions())

    def __call__(self, image: Image, people: People) -> People:
        """The people of an RGB uint8 (H, W, 3) picture, refined; raises UsageError where the network knows none of their keypoints."""
        if not (people.skeleton.map_from(self.spec.skeleton) >= 0).any():
            raise UsageError(
                f"refine: {self.spec.name} knows no keypoint of {people.skeleton.name}; take another refiner"
            )
        known = people.as_skeleton(self.spec.skeleton).xy.astype(np.float64)
        refined, scores, done = self.poses(image, known)
        return _put_back(people, self.spec.skeleton, refined, np.where(scores > self.options.least, scores, 0), done,
                         self.options.keep_scores)  # fmt: skip

    def poses(self, image: Image, poses: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """(N, K, 2) refined poses on the network's skeleton and (N, K) probabilities, and (N,) which could be looked at; the others
        stay as they are."""
        assert self.spec.input.pose is not None
        size = (image.shape[1], image.shape[0])
        refined, scores, done = poses.copy(), np.zeros(poses.shape[:2]), np.zeros(len(poses), np.bool_)
        windows = {n: window for n, pose in enumerate(poses)
                   if (window := find_window(pose, self.spec.skeleton, self.spec.input.pose, size)) is not None}  # fmt: skip
        for some in _turns(windows):
            shown = [windows[n] for n in some]
            xy, chances = self._look(image, poses[some], shown)
            for n, window, own, chance in zip(some, shown, xy, chances, strict=True):
                refined[n], scores[n], done[n] = apply(invert(window.frame), own), chance, True
        return refined, scores, done

    def _look(self, image: Image, poses: Floats, windows: Sequence[Window]) -> tuple[Floats, Floats]:
        """Poses and probabilities of one turn, in pixels of the windows."""
        batch = posed_batch(image, list(poses), windows, self.spec.input)
        maps = self._run(batch)
        chances, offsets = probabilities(maps["part_logits"]), maps["offsets"]
        if self.options.refine_flip:
            turned = mirrored_back(self._run(_mirrored(batch, self.spec.skeleton)), self.spec)
            chances = (chances + probabilities(turned["part_logits"])) / 2
            if self.options.mean_offsets:
                offsets = (offsets + turned["offsets"]) / 2
        given = np.stack([apply(window.frame, pose) for window, pose in zip(windows, poses, strict=True)])
        sizes = [(window.width, window.height) for window in windows]
        return decode_refiner(
            {"probabilities": chances, "offsets": offsets}, self.spec, sizes, given, self.options.stay
        )

    def _run(self, batch: npt.NDArray[np.float32]) -> dict[str, Floats]:
        outputs = self.engine.run(batch)
        return {name: head.take(outputs) for name, head in self.spec.heads.items()}


def _turns(windows: dict[int, Window]) -> Iterator[list[int]]:
    """The people in turns of MOST_PIXELS: each window counts as the largest of its turn, as it will be padded."""
    turn: list[int] = []
    largest = 0
    for n, window in windows.items():
        largest = max(largest, window.width * window.height)
        if turn and largest * (len(turn) + 1) > MOST_PIXELS:
            yield turn
            turn, largest = [], window.width * window.height
        turn.append(n)
    if turn:
        yield turn


def _mirrored(batch: npt.NDArray[np.float32], skeleton: Skeleton) -> npt.NDArray[np.float32]:
    """Inputs turned, the discs of left and right keypoints in each other's place."""
    order = [0, 1, 2, *(3 + skeleton.flip)]
    return np.ascontiguousarray(batch[:, order, :, ::-1])


def _put_back(
    people: People, skeleton: Skeleton, poses: Floats, scores: Floats, done: npt.NDArray[np.bool_], keep_scores: bool
) -> People:
    """The people with the keypoints that `skeleton` has in common with theirs, missing where the score is 0."""
    order = people.skeleton.map_from(skeleton)
    own = np.flatnonzero(order >= 0)
    xy, own_scores = people.xy.copy(), people.scores.copy()
    rows, columns = np.ix_(np.flatnonzero(done), own)
    sources = np.ix_(np.flatnonzero(done), order[own])
    there = scores[sources] > 0
    xy[rows, columns] = np.where(there[..., None], poses[sources], np.nan)
    kept = own_scores[rows, columns] if keep_scores else scores[sources]
    own_scores[rows, columns] = np.where(there, kept, 0)
    refined = replace(people, xy=xy, scores=own_scores)
    if keep_scores:
        return refined
    means = refined.scores.sum(1) / np.maximum(refined.visible.sum(1), 1)
    return replace(refined, person_scores=np.where(done, means, people.person_scores).astype(np.float32))
