"""People as the plain numbers that files hold, and back: missing keypoints, decimals, ids, skeletons by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.people import People
from limbwise.skeleton import Skeleton, place
from limbwise.skeletons import SKELETONS, of_the_house

Row = tuple[npt.NDArray[np.float64], float | None, int | None]  # points (K, 3), score and id of one person

_KNOWN = {place(keypoint) for skeleton in SKELETONS.values() for keypoint in skeleton.keypoints}


def is_body(skeleton: Skeleton) -> bool:
    """Whether these are keypoints of a body as the field knows them: shoulders, and no name that no table has.

    Such people can go to another table's order; keypoints of one's own would be lost there.
    """
    places = {place(keypoint) for keypoint in skeleton.keypoints}
    return {"left_shoulder", "right_shoulder"} <= places <= _KNOWN


def filed_as(people: People, skeleton: Skeleton) -> People:
    """The people as a file of `skeleton` holds them: converted where they are bodies, in their own order where not.

    What is not finite becomes missing, scores that are not become 0: no file format of ours knows NaN or infinity.
    """
    if is_body(people.skeleton):
        people = people.as_skeleton(skeleton)
    return finite(people)


def finite(people: People) -> People:
    """The same people without infinities, and without NaN in their scores."""
    xy = np.where(np.isfinite(people.xy).all(-1, keepdims=True), people.xy, np.float32("nan"))
    scores, person_scores = (np.where(np.isfinite(s), s, 0) for s in (people.scores, people.person_scores))
    return replace(people, xy=xy, scores=scores, person_scores=person_scores)


def triples(people: People, third: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(N, K, 3) float32 x, y and `third` (N, K); 0, 0, 0 where a keypoint is missing."""
    points = np.concatenate([people.xy, third[..., None].astype(np.float32)], axis=-1)
    points[~people.visible] = 0
    return points + np.float32(0)  # no -0.0


def shortest(values: npt.NDArray[np.float32]) -> Any:
    """float32 numbers as nested lists of the shortest decimals that read back as the same float32; NaN as None."""
    decimals = values.astype(np.str_).astype(np.float64)
    return np.where(np.isnan(decimals), None, decimals.astype(object)).tolist()  # type: ignore[call-overload]  # None in object arrays


def rounded(values: npt.NDArray[np.float32], decimals: int) -> Any:
    """float32 numbers as nested lists, rounded."""
    return np.round(values.astype(np.float64), decimals).tolist()


def gathered(skeleton: Skeleton, rows: Sequence[Row]) -> People:
    """People from what was read of each: points (K, 3) of x, y (NaN where missing) and score, the person's score, and id.

    A person's score that is None becomes the mean of its keypoints' scores. Ids that are None or negative are -1 (not tracked);
    where nobody has one, `ids` is None.
    """
    if not rows:
        return People.empty(skeleton)
    points, person_scores, ids = zip(*rows, strict=True)
    stacked = np.array(points, np.float32)
    numbers = np.array([-1 if i is None else max(i, -1) for i in ids], np.int64)
    people = People(skeleton, stacked[..., :2], stacked[..., 2], ids=numbers if (numbers >= 0).any() else None)
    given = [mean if score is None else score for score, mean in zip(person_scores, people.person_scores, strict=True)]
    return replace(people, person_scores=np.array(given, np.float32))


def given_ids(people: People) -> list[int]:
    """Track ids, each once: 0, 1, ... where people were not followed; else whoever has none gets -1, -2, ..., which no track has."""
    if people.ids is None:
        return list(range(len(people)))
    strangers = count(-1, -1)
    return [i if i >= 0 else next(strangers) for i in people.ids.tolist()]


def skeleton_of(keypoints: Sequence[str], name: str) -> Skeleton:
    """The known skeleton of these keypoint names in this order; else one of its own, without limbs, called `name`.

    Raises ValueError where a name comes twice or there is none.
    """
    names = tuple(keypoints)
    if (known := of_the_house(names)) is not None:
        return known
    sigmas = {k: s for skeleton in SKELETONS.values() for k, s in zip(skeleton.keypoints, skeleton.sigmas, strict=True)}
    return Skeleton(name, names, (), tuple(sigmas.get(keypoint, 0.08) for keypoint in names))
