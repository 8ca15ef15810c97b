"""Pairwise terms of a model: a JSON file beside its weights, STEM.pairwise.json, or the published spatial_model_*.mat."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np

from limbwise.data.matlab import field, floats, read_mat
from limbwise.decode.pairwise import FEATURES, PairwiseTerms
from limbwise.errors import InputError, ModelMissing
from limbwise.fields import build, read_table
from limbwise.files import write_rows
from limbwise.skeleton import Skeleton

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
    write_rows(asdict(terms), path)


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
    for table, name, width in (("training_opts", "X_min", FEATURES), ("training_opts", "X_max", FEATURES),
                               ("log_reg", "w", FEATURES + 1)):  # fmt: skip
        numbers = floats(field(field(model, table), name)).ravel()
        if len(numbers) != width or not np.isfinite(numbers).all():
            raise InputError(f"{path}: spatial_model.{table}.{name}: {width} numbers are expected")
        rows.append(tuple(float(number) for number in numbers))
    return tuple(rows)
