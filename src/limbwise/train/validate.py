"""Validation during a run: COCO AP of decoded people on held out images, and PCK of people whose place is known, both small and quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from limbwise.data.coco import CocoDataset
from limbwise.data.dataset import Dataset, Subset
from limbwise.data.find import open_dataset
from limbwise.data.lsp import LspDataset
from limbwise.decode.openpose import decode_openpose
from limbwise.decode.single import decode_parts, decode_single
from limbwise.engine.prepare import View, prepare
from limbwise.errors import InputError, require
from limbwise.fields import read_table
from limbwise.geometry import Matrix, apply, invert
from limbwise.metric.coco_ap import coco_ap
from limbwise.metric.pck import Length, PckTally, has_torso
from limbwise.people import People
from limbwise.sample import HIDDEN
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17
from limbwise.spec import ModelSpec
from limbwise.train.samples import DataOptions, held_out

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Numbers = dict[str, float]


@dataclass(frozen=True)
class Validation:
    """Calling it with a network gives numbers: "ap", "ap50", "ar" on the `coco` images, "pck" on the `boxed` images (of each labelled
    person, in a known box, the highest peak of each keypoint); "score" is the mean of those of ap and pck that there are. `skip_bad`:
    damaged images are left out and counted as "skipped"."""

    spec: ModelSpec
    coco: Dataset | None
    annotations: dict[str, Any]
    image_ids: list[int]
    boxed: Dataset | None
    judged: Skeleton = COCO_17
    skip_bad: bool = False

    def __call__(self, net: nn.Module) -> Numbers:
        was_training = net.training
        net.eval()
        numbers: Numbers = {}
        skipped: list[str] = []
        if self.coco is not None:
            numbers |= self._ap(net, self.coco, skipped)
        if self.boxed is not None:
            numbers |= self._pck(net, self.boxed, skipped)
        if skipped:
            numbers["skipped"] = float(len(skipped))
        net.train(was_training)
        scores = [numbers[name] for name in ("ap", "pck") if name in numbers]
        return {**numbers, "score": float(np.mean(scores))} if scores else numbers

    def _images(self, source: Dataset, skipped: list[str]) -> Iterator[tuple[int, Image]]:
        """Numbers and pixels of the images; damaged ones raise InputError or are left out and noted in `skipped`."""
        for i in range(len(source)):
            try:
                image = source.image(i)
            except InputError as error:
                if not self.skip_bad:
                    raise
                skipped.append(str(error))
            else:
                yield i, image

    def _ap(self, net: nn.Module, source: Dataset, skipped: list[str]) -> Numbers:
        found: dict[int, People] = {}
        for i, image in self._images(source, skipped):
            maps, frame = maps_of(net, self.spec, image)
            people = decode_openpose(maps["heatmaps"], maps["pafs"], self.spec)
            found[self.image_ids[i]] = people.moved(invert(frame))
        if not found:
            return {}
        numbers = coco_ap(found, self.annotations, list(found), self.judged)
        return {"ap": numbers.ap, "ap50": numbers.ap50, "ar": numbers.ar}

    def _pck(self, net: nn.Module, source: Dataset, skipped: list[str]) -> Numbers:
        tally = PckTally(self.spec.skeleton, source.skeleton)
        length: Length = "torso" if self.spec.method != "single" and has_torso(source.skeleton) else "box"
        for i, image in self._images(source, skipped):
            labels = source.labels(i)
            maps, frame = maps_of(net, self.spec, image)
            for box, xy, visibility in zip(labels.boxes, labels.xy, labels.visibility, strict=True):
                person = self._one(maps, apply(frame, box.reshape(2, 2)).ravel()).moved(invert(frame))
                tally.add(person.xy[0], xy, visibility >= HIDDEN, length)
        return {"pck": tally.numbers().pck if len(tally) else 0.0}

    def _one(self, maps: dict[str, Floats], box: npt.NDArray[np.float64]) -> People:
        """The one person in a box, xyxy in input pixels."""
        if self.spec.method == "deepercut":
            return decode_parts(maps, self.spec, box)
        return decode_single(maps["heatmaps"], self.spec, box)


@torch.inference_mode()
def maps_of(net: nn.Module, spec: ModelSpec, image: npt.NDArray[np.uint8]) -> tuple[dict[str, Floats], Matrix]:
    """Maps (C, h, w) by head, in our units, of one RGB image, and the frame from image to input pixels."""
    prepared = prepare(image, spec.input, View())
    batch = torch.from_numpy(prepared.batch).to(next(net.parameters()).device)
    maps = {name: value[0].float().cpu().numpy() for name, value in net(batch)[-1].items()}
    return {name: spec.heads[name].meant(value) for name, value in maps.items()}, prepared.frame


def make_validation(
    options: DataOptions, spec: ModelSpec, skip_bad: bool = False
) -> Callable[[nn.Module], Numbers] | None:
    """The validation that the data options ask for, or None where there is nothing to validate on. Raises MissingExtra at once where
    AP cannot be measured.

    DeeperCut is judged by PCK on every kind of data: its people need terms that are fitted when it is trained. So are faces and hands.
    """
    size = replace(
        spec.input.size, side=options.validate_side, longest=max(spec.input.size.longest, options.validate_side)
    )
    spec = replace(spec, input=replace(spec.input, size=size))
    paths = [path for path in (options.validate, options.root, *options.also) if path]
    coco = boxed = None
    for path in paths:
        source = open_dataset(path)
        count = len(source) if path == options.validate else options.held_out
        if isinstance(source, LspDataset) or spec.method != "openpose":
            boxed = boxed or _first(held_out(source, count), options.validate_images)
        elif coco is None and isinstance(source, CocoDataset):
            coco = source, _first(held_out(source, count), options.validate_images)
    if coco is None or not len(coco[1]):
        return Validation(spec, None, {}, [], boxed, skip_bad=skip_bad) if boxed else None
    require("pycocotools.coco", "eval")
    whole, part = coco
    ids: list[Any] = part.image_ids
    return Validation(spec, part, _people_of(whole, ids), ids, boxed, whole.judged, skip_bad)


def _first(source: Dataset, count: int) -> Dataset:
    """The first `count` images of a source."""
    return Subset(source, np.arange(min(count, len(source))))


def _people_of(source: CocoDataset, ids: list[int]) -> dict[str, Any]:
    """The COCO table with those images only."""
    table, wanted = read_table(source.path), set(ids)
    chosen = {"images": [image for image in table["images"] if image["id"] in wanted],
              "annotations": [a for a in table["annotations"] if a.get("image_id") in wanted]}  # fmt: skip
    return {**table, **chosen}
