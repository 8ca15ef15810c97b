"""Choose the decoder's options for a model on the held out parts of two data sets, and what its person scores are worth; into its spec.

    python scripts/calibrate.py MODEL.onnx RENDERED LSPE [--images 500] [--false 0.1] [--dry]

RENDERED, a COCO set in which everybody is labelled, tells who is to be kept; LSPE, photos in which one is, how well real people are put
together. Coordinate descent: each option in turn takes the value with the highest sum of AP on the one and recall (AR) on the
other, among those with at most so many people an image where nobody is labelled (`--false`), until a round gains nothing. The
network runs once. Odd images choose the options, even ones fit the worth of scores and say what came out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.data.coco import CocoDataset
from limbwise.data.dataset import Dataset, Labels
from limbwise.data.find import open_dataset
from limbwise.data.lsp import LspDataset
from limbwise.decode.options import OpenPoseOptions
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.grouping import group
from limbwise.estimate.maps import Maps
from limbwise.evaluate.coco import CocoResult, Judged, evaluate_coco
from limbwise.evaluate.reliability import Flags, Floats, fit_worth, reliability, rightness
from limbwise.fields import read_table
from limbwise.media.image import write_image
from limbwise.skeletons import COCO_17
from limbwise.spec import read_spec, write_spec

CHOICES: dict[str, tuple[Any, ...]] = {
    "threshold": (0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3),
    "weak": (0.02, 0.04, 0.08),  # lower ones are noise: no AP, and in a crowd twelve times the time
    "smoothing": (0.0, 4.0, 6.0, 8.0, 11.0),
    "person_score": ("sum", "mean", "by_parts", "peaks"),
    "size_weight": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "min_parts": (3, 4, 5, 6),  # a face and one shoulder are somebody, whatever is rare among the scenes judged here
    "min_mean_score": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "limb_weight": (0.0, 0.35, 0.5, 0.75),
    "fragment_limit": (0.0, 2.5, 5.0, 10.0, 20.0),
    "validity": (0.35, 0.5, 0.65, 0.8, 0.9),
    "near": (0.0, 8.0, 16.0),
    "penalty": (0.25, 0.5, 1.0, 2.0),
    "redundant": ("equal", "join", "fill"),
}
HALVES = {"odd": 1, "even": 0}
LEAST = 1e-3  # AP: what gains less may be chance


class Looked:
    """The maps of images that a network looked at once, and their labels in a folder as evaluation wants them."""

    def __init__(self, estimator: Estimator, data: Dataset, table: dict[str, Any], folder: Path) -> None:
        """`table`: COCO's, of the last images of `data`, in their order."""
        self.estimator, self.folder, self.maps = estimator, folder, list[Maps]()
        folder.mkdir()
        entries = table["images"]
        for place, entry in enumerate(entries, len(data) - len(entries)):
            image = data.image(place)
            entry["file_name"] = Path(entry["file_name"]).with_suffix(".png").name
            write_image(folder / entry["file_name"], image)
            self.maps.append(estimator.look(estimator.prepare(image), image.shape))
        for name, first in HALVES.items():
            ids = {entry["id"] for entry in entries[first::2]}
            people = [a for a in table["annotations"] if a["image_id"] in ids]
            part = {"images": entries[first::2], "categories": table["categories"], "annotations": people}
            (folder / f"{name}.json").write_text(json.dumps(part))

    def judge(self, options: OpenPoseOptions, half: str) -> CocoResult:
        """What the decoder makes of one half of the maps."""
        maps: Iterator[Maps] = iter(self.maps[HALVES[half] :: 2])
        skeleton = self.estimator.spec.skeleton
        return evaluate_coco(
            lambda image: group(next(maps), options), skeleton, self.folder / f"{half}.json", self.folder
        )


def look_at_groups(estimator: Estimator, path: Path, count: int, folder: Path) -> Looked:
    """The last images of a COCO set."""
    data = open_dataset(path)
    assert isinstance(data, CocoDataset)
    table = read_table(data.path)
    entries = {entry["id"]: entry for entry in table["images"]}
    return Looked(estimator, data, table | {"images": [entries[i] for i in data.image_ids[-count:]]}, folder)


