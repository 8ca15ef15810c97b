"""COCO's average precision and recall of keypoints, by pycocotools (Lin et al. 2014, cocodataset.org/#keypoints-eval)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limbwise.errors import InputError, require
from limbwise.fields import read_table
from limbwise.metric.coco_table import complete_people
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17

MOST_PEOPLE = 20  # COCO looks at the 20 best scored people of an image


@dataclass(frozen=True)
class CocoNumbers:
    """The ten numbers of COCO's table, 0 to 1, -1 where nothing was there to be found: mean over OKS thresholds 0.5 to 0.95, at 0.5
    and 0.75, of people of medium (32^2 to 96^2 pixels) and large area."""

    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar50: float
    ar75: float
    ar_medium: float
    ar_large: float


def coco_ap(
    found: Mapping[int, People],
    annotations: str | Path | Mapping[str, Any],
    ids: Collection[int] | None = None,
    skeleton: Skeleton = COCO_17,
) -> CocoNumbers:
    """Numbers of the people found in each image, by image id, against a COCO keypoint file or its table.

    `skeleton`: what the file's keypoints are; of several categories the first that names keypoints counts. `ids`: the images that count
    (default: all of the file); one that `found` lacks counts as nobody found. People may be on any skeleton, coordinates are our pixel
    centres. Raises InputError for a file that is not COCO's, MissingExtra without pycocotools.
    """
    cocotools, cocoeval = require("pycocotools.coco", "eval"), require("pycocotools.cocoeval", "eval")
    table = annotations if isinstance(annotations, Mapping) else read_table(annotations)
    where = annotations if isinstance(annotations, (str, Path)) else "annotations"
    if not {"images", "annotations"} <= table.keys():
        raise InputError(f"{where}: not a COCO keypoint file")
    wanted = sorted(set(ids) if ids is not None else {image["id"] for image in table["images"]})
    rows = [row for image in wanted if image in found for row in results(image, found[image], skeleton)]
    people = complete_people(table, len(skeleton), where)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools talks
        truth = cocotools.COCO()
        truth.dataset = {"images": table["images"], "annotations": people, "categories": [{"id": 1, "name": "person"}]}
        truth.createIndex()
        judge = cocoeval.COCOeval(truth, truth.loadRes(rows) if rows else _nobody(cocotools, truth), "keypoints")
        judge.params.imgIds = wanted
        judge.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        judge.params.maxDets = [MOST_PEOPLE]
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return CocoNumbers(*(float(number) for number in judge.stats))


def results(image_id: int, people: People, skeleton: Skeleton = COCO_17) -> list[dict[str, Any]]:
    """COCO results of one image, missing keypoints as 0, 0, 0: the numbers are those of the COCO file that predict writes."""
    people = people.as_skeleton(skeleton)
    rows = []
    for person in people:
        if not person.visible.any():
            continue
        values = np.concatenate([np.nan_to_num(person.xy), person.visible[:, None]], axis=1).astype(float)
        rows.append(
            {"image_id": image_id, "category_id": 1, "keypoints": values.ravel().tolist(), "score": person.score}
        )
    return rows


def _nobody(cocotools: Any, truth: Any) -> Any:
    """Results without anybody, which pycocotools' loadRes refuses."""
    empty = cocotools.COCO()
    empty.dataset = {"images": truth.dataset["images"], "annotations": [], "categories": truth.dataset["categories"]}
    empty.createIndex()
    return empty
