"""Pairwise terms on disk: our own files, the published Matlab ones, and damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from limbwise.decode.pairwise import PairwiseTerms
from limbwise.errors import InputError, LimbwiseError, ModelMissing
from limbwise.estimate.pairwise import find_terms, read_published_terms, read_terms, write_terms
from limbwise.skeletons import COCO_17, MPII_14


def some_terms(seed: int = 0) -> PairwiseTerms:
    rng = np.random.default_rng(seed)
    low, high, weights = (tuple(tuple(row) for row in rng.normal(0, 9, (2, n)).tolist()) for n in (8, 8, 9))
    return PairwiseTerms(COCO_17.keypoints, ((0, 1), (3, 16)), low, high, weights)


def write_mats(terms: PairwiseTerms, folder: Path) -> None:
    """The terms as the published files have them."""
    for (a, b), low, high, weights in zip(terms.pairs, terms.low, terms.high, terms.weights, strict=True):
        model = {"training_opts": {"X_min": low, "X_max": high}, "log_reg": {"w": np.array(weights)[:, None]}}
        savemat(folder / f"spatial_model_cidx_{a + 1}_{b + 1}.mat", {"spatial_model": model})


def test_terms_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "net.pairwise.json"
    write_terms(some_terms(), path)
    assert read_terms(path) == some_terms()
    assert find_terms(tmp_path / "net.onnx", COCO_17) == some_terms()
    assert find_terms(tmp_path / "other.onnx", COCO_17, path) == some_terms()
    with pytest.raises(InputError, match=r"net\.pairwise\.json: .* other keypoints than those of mpii_14"):
        find_terms(tmp_path / "net.onnx", MPII_14)
    with pytest.raises(ModelMissing, match=r"other\.pairwise\.json: .* limbwise train pairwise"):
        find_terms(tmp_path / "other.onnx", COCO_17)


def test_published_terms(tmp_path: Path) -> None:
    write_mats(some_terms(), tmp_path)
    (tmp_path / "pairwise_stats.mat").write_bytes(b"something else")
    found, wanted = read_published_terms(tmp_path, COCO_17), some_terms()
    assert (found.keypoints, found.pairs) == (wanted.keypoints, wanted.pairs)
    assert np.allclose(found.weights, wanted.weights, rtol=1e-6)
    assert np.allclose(found.low, wanted.low, rtol=1e-6)
    assert np.allclose(found.high, wanted.high, rtol=1e-6)
    assert find_terms(tmp_path / "net.onnx", COCO_17, tmp_path) == found
    with pytest.raises(InputError, match=r"cidx_4_17\.mat: keypoints 4 and 17 of mpii_14"):
        read_published_terms(tmp_path, MPII_14)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no spatial_model_cidx_A_B"):
        read_published_terms(tmp_path / "empty", COCO_17)


WRONG = [
    ("pairs", [[1, 0], [3, 16]]),
    ("pairs", [[0, 1], [0, 1]]),
    ("pairs", [[0, 1], [0, 17]]),
    ("weights", [[1] * 9]),
    ("weights", [[1] * 9, [1] * 8]),
    ("low", [[1] * 8, [float("nan")] * 8]),
    ("high", [[1] * 8, ["a"] * 8]),
    ("keypoints", 3),
    ("extra", 3),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_wrong_terms_name_file_and_field(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "a.json"
    write_terms(some_terms(), path)
    table = json.loads(path.read_text())
    path.write_text(json.dumps({**table, field: value}))
    with pytest.raises(InputError, match=rf"a\.json: .*{field}"):
        read_terms(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "spatial_model_cidx_1_2.mat"
    write_mats(some_terms(), tmp_path)
    whole, refused = path.read_bytes(), 0
    for i in range(200):
        data = bytearray(whole[: int(rng.integers(len(whole)))] if i % 3 == 0 else whole)
        for _ in range(int(rng.integers(1, 6)) if data else 0):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            read_published_terms(tmp_path, COCO_17)
        except LimbwiseError as error:
            refused += 1
            assert str(tmp_path) in str(error)
            assert "\n" not in str(error)
    assert refused > 80
