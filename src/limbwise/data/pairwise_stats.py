"""What DeeperCut's pairwise vectors are measured in: their means and standard deviations over a data set, counted and kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.data.dataset import Dataset
from limbwise.data.matlab import floats, read_mat
from limbwise.errors import InputError
from limbwise.fields import read_table
from limbwise.files import write_rows
from limbwise.skeleton import Skeleton
from limbwise.spec import ordered_pairs

Floats = npt.NDArray[np.float32]
NAMES = ("graph", "means", "std_devs")  # of the published pairwise_stats.mat


def labelled_people(dataset: Dataset) -> Floats:
    """(N, K, 2) the labelled people of all images, in their pixels, NaN where a keypoint is not marked; no image is read."""
    people = [np.zeros((0, len(dataset.skeleton), 2), np.float32)]
    for i in range(len(dataset)):
        labels = dataset.labels(i)
        people.append(np.where(labels.marked[..., None], labels.xy, np.float32("nan")))
    return np.concatenate(people)


def read_statistics(path: str | Path, skeleton: Skeleton) -> tuple[Floats, Floats]:
    """Means and deviations (K (K - 1), 2) of the vectors of `ordered_pairs`, from what `write_statistics` wrote or the published .mat.

    Its graph lists the pairs, from 0 (from 1 in the oldest files), in any order. Raises InputError that names the file where it is
    damaged or of another skeleton.
    """
    if Path(path).suffix.lower() == ".mat":
        graph, means, deviations = (floats(value) for value in read_mat(path, *NAMES))
    else:
        table = read_table(path)
        graph, means, deviations = (_numbers(table.get(name)) for name in NAMES)
    pairs = ordered_pairs(len(skeleton))
    if not graph.shape == means.shape == deviations.shape == pairs.shape:
        raise InputError(f"{path}: graph, means and std_devs of {len(pairs)} x 2 are expected for {skeleton.name}")
    if not all(np.isfinite(values).all() for values in (graph, means, deviations)) or not (deviations > 0).all():
        raise InputError(f"{path}: graph and means are to be numbers, std_devs above 0")
    graph = graph - graph.min()
    order = np.lexsort((graph[:, 1], graph[:, 0]))
    if not np.array_equal(graph[order], pairs):
        raise InputError(f"{path}: graph does not list the pairs of {len(skeleton)} keypoints")
    return means[order], deviations[order]


def _numbers(value: object) -> Floats:
    try:
        return np.asarray(value, np.float32)
    except (TypeError, ValueError):
        return np.zeros(0, np.float32)


def write_statistics(means: Floats, deviations: Floats, skeleton: Skeleton, path: Path) -> None:
    """Means and deviations (K (K - 1), 2) as JSON, by the names of the published file, pairs from 0."""
    table = {
        "keypoints": list(skeleton.keypoints),
        "graph": ordered_pairs(len(skeleton)).tolist(),
        "means": np.round(means.astype(float), 4).tolist(),
        "std_devs": np.round(deviations.astype(float), 4).tolist(),
    }
    write_rows(table, path)
