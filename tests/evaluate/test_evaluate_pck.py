"""PCK over a data set: every labelled person counts, by torso, head or box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.matlab_files import write_mpii

from limbwise.data.mpii import MpiiDataset
from limbwise.errors import InputError
from limbwise.evaluate.pck import evaluate_pck
from limbwise.people import People
from limbwise.skeleton import place
from limbwise.skeletons import FACE_70, MPII_14


@pytest.fixture
def dataset(tmp_path: Path) -> MpiiDataset:
    write_mpii(tmp_path)
    return MpiiDataset(tmp_path)


def found_beside(dataset: MpiiDataset, pixels: float) -> Any:
    """Finds the labelled person whose box it is, moved to the right."""
    boxes, xy = (
        np.concatenate([getattr(dataset.labels(i), name) for i in range(len(dataset))]) for name in ("boxes", "xy")
    )

    def find(image: object, box: np.ndarray) -> People:
        own = xy[np.abs(boxes - box).max(1).argmin()] + np.array([pixels, 0])
        return People(dataset.skeleton, own[None], np.ones((1, len(own)))).as_skeleton(MPII_14)

    return find


def test_every_labelled_person_counts(dataset: MpiiDataset) -> None:
    people = sum(len(dataset.labels(i).xy) for i in range(len(dataset)))
    result = evaluate_pck(found_beside(dataset, 0), MPII_14, dataset, by="box")
    assert result.numbers.counted.max() == people > len(dataset) / 2
    assert {place(name) for name in result.names} == set(MPII_14.keypoints)
    assert result.numbers.pck == 1


def test_a_head_is_six_tenths_of_the_diagonal_of_its_box(dataset: MpiiDataset) -> None:
    size = 0.6 * np.hypot(12, 16)
    for share, wanted in ((0.49, 0), (0.51, 1)):
        result = evaluate_pck(found_beside(dataset, 0.5 * size), MPII_14, dataset, share, by="head")
        assert result.numbers.pck == wanted


def test_nothing_in_common_is_refused(dataset: MpiiDataset) -> None:
    with pytest.raises(InputError, match="no image with keypoints that face_70 has"):
        evaluate_pck(found_beside(dataset, 0), FACE_70, dataset)
