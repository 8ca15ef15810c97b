"""What pairwise vectors are measured in: their mean and standard deviation over training scenes, kept in the spec of the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limbwise.errors import InputError
from limbwise.net.deepercut import with_statistics
from limbwise.spec import ModelSpec, read_spec
from limbwise.target.deepercut import statistics
from limbwise.train.samples import SceneMaker

SCENES = 1000


def completed(spec: ModelSpec, make: SceneMaker, size: int, out: Path, scenes: int = SCENES) -> ModelSpec:
    """The spec with what its pairwise vectors are measured in: of the run in `out` where there is one, else from `scenes` training
    scenes of `size` pixels and their mirror images; damaged samples are passed over. A spec without such a head stays as it is."""
    if "pairwise" not in spec.heads:
        return spec
    kept = out / "spec.json"
    if kept.is_file() and (head := read_spec(kept).heads.get("pairwise")) is not None and head.scale:
        return with_statistics(spec, *(np.reshape(values, (-1, 2)) for values in (head.mean, head.scale)))
    people = [np.zeros((0, len(spec.skeleton), 2), np.float32)]
    for number in range(scenes):
        try:
            people.append(make.scene(number, 0, size).people.xy)
        except InputError:
            continue  # training meets it again, and says so
    return with_statistics(spec, *statistics(np.concatenate(people), spec.skeleton.flip))
