"""Pairwise terms of a model: a JSON file beside its weights, STEM.pairwise.json, or the published spatial_model_*.mat."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.data.matlab import floats, read_mat
from limbwise.decode.pairwise import FEATURES, PairwiseTerms
from limbwise.errors import InputError, ModelMissing
from limbwise.fields import build, read_table
from limbwise.files import whole_file
from limbwise.skeleton import Skeleton
from limbwise.spec import ordered_pairs

NAME = re.compile(r"spatial_model_cidx_(\d+)_(\d+)\.mat")


def find_terms(weights: Path, skeleton: Skeleton, given: Path | None = None) -> PairwiseTerms:
    """The terms of a weights file: those in `given`, a JSON file or a folder of .mat files, else those beside it.

    Raises ModelMissing where there are none, InputError that names the file where they are damaged or for other keypoints.
    """
    path = given or weights.with_suffix(".pairwise.json")
    if not path.exists():
        raise ModelMissing(
            f"{path}: no pairwise terms, which tell the people of {weights.name} apart; limbwise train pairwise makes them, "
            f"--pairwise gives others"
        )
    if path.is_dir():
        return read_published_terms(path, skeleton)
    terms = read_terms(path)
    if terms.keypoints != skeleton.keypoints:
        raise InputError(f"{path}: pairwise terms of other keypoints than those of {skeleton.name}")
    return terms


def read_terms(path: Path) -> PairwiseTerms:
    """Terms that `write_terms` wrote; raises InputError that names the file and the field."""
    return build(PairwiseTerms, read_table(path), path)


def write_terms(terms: PairwiseTerms, path: Path) -> None:
    """Terms as JSON, a row of numbers a line."""
    with whole_file(path) as part:
        part.write_text(_rows_on_lines(asdict(terms)), encoding="utf-8")


def _rows_on_lines(table: dict[str, Any]) -> str:
    fields = []
    for name, rows in table.items():
        inner = ",\n  ".join(json.dumps(row) for row in rows)
        fields.append(f" {json.dumps(name)}: [\n  {inner}\n ]")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def read_published_terms(folder: Path, skeleton: Skeleton) -> PairwiseTerms:
    """Terms from the published spatial_model_cidx_A_B.mat, keypoints A < B counted from 1.

    Raises InputError that names the file where one is damaged, or the folder where it has none for the skeleton.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if match is None:
            continue
        a, b = int(match[1]) - 1, int(match[2]) - 1
        if not 0 <= a < b < len(skeleton):
            raise InputError(
                f"{path}: keypoints {match[1]} and {match[2]} of {skeleton.name}, which has {len(skeleton)}"
            )
        found[a, b] = _one(path)
    if not found:
        raise InputError(f"{folder}: no spatial_model_cidx_A_B.mat is in it")
    low, high, weights = zip(*found.values(), strict=True)
    try:
        return PairwiseTerms(skeleton.keypoints, tuple(found), low, high, weights)
    except ValueError as error:
        raise InputError(f"{folder}: {error}") from error


def _one(path: Path) -> tuple[tuple[float, ...], ...]:
    """Low, high and weights of one file."""
    (model,) = read_mat(path, "spatial_model")
    rows = []
    for steps, width in ((("training_opts", "X_min"), FEATURES), (("training_opts", "X_max"), FEATURES),
                         (("log_reg", "w"), FEATURES + 1)):  # fmt: skip
        value = model
        for step in steps:
            value = getattr(value, step, None)
        numbers = floats(value).ravel() if value is not None else floats([])
        if len(numbers) != width or not np.isfinite(numbers).all():
            raise InputError(f"{path}: spatial_model.{'.'.join(steps)}: {width} numbers are expected")
        rows.append(tuple(float(number) for number in numbers))
    return tuple(rows)


def read_statistics(path: Path, skeleton: Skeleton) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Means and deviations of vectors, (K (K - 1), 2) each, from a JSON file of `write_statistics` or the published .mat.

    Raises InputError that names the file.
    """
    if path.suffix.lower() == ".mat":
        graph, means, deviations = (floats(value) for value in read_mat(path, "graph", "means", "std_devs"))
    else:
        table = read_table(path)
        graph, means, deviations = (floats(table.get(name)) for name in ("graph", "means", "std_devs"))
    pairs = ordered_pairs(len(skeleton))
    if not (graph.shape == means.shape == deviations.shape == pairs.shape):
        raise InputError(f"{path}: graph, means and std_devs of {len(pairs)} pairs of keypoints are expected")
    if not (np.isfinite(means).all() and np.isfinite(deviations).all() and (deviations > 0).all()):
        raise InputError(f"{path}: means must be finite and std_devs above 0")
    graph = graph - graph.min()
    order = np.lexsort((graph[:, 1], graph[:, 0]))
    if not np.array_equal(graph[order], pairs):
        raise InputError(f"{path}: graph: each ordered pair of {len(skeleton)} keypoints is expected once")
    return means[order], deviations[order]


def write_statistics(
    means: npt.NDArray[np.float32], deviations: npt.NDArray[np.float32], skeleton: Skeleton, path: Path
) -> None:
    """Means and deviations as JSON, with the names of the published file: graph (0-based), means, std_devs."""
    table = {
        "keypoints": list(skeleton.keypoints),
        "graph": ordered_pairs(len(skeleton)).tolist(),
        "means": np.round(means.astype(float), 4).tolist(),
        "std_devs": np.round(deviations.astype(float), 4).tolist(),
    }
    with whole_file(path) as part:
        part.write_text(_rows_on_lines(table), encoding="utf-8")
