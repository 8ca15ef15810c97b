"""People: the people of one image as arrays that know their skeleton and their track ids; Person: one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from limbwise.geometry import apply
from limbwise.skeleton import MIDDLE_OF, Skeleton, place

if TYPE_CHECKING:
    Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class People:
    """The N people of one image.

    `xy` (N, K, 2) float32: x right and y down in pixels of the original image, (0, 0) the centre of its top-left pixel, NaN
    where a keypoint is missing. `scores` (N, K) float32, 0 where missing. `person_scores` (N,) float32 (default: the mean of
    the scores of the keypoints that are there). `ids` (N,) int64 track ids, or None where nobody was followed.
    Raises ValueError with the expected and the actual shape.
    """

    skeleton: Skeleton
    xy: Floats
    scores: Floats
    person_scores: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    ids: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        count, keypoints = len(self.xy), len(self.skeleton)
        _set(self, "xy", self.xy, np.float32, (count, keypoints, 2))
        _set(self, "scores", self.scores, np.float32, (count, keypoints))
        missing = np.asarray(np.isnan(self.xy).any(-1))
        if missing.any():
            _set(self, "xy", np.where(missing[..., None], np.float32("nan"), self.xy), np.float32, self.xy.shape)
            _set(self, "scores", np.where(missing, 0, self.scores), np.float32, self.scores.shape)
        if count and len(self.person_scores) == 0:
            object.__setattr__(self, "person_scores", self.scores.sum(1) / np.maximum((~missing).sum(1), 1))
        _set(self, "person_scores", self.person_scores, np.float32, (count,))
        if self.ids is not None:
            _set(self, "ids", self.ids, np.int64, (count,))

    @classmethod
    def empty(cls, skeleton: Skeleton) -> People:
        """Nobody."""
        return cls(skeleton, np.zeros((0, len(skeleton), 2), np.float32), np.zeros((0, len(skeleton)), np.float32))

    def __len__(self) -> int:
        return len(self.xy)

    def __iter__(self) -> Iterator[Person]:
        return (Person(self[i : i + 1]) for i in range(len(self)))

    def __getitem__(self, which: Any) -> Any:
        """`people[3]` a Person; `people[mask]`, `people[1:3]` People; `people["left_wrist"]` (N, 3) x, y, score."""
        if isinstance(which, str):
            k = self.skeleton.index(which)
            return np.concatenate([self.xy[:, k], self.scores[:, k, None]], axis=1)
        if isinstance(which, (int, np.integer)):
            return Person(self[[range(len(self))[which]]])
        ids = None if self.ids is None else self.ids[which]
        return replace(
            self, xy=self.xy[which], scores=self.scores[which], person_scores=self.person_scores[which], ids=ids
        )

    @property
    def visible(self) -> npt.NDArray[np.bool_]:
        """(N, K) whether each keypoint is there."""
        return ~np.isnan(self.xy[..., 0])

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        """(N, K) whether each keypoint was put there without being seen (a short gap in its track): it has a place, and the score 0."""
        filled: npt.NDArray[np.bool_] = self.visible & (self.scores == 0)
        return filled

    @property
    def boxes_xyxy(self) -> Floats:
        """(N, 4) float32 left, top, right, bottom of the keypoints that are there; NaN for a person without any."""
        low = np.where(self.visible[..., None], self.xy, np.inf).min(1, initial=np.inf)
        high = np.where(self.visible[..., None], self.xy, -np.inf).max(1, initial=-np.inf)
        boxes = np.concatenate([low, high], axis=1)
        boxes[~np.isfinite(boxes)] = np.nan
        return boxes.astype(np.float32)

    @property
    def areas(self) -> Floats:
        """(N,) float32 areas of the boxes in square pixels; NaN for a person without any keypoint."""
        size = self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]
        return size[:, 0] * size[:, 1]

    def as_skeleton(self, skeleton: Skeleton) -> People:
        """The same people on another skeleton: keypoints by name, what is not shared is missing.

        A neck or middle of the hips that the source lacks becomes the middle of both shoulders or hips, with the lower score.
        """
        if skeleton == self.skeleton:
            return self
        source = skeleton.map_from(self.skeleton)
        xy, scores = self.xy[:, source].copy(), self.scores[:, source].copy()
        xy[:, source < 0], scores[:, source < 0] = np.nan, 0
        for k, keypoint in enumerate(skeleton.keypoints):
            ends = MIDDLE_OF.get(place(keypoint), ())
            if ends and source[k] < 0 and set(ends) <= set(self.skeleton.keypoints):
                a, b = (self.skeleton.index(end) for end in ends)
                xy[:, k] = (self.xy[:, a] + self.xy[:, b]) / 2
                scores[:, k] = np.minimum(self.scores[:, a], self.scores[:, b])
        return replace(self, skeleton=skeleton, xy=xy, scores=scores)

    def moved(self, matrix: npt.NDArray[np.float64]) -> People:
        """The same people in another frame; `matrix` (2, 3) maps x, y of this frame to the other (see geometry)."""
        return replace(self, xy=apply(matrix, self.xy).astype(np.float32))

    def to_supervision(self) -> Any:
        """As `supervision.KeyPoints` (the library supervision must be installed); missing keypoints are (0, 0) there."""
        from limbwise.errors import require

        keypoints = require("supervision", "notebook").KeyPoints
        xy = np.nan_to_num(self.xy)
        data = {} if self.ids is None else {"track_id": self.ids}
        fields = getattr(keypoints, "__dataclass_fields__", {})
        scores = {"keypoint_confidence" if "keypoint_confidence" in fields else "confidence": self.scores}
        return keypoints(xy=xy, class_id=np.zeros(len(self), int), data=data, **scores)

    def save(self, path: str | Path, format: str = "openpose") -> None:
        """Write these people to one file: `format` is openpose, coco, posetrack or csv (see limbwise.write)."""
        from limbwise.write import (
            save_people,
        )  # the one import of the house that goes up: a promise of the public names

        save_people(self, path, format)

    def _repr_html_(self) -> str:
        """The people as a small vector drawing, for notebooks."""
        if not len(self) or not self.visible.any():
            return f"<p>nobody ({self.skeleton.name})</p>"
        low, high = np.nanmin(self.xy, (0, 1)) - 10, np.nanmax(self.xy, (0, 1)) + 10
        box = f"{low[0]:.0f} {low[1]:.0f} {high[0] - low[0]:.0f} {high[1] - low[1]:.0f}"
        width = max(1.0, float((high - low).max()) / 120)
        shapes = "".join(person.svg(width, hue=137.5 * i % 360) for i, person in enumerate(self))
        return f'<svg viewBox="{box}" style="max-height:24em;max-width:100%" stroke-linecap="round">{shapes}</svg>'


@dataclass(frozen=True, eq=False)
class Person:
    """One person; `people` holds just this one."""

    people: People

    @property
    def skeleton(self) -> Skeleton:
        return self.people.skeleton

    @property
    def xy(self) -> Floats:
        """(K, 2) float32, NaN where missing."""
        xy: Floats = self.people.xy[0]
        return xy

    @property
    def scores(self) -> Floats:
        """(K,) float32, 0 where missing."""
        scores: Floats = self.people.scores[0]
        return scores

    @property
    def score(self) -> float:
        """How sure the decoder is of the person; a probability where the model's spec says what scores are worth."""
        return float(self.people.person_scores[0])

    @property
    def id(self) -> int | None:
        """The track id, or None where nobody was followed."""
        return None if self.people.ids is None else int(self.people.ids[0])

    @property
    def visible(self) -> npt.NDArray[np.bool_]:
        """(K,) whether each keypoint is there."""
        visible: npt.NDArray[np.bool_] = self.people.visible[0]
        return visible

    @property
    def box_xyxy(self) -> Floats:
        """(4,) float32 left, top, right, bottom."""
        box: Floats = self.people.boxes_xyxy[0]
        return box

    def __getitem__(self, keypoint: str) -> Floats:
        """(3,) x, y, score of one keypoint."""
        found: Floats = self.people[keypoint][0]
        return found

    def svg(self, width: float, hue: float) -> str:
        """Limbs as SVG lines."""
        there = self.visible
        lines = (
            f'<line x1="{self.xy[a, 0]:.1f}" y1="{self.xy[a, 1]:.1f}" x2="{self.xy[b, 0]:.1f}" y2="{self.xy[b, 1]:.1f}"/>'
            for a, b in self.skeleton.limbs
            if there[a] and there[b]
        )
        return f'<g stroke="hsl({hue:.0f} 80% 45%)" stroke-width="{width:.1f}">{"".join(lines)}</g>'


def _set(people: People, name: str, value: Any, dtype: type, shape: tuple[int, ...]) -> None:
    """Give a field of the frozen dataclass its dtype, after a check of its shape."""
    array: npt.NDArray[Any] = np.asarray(value, dtype)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape} for {people.skeleton.name}, got {array.shape}")
    object.__setattr__(people, name, array)
