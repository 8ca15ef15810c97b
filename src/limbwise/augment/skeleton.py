"""A sample on another skeleton: from what a data set marks to what a model learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limbwise.people import People
from limbwise.sample import ABSENT, HIDDEN, UNKNOWN, Sample
from limbwise.skeleton import MIDDLE_OF, Skeleton, place


def to_skeleton(sample: Sample, skeleton: Skeleton) -> Sample:
    """The same sample with the keypoints of `skeleton`, by name.

    What the source does not mark is UNKNOWN: it may be there. A neck or middle of the hips that the source has no keypoint for is
    the middle of both shoulders or hips: as visible as the less visible of the two, ABSENT where both are, else UNKNOWN.
    """
    people = sample.people
    if people.skeleton == skeleton:
        return sample
    source = skeleton.map_from(people.skeleton)
    xy, visibility = people.xy[:, source], sample.visibility[:, source]
    xy[:, source < 0], visibility[:, source < 0] = np.nan, UNKNOWN
    for k, keypoint in enumerate(skeleton.keypoints):
        ends = MIDDLE_OF.get(place(keypoint), ())
        if ends and source[k] < 0 and set(ends) <= set(people.skeleton.keypoints):
            a, b = (people.skeleton.index(end) for end in ends)
            low = np.minimum(sample.visibility[:, a], sample.visibility[:, b])
            high = np.maximum(sample.visibility[:, a], sample.visibility[:, b])
            visibility[:, k] = np.where(
                low >= HIDDEN, low, np.where((low == ABSENT) & (high == ABSENT), ABSENT, UNKNOWN)
            )
            xy[:, k] = np.where(low[:, None] >= HIDDEN, (people.xy[:, a] + people.xy[:, b]) / 2, np.nan)
    moved = People(skeleton, xy, (visibility >= HIDDEN).astype(np.float32), ids=people.ids)
    return replace(sample, people=moved, visibility=visibility.astype(np.int8))
