"""Validation during a run: COCO AP of decoded people on held out images, and PCK on LSP's, both small and quick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from limbwise.data.coco import CocoSource
from limbwise.data.find import open_source
from limbwise.data.lsp import LspSource
from limbwise.data.source import Source, Subset
from limbwise.decode.openpose import decode_openpose
from limbwise.fields import read_table
from limbwise.geometry import Matrix, apply, fit, invert
from limbwise.metric.coco_ap import coco_ap
from limbwise.metric.pck import pck, torso_lengths
from limbwise.people import People
from limbwise.sample import SEEN
from limbwise.spec import ModelSpec
from limbwise.train.samples import DataOptions, held_out

Floats = npt.NDArray[np.float32]
Numbers = dict[str, float]


@dataclass(frozen=True)
class Validation:
    """Calling it with a network gives numbers: "ap", "ap50", "ar" on the `coco` images, "pck" on the `lsp` images (a known box: the
    highest peak of each keypoint within it); "score" is the mean of those of ap and pck that there are."""

    spec: ModelSpec
    coco: Source | None
    annotations: dict[str, Any]
    image_ids: list[int]
    lsp: Source | None

    def __call__(self, net: nn.Module) -> Numbers:
        was_training = net.training
        net.eval()
        numbers: Numbers = {}
        if self.coco is not None:
            numbers |= self._ap(net, self.coco)
        if self.lsp is not None:
            numbers["pck"] = self._pck(net, self.lsp)
        net.train(was_training)
        scores = [numbers[name] for name in ("ap", "pck") if name in numbers]
        return {**numbers, "score": float(np.mean(scores))} if scores else numbers

    def _ap(self, net: nn.Module, source: Source) -> Numbers:
        found: dict[int, People] = {}
        for i, image_id in enumerate(self.image_ids):
            maps, frame = maps_of(net, self.spec, source.images.load(source.names[i]))
            people = decode_openpose(maps["heatmaps"], maps["pafs"], self.spec)
            found[image_id] = people.moved(invert(frame))
        numbers = coco_ap(found, self.annotations, self.image_ids)
        return {"ap": numbers.ap, "ap50": numbers.ap50, "ar": numbers.ar}

    def _pck(self, net: nn.Module, source: Source) -> float:
        shared = [name for name in self.spec.skeleton.keypoints if name in source.skeleton.keypoints]
        mine = [self.spec.skeleton.index(name) for name in shared]
        theirs = [source.skeleton.index(name) for name in shared]
        found, truth, seen, lengths = [], [], [], []
        for i in range(len(source)):
            labels = source.labels(i)
            maps, frame = maps_of(net, self.spec, source.images.load(labels.name))
            box = apply(frame, labels.boxes[0].reshape(2, 2)).ravel()
            stride = self.spec.heads["heatmaps"].stride
            found.append(apply(invert(frame), highest_in(maps["heatmaps"][mine], box, stride)))
            visible = labels.visibility[0] >= SEEN
            lengths.append(torso_lengths(labels.xy[:1], visible[None], source.skeleton)[0])
            truth.append(labels.xy[0, theirs])
            seen.append(visible[theirs])
        return pck(np.array(found), np.array(truth), np.array(seen), np.array(lengths)).pck


@torch.inference_mode()
def maps_of(net: nn.Module, spec: ModelSpec, image: npt.NDArray[np.uint8]) -> tuple[dict[str, Floats], Matrix]:
    """Maps (C, h, w) by head of one RGB image, enlarged at most to the spec's size, and the frame from image to input pixels."""
    import cv2

    height, width = image.shape[:2]
    fitted = fit(width, height, spec.input.size)
    small = cv2.resize(
        image, fitted.resized, interpolation=cv2.INTER_AREA if fitted.resized[0] < width else cv2.INTER_LINEAR
    )
    padded = np.empty((fitted.padded[1], fitted.padded[0], 3), np.float32)
    padded[:] = spec.input.pad
    padded[: fitted.resized[1], : fitted.resized[0]] = small if spec.input.colour == "RGB" else small[..., ::-1]
    x = (padded - np.array(spec.input.mean, np.float32)) * np.array(spec.input.scale, np.float32)
    device = next(net.parameters()).device
    maps = net(torch.from_numpy(x.transpose(2, 0, 1)[None]).to(device))[-1]
    return {name: value[0].float().cpu().numpy() for name, value in maps.items()}, fitted.matrix


def highest_in(maps: Floats, box: npt.NDArray[np.floating], stride: int) -> npt.NDArray[np.float64]:
    """(K, 2) input pixels: of each map (K, h, w) the centre of the highest cell in a box (xyxy, input pixels), a quarter of a cell
    nearer to its higher neighbour (Newell et al. 2016)."""
    _, height, width = maps.shape
    low, high = np.floor(box[:2] / stride).astype(int), np.ceil(box[2:] / stride).astype(int)
    left, top = np.clip(low, 0, (width - 1, height - 1))
    right, bottom = np.clip(high, (left + 1, top + 1), (width, height))
    window = maps[:, top:bottom, left:right]
    y, x = np.unravel_index(window.reshape(len(maps), -1).argmax(1), window.shape[1:])
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    k, i, j = np.arange(len(maps)), y + top + 1, x + left + 1
    towards = np.stack([padded[k, i, j + 1] - padded[k, i, j - 1], padded[k, i + 1, j] - padded[k, i - 1, j]], axis=1)
    cells = np.stack([x + left, y + top], axis=1) + 0.25 * np.sign(towards)
    return np.asarray(cells * stride + (stride - 1) / 2)


def make_validation(options: DataOptions, spec: ModelSpec) -> Callable[[nn.Module], Numbers] | None:
    """The validation that the data options ask for, or None where there is nothing to validate on."""
    size = replace(
        spec.input.size, side=options.validate_side, longest=max(spec.input.size.longest, options.validate_side)
    )
    spec = replace(spec, input=replace(spec.input, size=size))
    paths = [path for path in (options.validate, options.root, *options.also) if path]
    coco = lsp = None
    for path in paths:
        source = open_source(path)
        if isinstance(source, LspSource):
            lsp = lsp or _first(held_out(path, options.held_out), options.validate_images)
        elif coco is None and isinstance(source, CocoSource):
            count = len(source) if path == options.validate else options.held_out
            coco = (
                source,
                _first(held_out(path, count), options.validate_images),
                len(source) - min(count, len(source)),
            )
    if coco is None or not len(coco[1]):
        return Validation(spec, None, {}, [], lsp) if lsp else None
    whole, part, skipped = coco
    ids: list[Any] = whole.image_ids[skipped : skipped + len(part)]
    return Validation(spec, part, _people_of(whole, ids), ids, lsp)


def _first(source: Source, count: int) -> Source:
    """The first `count` images of a source."""
    return Subset(source, np.arange(min(count, len(source))))


def _people_of(source: CocoSource, ids: list[int]) -> dict[str, Any]:
    """The COCO table with those images only."""
    table, wanted = read_table(source.path), set(ids)
    chosen = {"images": [image for image in table["images"] if image["id"] in wanted],
              "annotations": [a for a in table["annotations"] if a.get("image_id") in wanted]}  # fmt: skip
    return {**table, **chosen}
