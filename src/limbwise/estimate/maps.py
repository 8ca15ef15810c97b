"""Maps: what a network saw in one picture; kept on disk, so that people can be made of them again with other options."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError
from limbwise.files import whole_file
from limbwise.geometry import Matrix, compose, invert
from limbwise.npz import open_npz
from limbwise.spec import ModelSpec, parse_spec
from limbwise.write.record import Record


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one picture.

    `heads`: per head of the spec (C, h, w) float32. `frame`: (2, 3) matrix from pixels of the picture to pixels of the network's
    input. `size`: (width, height) of the picture.
    """

    spec: ModelSpec
    heads: dict[str, npt.NDArray[np.float32]]
    frame: Matrix
    size: tuple[int, int]

    def strengths(self) -> npt.NDArray[np.float32]:
        """(K or K + 1, h, w) float32, 0 to 1: how probable each keypoint is: heatmaps, or what part logits mean."""
        if self.spec.method != "deepercut":
            return self.heads["heatmaps"]
        return np.asarray(1 / (1 + np.exp(-self.heads["part_logits"].astype(np.float64))), np.float32)

    def to_picture(self, head: str) -> Matrix:
        """(2, 3) matrix from cells of a head's maps to pixels of the picture."""
        return compose(self.spec.heads[head].frame(self.heads[head].shape), invert(self.frame))


def save_maps(maps: Maps, path: str | Path, record: Record | None = None) -> None:
    """One picture's maps as a compressed .npz, float32 as they are; `record`: where they are from."""
    note = json.dumps({"spec": asdict(maps.spec), "size": maps.size, "record": record and astuple(record)})
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {f"head_{name}": array for name, array in maps.heads.items()}
    np.savez_compressed(buffer, note=np.array(note), frame=maps.frame, **arrays)
    with whole_file(path) as part:
        part.write_bytes(buffer.getvalue())


def load_maps(path: str | Path) -> Maps:
    """Maps that `save_maps` wrote; raises InputError that names the file."""
    return load_with_record(path)[0]


def load_with_record(path: str | Path) -> tuple[Maps, Record | None]:
    """As load_maps; also where they are from, as far as the file tells."""
    with open_npz(path, "not maps that --save-maps wrote") as data:
        note = json.loads(str(data["note"]))
        heads = {name.removeprefix("head_"): data[name] for name in data.files if name.startswith("head_")}
        frame, (width, height) = data["frame"], note["size"]
        record = Record(*note["record"]) if note.get("record") else None
    spec = parse_spec(note.get("spec"), path)
    for name, head in spec.heads.items():
        if name not in heads or heads[name].ndim != 3 or len(heads[name]) != len(head.channels):
            raise InputError(f"{path}: {name}: {len(head.channels)} maps are needed")
    if frame.shape != (2, 3) or abs(np.linalg.det(frame[:, :2])) < 1e-9:
        raise InputError(f"{path}: frame: an invertible (2, 3) matrix is needed")
    return Maps(spec, heads, frame.astype(np.float64), (int(width), int(height))), record