def look_at_singles(estimator: Estimator, path: Path, count: int, folder: Path) -> Looked:
    """The last images of LSP or LSPE."""
    data = LspDataset(path, "val")
    places = range(len(data))[-count:]
    images = [{"id": place, "file_name": data.names[place]} for place in places]
    people = [_as_coco(data.labels(place), place, COCO_17.map_from(data.skeleton)) for place in places]
    category = {"id": 1, "name": "person", "keypoints": COCO_17.keypoints, "skeleton": []}
    return Looked(estimator, data, {"images": images, "categories": [category], "annotations": people}, folder)


def _as_coco(labels: Labels, image: int, order: npt.NDArray[np.int_]) -> dict[str, Any]:
    """The one person of an image as COCO writes it; `order`: the label of each of COCO's keypoints, -1 for none."""
    marked = np.where(order >= 0, labels.marked[0][order], False)
    rows = np.where(marked[:, None], np.column_stack([labels.xy[0][order], np.full(len(order), 2)]), 0)
    left, top, right, bottom = labels.boxes[0].tolist()
    return {"id": image + 1, "image_id": image, "category_id": 1, "iscrowd": 0, "area": float(labels.areas[0]),
            "bbox": [left, top, right - left, bottom - top], "num_keypoints": int(marked.sum()),
            "keypoints": rows.ravel().tolist()}  # fmt: skip


def choose(groups: Looked, singles: Looked, options: OpenPoseOptions, most_false: float) -> OpenPoseOptions:
    """The options that coordinate descent ends at."""

    def value(candidate: OpenPoseOptions) -> float:
        result = groups.judge(candidate, "odd")
        excess = max(0.0, result.false_people / result.images - most_false)  # so that a start beyond finds its way back
        return result.numbers.ap + singles.judge(candidate, "odd").numbers.ar - excess

    best = value(options)
    for _ in range(4):
        before = options
        for name, values in CHOICES.items():
            tried = {v: replace(options, **{name: v}) for v in values if v != getattr(options, name)}
            scores = {v: value(candidate) for v, candidate in tried.items() if candidate.weak <= candidate.threshold}
            top = max(scores, key=scores.__getitem__, default=None)
            if top is not None and scores[top] > best + LEAST:
                options, best = tried[top], scores[top]
                print(f"{name} = {top}: {best:.4f}", flush=True)
        if options == before:
            break
    return options


def judged_people(judged: Sequence[Judged]) -> tuple[Floats, Flags]:
    """As `rightness`, of those about the labelled one of an image in which others are not labelled."""
    near = []
    for one in judged:
        if len(one.truth):
            (low, high), boxes = one.truth.boxes_xyxy[0].reshape(2, 2), one.found.boxes_xyxy
            middle, margin = (boxes[:, :2] + boxes[:, 2:]) / 2, 0.2 * (high - low)
            there = np.all((middle >= low - margin) & (middle <= high + margin), axis=1)
            near.append(replace(one, found=one.found[there], alike=one.alike[there]))
    return rightness(near)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("lspe", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--false", type=float, default=0.1, help="most people an image where nobody is labelled")
    parser.add_argument("--dry", action="store_true", help="only say what would be written")
    given = parser.parse_args(arguments)
    path = given.model.with_suffix(".json")
    estimator = Estimator(given.model)
    assert isinstance(estimator.decode_options, OpenPoseOptions)
    estimator.spec = replace(estimator.spec, worth=())
    with tempfile.TemporaryDirectory() as folder:
        groups = look_at_groups(estimator, given.rendered, given.images, Path(folder) / "groups")
        singles = look_at_singles(estimator, given.lspe, given.images, Path(folder) / "singles")
        start = replace(estimator.decode_options, weak=CHOICES["weak"][0])
        options = choose(groups, singles, start, given.false)
        result, single = groups.judge(options, "even"), singles.judge(options, "even")
    parts = rightness(result.judged), judged_people(single.judged)
    scores, right = (np.concatenate(both) for both in zip(*parts, strict=True))
    worth = fit_worth(scores, right)
    probable = np.interp(scores, *np.array(worth).T)
    usual = OpenPoseOptions()
    chosen = {name: getattr(options, name) for name in OpenPoseOptions.__dataclass_fields__
              if getattr(options, name) != getattr(usual, name)}  # fmt: skip
    told = f"AP {result.numbers.ap:.3f}, {result.false_people} false people in {result.images} images"
    print(f"rendered: {told}; LSPE: AR {single.numbers.ar:.3f}")
    print(f"decode: {chosen}\nworth: {worth}\nerror of scores {reliability(probable, right).error:.3f}")
    if not given.dry:
        write_spec(replace(read_spec(path), decode=chosen, worth=worth), path)


if __name__ == "__main__":
    main()
