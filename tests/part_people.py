"""People for DeeperCut's tests: standing figures side by side, maps of them as a perfect network gives, and fitted pairwise terms."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from limbwise.decode.deepercut import DeepercutOptions, detect
from limbwise.decode.pairwise import PairwiseTerms
from limbwise.decode.pairwise_fit import fit_terms
from limbwise.people import People
from limbwise.sample import ABSENT, SEEN, Sample
from limbwise.skeletons import COCO_17
from limbwise.spec import Head, ModelSpec, ordered_pairs
from limbwise.target.deepercut import statistics, targets

Floats = npt.NDArray[np.float32]
K = len(COCO_17)
# Someone who stands and looks at the camera, 200 pixels high.
STANDING = np.array([[50, 16], [55, 11], [45, 11], [60, 15], [40, 15], [70, 45], [30, 45], [82, 80], [18, 80], [86, 112], [14, 112],
                     [62, 110], [38, 110], [64, 155], [36, 155], [66, 198], [34, 198]], np.float32)  # fmt: skip
SIZE = (480, 640)  # of the images, (H, W)


def crowd(rng: np.random.Generator, count: int) -> Floats:
    """(count, K, 2) people 120 to 240 pixels high side by side, bent a little, some keypoints NaN; joints of a kind 12 pixels apart."""
    while True:
        height = rng.uniform(0.6, 1.2, (count, 1, 1))
        place = np.stack([10 + np.arange(count) * 560 / max(count, 1), rng.uniform(10, 200, count)], axis=1)[:, None]
        people = STANDING * height + rng.normal(0, 3, (count, K, 2)) + place
        away = np.linalg.norm(people[:, None] - people[None], axis=-1) + 1e3 * np.eye(count)[..., None]
        if away.min() > 12:
            break
    for person in people:
        person[rng.choice(np.arange(1, K), rng.integers(0, 4), replace=False)] = np.nan
    return people.astype(np.float32)


def sample_of(people: Floats) -> Sample:
    """An image of these people."""
    visibility = np.where(np.isnan(people[..., 0]), ABSENT, SEEN).astype(np.int8)
    found = People(COCO_17, people, (visibility > 0).astype(np.float32))
    return Sample(
        np.zeros((*SIZE, 3), np.uint8), found, visibility, found.areas, found.boxes_xyxy, np.zeros(SIZE, bool), "test"
    )


@cache
def part_spec(offset: float | None = 4.0) -> ModelSpec:
    """The published heads, with units that the crowds give."""
    rng, pairs = np.random.default_rng(0), len(ordered_pairs(K))
    means, deviations = statistics(np.concatenate([crowd(rng, 3) for _ in range(50)]), COCO_17.flip)
    heads = {
        "part_logits": Head("parts", tuple(range(K)), 8, offset),
        "offsets": Head("offsets", tuple(range(2 * K)), 8, offset, scale=(7.2801,) * (2 * K)),
        "pairwise": Head("pairwise", tuple(range(2 * pairs)), 8, offset, scale=tuple(deviations.ravel().tolist()),
                         mean=tuple(means.ravel().tolist())),
    }  # fmt: skip
    return ModelSpec("parts", COCO_17, heads, method="deepercut")


def part_maps(people: Floats, spec: ModelSpec, rng: np.random.Generator | None = None) -> dict[str, Floats]:
    """What a network that has learnt its targets would give, in our units; with `rng` a bit off."""
    wanted = targets(sample_of(people), spec).maps
    wanted["part_logits"] = 8 * wanted["part_logits"] - 4
    if rng is not None:
        for name, maps in wanted.items():
            wanted[name] = maps + rng.normal(0, 0.05, maps.shape).astype(np.float32)
    return {name: spec.heads[name].meant(maps) for name, maps in wanted.items()}


@cache
def fitted(options: DeepercutOptions) -> PairwiseTerms:
    """Terms fitted to crowds, other ones than those of the tests."""
    rng, spec = np.random.default_rng(1000), part_spec()

    def examples() -> object:
        for i in range(30):
            people = crowd(rng, 2 + i % 4)
            yield detect(part_maps(people, spec, rng), spec, options), sample_of(people).people

    return fit_terms(examples(), COCO_17.keypoints)  # type: ignore[arg-type]
