"""Choose the decoder's options for a model on the held out part of a COCO set, and what its person scores are worth; into its spec.

    python scripts/calibrate.py MODEL.onnx RENDERED [--images 500] [--false 0.1] [--dry]

Coordinate descent: each option in turn takes the value with the highest AP among those with at most so many people an image where
nobody is labelled (`--false`), until a round gains nothing. The network runs once. Odd images choose the options, even ones fit
the worth of scores and say what came out.
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

from limbwise.data.coco import CocoDataset
from limbwise.data.find import open_dataset
from limbwise.decode.openpose import OpenPoseOptions
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.grouping import group
from limbwise.estimate.maps import Maps
from limbwise.evaluate.coco import CocoResult, evaluate_coco
from limbwise.evaluate.reliability import fit_worth, reliability, rightness
from limbwise.fields import read_table
from limbwise.media.image import write_image
from limbwise.spec import read_spec, write_spec

CHOICES: dict[str, tuple[Any, ...]] = {
    "threshold": (0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3),
    "weak": (0.02, 0.04, 0.08),  # lower ones are noise: no AP, and in a crowd twelve times the time
    "smoothing": (0.0, 4.0, 6.0, 8.0, 11.0),
    "person_score": ("sum", "mean", "by_parts", "peaks"),
    "size_weight": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "min_parts": (3, 4, 5, 6),  # a face and one shoulder are somebody, whatever is rare among the scenes judged here
    "min_mean_score": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "fragment_limit": (0.0, 2.5, 5.0, 10.0, 20.0),
    "validity": (0.35, 0.5, 0.65, 0.8, 0.9),
    "near": (0.0, 8.0, 16.0),
    "penalty": (0.25, 0.5, 1.0, 2.0),
    "redundant": ("equal", "join", "fill"),
}
LEAST = 1e-3  # AP: what gains less may be chance


class Looked:
    """The maps of images that a network looked at once, and their labels in a folder as evaluation wants them."""

    def __init__(self, estimator: Estimator, data: Path, folder: Path, count: int) -> None:
        source = open_dataset(data)
        assert isinstance(source, CocoDataset)
        places = range(max(0, len(source) - count), len(source))
        table = read_table(source.path)
        self.estimator, self.folder = estimator, folder
        self.maps: list[Maps] = []
        entries = {entry["id"]: entry for entry in table["images"]}
        self.entries = [entries[source.image_ids[place]] for place in places]
        for place, entry in zip(places, self.entries, strict=True):
            image = source.images.load(source.names[place])
            write_image((folder / entry["file_name"]).with_suffix(".png"), image)
            entry["file_name"] = Path(entry["file_name"]).with_suffix(".png").name
            self.maps.append(estimator.look(estimator.prepare(image), image.shape))
        for name, first in {"odd": 1, "even": 0}.items():
            ids = {entry["id"] for entry in self.entries[first::2]}
            part = {"images": self.entries[first::2], "categories": table["categories"],
                    "annotations": [a for a in table["annotations"] if a["image_id"] in ids]}  # fmt: skip
            (folder / f"{name}.json").write_text(json.dumps(part))

    def judge(self, options: OpenPoseOptions, part: str) -> CocoResult:
        """What the decoder makes of one half of the maps."""
        maps: Iterator[Maps] = iter(self.maps[1 if part == "odd" else 0 :: 2])
        skeleton = self.estimator.spec.skeleton
        return evaluate_coco(
            lambda image: group(next(maps), options), skeleton, self.folder / f"{part}.json", self.folder
        )


def choose(looked: Looked, options: OpenPoseOptions, most_false: float) -> OpenPoseOptions:
    """The options that coordinate descent ends at."""

    def value(candidate: OpenPoseOptions) -> float:
        result = looked.judge(candidate, "odd")
        excess = max(0.0, result.false_people / result.images - most_false)
        return result.numbers.ap - excess  # so that a start beyond the bound finds its way back

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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--false", type=float, default=0.1, help="most people an image where nobody is labelled")
    parser.add_argument("--dry", action="store_true", help="only say what would be written")
    given = parser.parse_args(arguments)
    path = given.model.with_suffix(".json")
    estimator = Estimator(given.model)
    assert isinstance(estimator.decode_options, OpenPoseOptions)
    estimator.spec = replace(estimator.spec, worth=())
    with tempfile.TemporaryDirectory() as folder:
        looked = Looked(estimator, given.data, Path(folder), given.images)
        start = replace(estimator.decode_options, weak=CHOICES["weak"][0])
        options = choose(looked, start, given.false)
        result = looked.judge(options, "even")
        scores, right = rightness(result.judged)
    worth = fit_worth(scores, right)
    probable = np.interp(scores, *np.array(worth).T)
    usual = OpenPoseOptions()
    chosen = {name: getattr(options, name) for name in OpenPoseOptions.__dataclass_fields__
              if getattr(options, name) != getattr(usual, name)}  # fmt: skip
    print(f"AP {result.numbers.ap:.3f}, {result.false_people} false people in {result.images} images")
    print(f"decode: {chosen}\nworth: {worth}\nerror of scores {reliability(probable, right).error:.3f}")
    if not given.dry:
        write_spec(replace(read_spec(path), decode=chosen, worth=worth), path)


if __name__ == "__main__":
    main()
