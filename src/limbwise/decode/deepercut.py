"""Part, offset and pairwise maps to people (Insafutdinov et al., "DeeperCut", ECCV 2016): detections, a graph of them, its multicut.

Clusters of detections are people, suppressed detections are nobody. The published code keeps those as people of one joint, gives
no scores, and takes joints of two people for one where they lie within 40 pixels; `published` has its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.decode.multicut import Method, solve_multicut
from limbwise.decode.pairwise import PUBLISHED_PAIRS, PairwiseTerms, join_costs, keep_costs
from limbwise.decode.parts import Parts, find_parts
from limbwise.fields import option
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DeepercutOptions:
    """How DeeperCut's maps become people. Lengths in network-input pixels.

    `min_parts`, `max_people`: as with other methods. `joint_slope`: parts of one keypoint are one person's with probability
    1 / (1 + exp(slope (distance - joint_apart))); 0: never.
    """

    part_probability: float = option(0.2, "least probability of a detected part")
    nms_radius: float = option(8.0, "a part takes with it what is this near, in input pixels")
    nms_by: Literal["joint", "cell"] = option(
        "joint", "near by the joints that cells point to, or by the cells themselves"
    )
    nms_mean: bool = option(True, "joints and vectors are means over the cells that went with the best")
    pairs: Literal["all", "published"] = option(
        "all", "pairs of keypoints that are compared: all that were fitted, or 40"
    )
    joint_slope: float = option(
        0.0, "how sharply two parts of one keypoint are told apart by distance; 0: they never join"
    )
    joint_apart: float = option(37.5, "distance at which they are as likely two people's as one's")
    solver: Method = option("local", "how people are cut out of the graph; exact may take long")
    max_parts: int = option(64, "most parts of a keypoint")
    min_parts: int = option(3, "fewest parts of a person")
    max_people: int | None = option(None, "most people of an image")

    def __post_init__(self) -> None:
        if not 0 < self.part_probability < 1:
            raise ValueError(f"part_probability: a probability between 0 and 1 is needed, got {self.part_probability}")
        for name in ("nms_radius", "joint_slope", "joint_apart"):
            if not 0 <= getattr(self, name) < 1e4:
                raise ValueError(f"{name}: a number from 0 to 10000 is needed, got {getattr(self, name)}")
        if self.max_parts < 1 or (self.max_people is not None and self.max_people < 0):
            raise ValueError("max_parts from 1 and max_people None or from 0 are needed")


def published() -> DeepercutOptions:
    """The parameters of the published multi-person demo; suppressed detections are dropped."""
    return DeepercutOptions(
        nms_radius=40, nms_by="cell", nms_mean=False, pairs="published", joint_slope=0.2, min_parts=1
    )


def everyone() -> DeepercutOptions:
    """Whoever there is, down to lone parts, for measures that reward each."""
    return DeepercutOptions(min_parts=1)


PRESETS = {"default": DeepercutOptions, "published": published, "everyone": everyone}


def decode_deepercut(
    maps: dict[str, Floats], spec: ModelSpec, terms: PairwiseTerms, options: DeepercutOptions = DeepercutOptions()
) -> People:
    """The people of one image, best first, in network-input pixels.

    `maps` by head, in our units: part_logits (K, h, w), offsets (2 K, h, w) and pairwise (2 K (K - 1), h, w), float32, one grid.
    The score of a keypoint is the probability of its part, that of a person their sum. Raises ValueError for wrong shapes.
    """
    return decode_with_parts(maps, spec, terms, options)[0]


def decode_with_parts(
    maps: dict[str, Floats], spec: ModelSpec, terms: PairwiseTerms, options: DeepercutOptions = DeepercutOptions()
) -> tuple[People, Parts]:
    """As decode_deepercut; also all detected parts."""
    parts = detect(maps, spec, options)
    return people_of(parts, cluster(parts, terms, options), spec, options), parts


def detect(maps: dict[str, Floats], spec: ModelSpec, options: DeepercutOptions) -> Parts:
    """The parts in maps."""
    return find_parts(maps, spec, options.part_probability, options.nms_radius, options.nms_by == "joint", options.nms_mean,
                      options.max_parts)  # fmt: skip


def cluster(parts: Parts, terms: PairwiseTerms, options: DeepercutOptions) -> npt.NDArray[np.int64]:
    """(M,) the person that each part belongs to, -1 for none."""
    pairs, weights = terms.linear(PUBLISHED_PAIRS if options.pairs == "published" else None)
    edges, costs = join_costs(parts, pairs, weights, float(options.joint_slope), float(options.joint_apart))
    labels, _ = solve_multicut(len(parts.scores), edges, costs, keep_costs(parts.scores), options.solver)
    return labels


def people_of(parts: Parts, labels: npt.NDArray[np.int64], spec: ModelSpec, options: DeepercutOptions) -> People:
    """Clusters as People: one part of a kind each (the mean of several, weighted by probability), too small ones left out."""
    count, keypoints = int(labels.max(initial=-1)) + 1, len(spec.skeleton)
    inside = np.flatnonzero(labels >= 0)
    where = (labels[inside], parts.kinds[inside])
    weights, sums = np.zeros((count, keypoints)), np.zeros((count, keypoints, 2))
    scores = np.zeros((count, keypoints), np.float32)
    np.add.at(weights, where, parts.scores[inside])
    np.add.at(sums, where, parts.scores[inside, None] * parts.xy[inside])
    np.maximum.at(scores, where, parts.scores[inside])
    there = weights > 0
    xy = np.full((count, keypoints, 2), np.nan)
    xy[there] = sums[there] / weights[there][:, None]
    totals = scores.sum(1)
    kept = np.flatnonzero(there.sum(1) >= min(options.min_parts, keypoints))
    best = kept[np.argsort(-totals[kept], kind="stable")][: options.max_people]
    return People(spec.skeleton, xy[best], scores[best], totals[best])
