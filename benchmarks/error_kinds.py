"""What AP would be if one kind of error were mended (after Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose
Estimation", ICCV 2017).

    python benchmarks/error_kinds.py COCO.json [--model default] [--side 368] [--json benchmarks/results/errors-default.json]

A found person is held against the labelled one that it is most like, whichever its sides; of those it is like at all, each labelled
keypoint is of one kind: good (likeness from 0.85), near (from 0.5), on the place of the other side, on somebody else, elsewhere,
or missing. To mend a kind puts its keypoints on their places; "score" gives people their true OKS, "all" does everything, so that
what is lost then is people who were not found. `extents`: by how much of a person is labelled, the share that is found (OKS from 0.5).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.data.coco import CocoDataset
from limbwise.data.dataset import Labels
from limbwise.data.find import open_dataset
from limbwise.estimate.estimator import Estimator
from limbwise.files import whole_file
from limbwise.metric.coco_ap import coco_ap
from limbwise.people import People
from limbwise.similarity import keypoint_similarity, oks
from limbwise.skeletons import COCO_17

GOOD, NEAR, LIKE = 0.85, 0.5, 0.1
KINDS = ("good", "near", "other side", "somebody else", "elsewhere", "missing")
Floats = npt.NDArray[np.floating]
Truth = tuple[People, Floats]  # the labelled people of an image, and their areas
EXTENTS = {
    "shoulders to ankles": ("shoulder", "ankle"),
    "shoulders to hips": ("shoulder", "hip"),
    "shoulders": ("shoulder",),
    "other": (),
}


@dataclass(frozen=True, eq=False)
class Match:
    """A found person (its row), the labelled keypoints of its person (K, 2; NaN where none), the kind of each, and their OKS."""

    row: int
    truth: Floats
    kinds: npt.NDArray[np.int_]
    oks: float


def labelled(labels: Labels) -> Truth:
    """Those of an image of whom any keypoint is marked."""
    some = labels.marked.any(1)
    xy = np.where(labels.marked[..., None], labels.xy, np.nan)
    return People(COCO_17, xy, labels.marked.astype(np.float32))[some], labels.areas[some]


def match(people: People, truth: People, areas: Floats) -> list[Match]:
    """Each found person with the labelled one that it is most like, those that are like nobody left out."""
    own = keypoint_similarity(people, truth, areas)
    other = keypoint_similarity(people, replace(truth, xy=truth.xy[:, COCO_17.flip]), areas)
    either = np.maximum(own, other)
    matches = []
    for row, alike in enumerate(either.sum(2) / truth.visible.sum(1)):
        best = int(alike.argmax()) if len(alike) else -1
        if best >= 0 and alike[best] > LIKE:
            others = np.delete(either[row], best, axis=0).max(0, initial=0) >= NEAR
            kinds = kinds_of(own[row, best], other[row, best], others, people.visible[row])
            matches.append(Match(row, truth.xy[best], kinds, float(own[row, best].sum() / truth.visible[best].sum())))
    return matches


def kinds_of(
    own: Floats, other: Floats, others: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int_]:
    """(K,) places in KINDS, the first that holds."""
    return np.select([own >= GOOD, own >= NEAR, other >= NEAR, others & there, there], range(5), 5)


def extents(found: Mapping[int, People], truths: Mapping[int, Truth]) -> dict[str, dict[str, float]]:
    """By extent the number of labelled people, and the share of them that somebody found is like with an OKS from 0.5."""
    told: dict[str, list[bool]] = {name: [] for name in EXTENTS}
    for image, (truth, areas) in truths.items():
        alike = oks(found[image], truth, areas).max(0, initial=0)
        for marked, best in zip(truth.visible, alike, strict=True):
            names = {name.split("_")[-1] for name, there in zip(COCO_17.keypoints, marked, strict=True) if there}
            told[next(name for name, parts in EXTENTS.items() if names.issuperset(parts))].append(bool(best >= NEAR))
    return {
        name: {"labelled": len(each), "found": round(float(np.mean(each)), 3)} for name, each in told.items() if each
    }


def mended(people: People, matches: list[Match], what: str) -> People:
    """The people with one kind of error put right."""
    xy, scores = people.xy.copy(), people.person_scores.copy()
    if what in ("score", "all"):
        scores[:] = 0
    for one in matches:
        wrong = ~np.isnan(one.truth[:, 0])
        if what in KINDS:
            wrong &= one.kinds == KINDS.index(what)
        if what == "score":
            scores[one.row] = one.oks
        elif what != "nothing":
            xy[one.row, wrong] = one.truth[wrong]
            scores[one.row] = 1 if what == "all" else scores[one.row]
    return People(people.skeleton, xy, np.where(np.isnan(xy[..., 0]), 0, 1), scores)


def report(found: Mapping[int, People], truths: Mapping[int, Truth], path: Path) -> dict[str, object]:
    """AP and AP50 with each mending, the share of labelled keypoints of matched people of each kind, and who is found at all."""
    matches = {image: match(people, *truths[image]) for image, people in found.items()}
    table = {}
    for what in ("nothing", *KINDS[1:], "score", "all"):
        numbers = coco_ap({i: mended(people, matches[i], what) for i, people in found.items()}, path)
        table[what] = {"ap": round(numbers.ap, 4), "ap50": round(numbers.ap50, 4)}
    every = [match for those in matches.values() for match in those]
    count = Counter(k for one in every for k in one.kinds[~np.isnan(one.truth[:, 0])].tolist())
    shares = {name: round(count[k] / max(sum(count.values()), 1), 3) for k, name in enumerate(KINDS)}
    matched = len({one.truth.tobytes() for one in every})
    return {"mended": table, "shares": shares, "matched": matched, "extents": extents(found, truths)}


def main() -> None:
    """Find the people of all pictures, mend, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("coco", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--side", type=int, default=368)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    source = open_dataset(asked.coco)
    assert isinstance(source, CocoDataset)
    estimator = Estimator(asked.model, size=asked.side)
    found: dict[int, People] = {}
    truths: dict[int, Truth] = {}
    for i, image in enumerate(source.image_ids):
        assert isinstance(image, int)
        labels = source.labels(i)
        truths[image] = labelled(labels)
        found[image] = estimator(source.images.load(labels.name)).as_skeleton(COCO_17)
    numbers = report(found, truths, source.path)
    print(json.dumps(numbers, indent=1))
    if asked.json:
        with whole_file(asked.json) as part:
            part.write_text(json.dumps({"model": asked.model, "side": asked.side, "numbers": numbers}, indent=1) + "\n")


if __name__ == "__main__":
    main()
