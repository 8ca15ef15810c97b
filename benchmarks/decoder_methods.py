"""The decoders that decoder.py measures: each draws its own maps of the harness's people, and makes people of them again."""

from __future__ import annotations

from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from skeletons import groups

from limbwise.decode import deepercut, openpose, options
from limbwise.decode.pairwise import PairwiseTerms
from limbwise.decode.pairwise_fit import fit_terms
from limbwise.people import People
from limbwise.skeletons import COCO_17, OPENPOSE_18
from limbwise.spec import Head, ModelSpec, ordered_pairs
from limbwise.target.deepercut import draw, grid, statistics

Floats = npt.NDArray[np.float32]
Maps = dict[str, Floats]
FITTED_ON = 400  # images with several people
MEASURED_ON = 1500  # images, for the statistics of vectors
FIT_NOISE = 0.05
SEED = 1


class Method(Protocol):
    """A decoder with its options and whatever it was fitted to."""

    def render(self, image: dict[str, Any], noise: float, generator: np.random.Generator) -> Maps: ...
    def decode(self, maps: Maps) -> tuple[People, list[Floats]]: ...
    def truth(self, image: dict[str, Any]) -> People: ...
    def strength(self, maps: Maps) -> Floats: ...


class OpenPose:
    """Heatmaps and PAFs as the harness draws them; noise is added to every channel."""

    presets = options.PRESETS

    def __init__(self, harness: Any, preset: str) -> None:
        heads = {"heatmaps": Head("heatmaps", tuple(range(19))), "pafs": Head("pafs", tuple(range(38)))}
        self.spec = ModelSpec("ideal maps", OPENPOSE_18, heads, limbs=harness.LIMBS)
        self.harness, self.options = harness, self.presets[preset]()

    def render(self, image: dict[str, Any], noise: float, generator: np.random.Generator) -> Maps:
        heatmaps, pafs = self.harness.render(image, noise, generator)
        return {"heatmaps": heatmaps, "pafs": pafs}

    def decode(self, maps: Maps) -> tuple[People, list[Floats]]:
        return openpose.decode_with_candidates(maps["heatmaps"], maps["pafs"], self.spec, self.options)

    def truth(self, image: dict[str, Any]) -> People:
        """The people of an image of the harness, with necks."""
        points = self.harness.openpose18(image["keypoints"])
        return People(OPENPOSE_18, np.where(points[..., 2:] > 0, points[..., :2], np.nan), points[..., 2])

    def strength(self, maps: Maps) -> Floats:
        return maps["heatmaps"]


class DeeperCut:
    """Part maps as the trainer's targets have them, of the harness's people; pairwise terms fitted to people of COCO train2017.

    Noise is added in the network's units: to probabilities, and to offsets and vectors in their standard deviations. Where a person
    lacks a joint, its vector is the mean, as of a network that does not know.
    """

    presets = deepercut.PRESETS

    def __init__(self, harness: Any, preset: str) -> None:
        self.options = self.presets[preset]()
        people = np.concatenate([group.people.xy for group in islice(groups(SEED), MEASURED_ON)])
        self.spec = deepercut_spec(*statistics(people, COCO_17.flip))
        self.terms = self._fitted()

    def _fitted(self) -> PairwiseTerms:
        generator = np.random.default_rng(SEED)
        examples = (
            (deepercut.detect(self.maps(g.people.xy, g.size, FIT_NOISE, generator), self.spec, self.options), g.people)
            for g in islice(groups(SEED, 2), FITTED_ON)
        )
        return fit_terms(examples, COCO_17.keypoints)

    def render(self, image: dict[str, Any], noise: float, generator: np.random.Generator) -> Maps:
        return self.maps(self.truth(image).xy, (image["width"], image["height"]), noise, generator)

    def maps(self, xy: Floats, size: tuple[int, int], noise: float, generator: np.random.Generator) -> Maps:
        """Maps of people on an image of (width, height) `size`; offsets and vectors only where a part is at all probable."""
        discs = draw(xy, grid(size[1], size[0], self.spec), 8, 4.0, 17.0)
        probability = 0.01 + 0.98 * discs.parts
        if noise:
            added = noise * generator.standard_normal(discs.parts.shape, np.float32)
            probability = np.clip(probability + added, 0.001, 0.999)
        pairwise, others = self.spec.heads["pairwise"], len(COCO_17) - 1
        mean, scale = (
            np.array(values, np.float32).reshape(-1, 2 * others, 1) for values in (pairwise.mean, pairwise.scale)
        )
        for k in range(len(COCO_17)):
            y, x = np.nonzero(probability[k] > 0.1)
            mine = slice(2 * others * k, 2 * others * (k + 1))
            known = np.repeat(discs.known[others * k : others * (k + 1)][:, y, x], 2, axis=0)
            vectors = np.where(known > 0, discs.vectors[mine][:, y, x], mean[k])
            jitter = noise * generator.standard_normal((2 * others + 2, len(y)), np.float32)
            discs.vectors[mine][:, y, x] = vectors + scale[k] * jitter[:-2]
            discs.offsets[2 * k : 2 * k + 2][:, y, x] += self.spec.heads["offsets"].scale[0] * jitter[-2:]
        logits = np.log(probability / (1 - probability))
        return {"part_logits": logits, "offsets": discs.offsets, "pairwise": discs.vectors}

    def decode(self, maps: Maps) -> tuple[People, list[Floats]]:
        people, parts = deepercut.decode_with_parts(maps, self.spec, self.terms, self.options)
        return people, parts.candidates

    def truth(self, image: dict[str, Any]) -> People:
        points = image["keypoints"]
        return People(COCO_17, np.where(points[..., 2:] > 0, points[..., :2], np.nan), points[..., 2])

    def strength(self, maps: Maps) -> Floats:
        return np.asarray(1 / (1 + np.exp(-maps["part_logits"])), np.float32)


def deepercut_spec(means: Floats, deviations: Floats) -> ModelSpec:
    """The published network's channels and units, for COCO's keypoints."""
    count, pairs = len(COCO_17), len(ordered_pairs(len(COCO_17)))
    heads = {
        "part_logits": Head("parts", tuple(range(count)), 8, 4.0),
        "offsets": Head("offsets", tuple(range(2 * count)), 8, 4.0, scale=(7.2801,) * (2 * count)),
        "pairwise": Head("pairwise", tuple(range(2 * pairs)), 8, 4.0, scale=tuple(deviations.ravel().tolist()),
                         mean=tuple(means.ravel().tolist())),
    }  # fmt: skip
    return ModelSpec("ideal part maps", COCO_17, heads, method="deepercut")


METHODS: dict[str, type[OpenPose] | type[DeeperCut]] = {"openpose": OpenPose, "deepercut": DeeperCut}
