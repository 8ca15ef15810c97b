"""Fitting a model's pairwise terms: it looks at labelled images, and which of the parts that it finds are one person's is learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from limbwise.data.dataset import Dataset
from limbwise.decode.deepercut import DeepercutOptions, detect
from limbwise.decode.pairwise import PairwiseTerms
from limbwise.decode.pairwise_fit import fit_terms
from limbwise.decode.parts import Parts
from limbwise.errors import UsageError
from limbwise.estimate.estimator import Estimator, ModelOptions
from limbwise.estimate.grouping import needs_terms
from limbwise.estimate.zoo import Model
from limbwise.people import People


class _Detector(Estimator):
    """A model that tells no people apart yet."""

    def find_terms(self, model: Model) -> PairwiseTerms | None:
        if not needs_terms(model.spec):
            raise UsageError(f"{model.path}: its spec has no pairwise head, and no terms to be fitted")
        return None


def fit_pairwise(
    model: ModelOptions, given: Mapping[str, Any], dataset: Dataset, tell: Callable[[], None] = lambda: None
) -> tuple[PairwiseTerms, Path]:
    """Terms of a model for the parts that it finds in a data set with the `given` options of the decoder, and the model's file.

    `tell` is called after each image. Raises UsageError for a model without pairwise head, InputError where an image or label is
    damaged or too little is found.
    """
    detector = _Detector(decode=given, **asdict(model))

    def examples() -> Iterator[tuple[Parts, People]]:
        for i in range(len(dataset)):
            yield parts_of(detector, dataset, i)
            tell()

    return fit_terms(examples(), detector.spec.skeleton.keypoints), detector.path


def parts_of(detector: Estimator, dataset: Dataset, i: int) -> tuple[Parts, People]:
    """The parts found in an image of a data set, and its labelled people, both in input pixels."""
    sample = dataset.load(i)
    maps = detector.look(detector.prepare(sample.image), sample.image.shape)
    assert isinstance(detector.decode_options, DeepercutOptions)
    people = sample.people.as_skeleton(detector.spec.skeleton).moved(maps.frame)
    return detect(maps.heads, detector.spec, detector.decode_options), people
