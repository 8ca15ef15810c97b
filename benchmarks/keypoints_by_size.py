"""What a network misses: of the labelled keypoints of a COCO set the share that its heatmaps show, by the size of the person.

    python benchmarks/keypoints_by_size.py COCO.json [--model default] [--side 368] [--json benchmarks/results/keypoints-default.json]

A keypoint is shown where its heatmap is above LIT within REACH of the person's size. `other` is the share of those of limbs and faces
that have two sides where the heatmap of the other side is lit there too. Sizes are square roots of areas at 368 pixels shorter side.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.data.coco import CocoDataset
from limbwise.data.dataset import Labels
from limbwise.data.find import open_dataset
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.maps import Maps
from limbwise.files import whole_file
from limbwise.geometry import apply, invert
from limbwise.sample import SEEN
from limbwise.skeletons import COCO_17

LIT, REACH, SIDE = 0.2, 0.12, 368
SIZES = {"to 50": 50.0, "to 90": 90.0, "to 180": 180.0, "above": float("inf")}
KINDS = {"face": ("nose", "eye", "ear"), "arms": ("shoulder", "elbow", "wrist"), "legs": ("hip", "knee", "ankle")}


@dataclass(frozen=True)
class Seen:
    """One labelled keypoint: what it is, how large its person is, whether it is lit, and on the other side's map (None: no sides)."""

    kind: str
    size: str
    lit: bool
    other: bool | None


def judge(maps: Maps, labels: Labels) -> Iterator[Seen]:
    """Every keypoint in sight of the people of one picture."""
    heat = maps.heads["heatmaps"]
    to_cells = invert(maps.to_picture("heatmaps"))
    zoom = float(np.sqrt(abs(np.linalg.det(to_cells[:, :2]))))
    skeleton = maps.spec.skeleton
    for xy, visibility, area in zip(labels.xy, labels.visibility, labels.areas, strict=True):
        size = float(np.sqrt(area))
        band = next(name for name, most in SIZES.items() if size * SIDE / min(maps.size) < most)
        for name, place, seen in zip(COCO_17.keypoints, apply(to_cells, xy), visibility == SEEN, strict=True):
            near = disc(place, max(1.0, REACH * size * zoom), heat.shape[1:])
            if not seen or not near.any():
                continue
            kind = next(kind for kind, ends in KINDS.items() if name.endswith(ends))
            own = skeleton.index(name)
            other = int(skeleton.flip[own])
            lit = [bool(heat[k][near].max() > LIT) for k in (own, other)]
            yield Seen(kind, band, lit[0], lit[1] if other != own else None)


def disc(place: npt.NDArray[np.float64], radius: float, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """(h, w) which cells lie about a place."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((x - place[0]) ** 2 + (y - place[1]) ** 2 <= radius**2)


def table(seen: list[Seen]) -> dict[str, dict[str, dict[str, float]]]:
    """By kind and size: how many keypoints, the share that is lit, the share that is lit on the other side's map."""
    told: dict[str, dict[str, dict[str, float]]] = {}
    for kind in KINDS:
        for size in SIZES:
            those = [one for one in seen if (one.kind, one.size) == (kind, size)]
            sided = [one.other for one in those if one.other is not None]
            told.setdefault(kind, {})[size] = {
                "keypoints": len(those),
                "shown": round(float(np.mean([one.lit for one in those])), 3) if those else 0.0,
                "other": round(float(np.mean(sided)), 3) if sided else 0.0,
            }
    return told


def main() -> None:
    """Look at all pictures, count, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("coco", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    source = open_dataset(asked.coco)
    assert isinstance(source, CocoDataset)
    estimator = Estimator(asked.model, size=asked.side)
    seen: list[Seen] = []
    for i in range(len(source)):
        labels = source.labels(i)
        picture = source.images.load(labels.name)
        seen += judge(estimator.look(estimator.prepare(picture), picture.shape), labels)
    told = table(seen)
    for kind, sizes in told.items():
        print(
            kind,
            *(
                f"{size}: {n['shown']:.2f} of {n['keypoints']}, other side {n['other']:.2f};"
                for size, n in sizes.items()
            ),
        )
    if asked.json:
        with whole_file(asked.json) as part:
            part.write_text(json.dumps({"model": asked.model, "side": asked.side, "numbers": told}, indent=1) + "\n")


if __name__ == "__main__":
    main()
