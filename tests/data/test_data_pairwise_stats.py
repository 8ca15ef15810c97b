"""Statistics of pairwise vectors: counted over labels, and on disk in our form and the published one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from limbwise.data.coco import CocoDataset
from limbwise.data.pairwise_stats import labelled_people, read_statistics, write_statistics
from limbwise.errors import InputError
from limbwise.skeletons import COCO_17, MPII_14
from limbwise.spec import ordered_pairs


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("suffix", [".json", ".mat"])
def test_statistics(tmp_path: Path, suffix: str, base: int) -> None:
    rng, pairs = np.random.default_rng(0), ordered_pairs(17)
    means, deviations = rng.normal(0, 50, pairs.shape), rng.uniform(1, 50, pairs.shape)
    path = tmp_path / f"stats{suffix}"
    if suffix == ".json":
        write_statistics(means.astype(np.float32), deviations.astype(np.float32), COCO_17, path)
    else:
        order = rng.permutation(len(pairs))  # the old Caffe-trained order was another
        savemat(path, {"graph": pairs[order] + base, "means": means[order], "std_devs": deviations[order]})
    found = read_statistics(path, COCO_17)
    assert np.allclose(found[0], means, atol=1e-3)
    assert np.allclose(found[1], deviations, atol=1e-3)
    with pytest.raises(InputError, match="182 x 2"):
        read_statistics(path, MPII_14)


@pytest.mark.parametrize(("field", "value"), [("graph", [[0, 1]]), ("means", "x"), ("std_devs", None), ("std_devs", [[0, 1]] * 272),
                                              ("means", [[float("nan"), 1]] * 272), ("graph", [[0, 1]] * 272)])  # fmt: skip
def test_wrong_statistics_name_the_file(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "stats.json"
    write_statistics(np.zeros((272, 2), np.float32), np.ones((272, 2), np.float32), COCO_17, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(InputError, match=r"stats\.json: "):
        read_statistics(path, COCO_17)


def test_people_of_a_data_set_without_its_images(tmp_path: Path) -> None:
    keypoints = np.arange(51.0).reshape(17, 3)
    keypoints[:, 2] = 2
    keypoints[3] = 0
    people = [
        {"id": i, "image_id": i // 2, "keypoints": keypoints.ravel().tolist(), "bbox": [0, 0, 60, 60]} for i in range(3)
    ]
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 64} for i in range(3)]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images, "annotations": people}))
    found = labelled_people(CocoDataset(tmp_path / "labels.json"))
    assert found.shape == (3, 17, 2)
    assert np.isnan(found[:, 3]).all()
    assert np.array_equal(found[1, 4:], keypoints[4:, :2])
