"""Estimator: an image in, its people out. Three steps that a stream runs side by side: prepare, look (the network), group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limbwise.decode.openpose import OpenPoseOptions, decode_openpose, decode_with_candidates
from limbwise.decode.single import decode_crop, decode_single
from limbwise.engine.base import Engine, EngineOptions
from limbwise.engine.kinds import open_engine
from limbwise.engine.prepare import Prepared, prepare
from limbwise.errors import InputError
from limbwise.estimate.follow import follow
from limbwise.estimate.frames import Cut, open_frames
from limbwise.estimate.maps import Maps
from limbwise.estimate.stream import overlap
from limbwise.estimate.views import as_viewed, choose_views, merge
from limbwise.estimate.zoo import find_model
from limbwise.fields import option
from limbwise.geometry import apply, invert
from limbwise.media.frame import Frame
from limbwise.media.image import read_image
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.spec import ModelSpec
from limbwise.track.tracker import TrackOptions

Image = npt.NDArray[np.uint8]
THRESHOLD = 0.1  # least height of a keypoint of a face, a hand or a single person (OpenPose's)


@dataclass(frozen=True)
class ModelOptions:
    """Which network, on what, and how it looks at a picture."""

    model: str = option("default", "name of a model, or path of a weights file")
    spec: Path | None = option(None, "the model's spec (JSON), where none lies beside it")
    engine: Literal["openvino", "onnxruntime", "pytorch"] = option("openvino", "what runs it")
    device: str = option("CPU", "CPU, GPU, NPU or AUTO (OpenVINO); cpu or cuda (PyTorch)")
    threads: int = option(0, "threads of the network; 0: all cores")
    precision: Literal["f32", "bf16", "f16"] = option("f32", "arithmetic of the network")
    size: int | None = option(None, "shorter side of the network's input in pixels")
    precise: bool = option(False, "look at four scales: slower, better")
    flip: bool = option(False, "look at the mirror image too")


class Estimator:
    """People in images; of a network without part affinity fields (spec method "single") the one person, face or hand of each.

    `Estimator("default", engine="openvino", device="CPU", precise=False, max_people=None)`; the other names are the fields of
    ModelOptions; `decode` holds the decoder's options. Raises ModelMissing, InputError (a model that cannot be read) and MissingExtra.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        max_people: int | None = None,
        decode: OpenPoseOptions | None = None,
        **options: object,
    ) -> None:
        self.options = ModelOptions(model=str(model), **options)  # type: ignore[arg-type]  # checked by the dataclass's door
        self.decode_options = decode or OpenPoseOptions()
        if max_people is not None:
            self.decode_options = replace(self.decode_options, max_people=max_people)
        found = find_model(self.options.model, self.options.spec)
        self.threshold = THRESHOLD
        needed = {"heatmaps"} if found.spec.method == "single" else {"heatmaps", "pafs"}
        if not needed <= found.spec.heads.keys():
            raise InputError(
                f"{found.path}: its spec has no {' and '.join(sorted(needed))}, from which people are made"
            )
        self.spec: ModelSpec = as_viewed(_with_size(found.spec, self.options.size), self.options.precise)
        engine = EngineOptions(self.options.device, self.options.threads, self.options.precision)
        self.engine: Engine = open_engine(self.options.engine, found.path, self.spec, engine)
        self.views = choose_views(self.options.precise, self.options.flip)

    def __call__(self, image: str | Path | Image) -> People:
        """The people of an RGB uint8 (H, W, 3) image or of an image file, in pixels of that image."""
        picture = image if isinstance(image, np.ndarray) else read_image(image)
        return self.complete(picture, self.group(self.look(self.prepare(picture), picture.shape)))

    def prepare(self, image: Image) -> list[Prepared]:
        """The network's inputs for an image, one a view."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"image: expected (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}")
        return [prepare(image, self.spec.input, view) for view in self.views]

    def look(self, inputs: list[Prepared], shape: tuple[int, ...]) -> Maps:
        """The network's maps of an image of that shape (H, W, ...), views merged."""
        outputs = (self.engine.run(view.batch) for view in inputs)
        maps = [{name: head.take(output)[0] for name, head in self.spec.heads.items()} for output in outputs]
        merged, frame = merge(maps, inputs, self.spec)
        return Maps(self.spec, merged, frame, (shape[1], shape[0]))

    def group(self, maps: Maps) -> People:
        """The people of a picture from its maps."""
        return group(maps, self.decode_options, self.threshold)

    def complete(self, image: Image, people: People) -> People:
        """What is added to the people once they are found: nothing here; see wholebody."""
        return people

    def find_one(self, image: Image, box: npt.NDArray[np.floating]) -> People:
        """The one person in a box (xyxy, pixels of the image): of each heatmap the highest place there."""
        maps = self.look(self.prepare(image), image.shape)
        inside = apply(maps.frame, np.asarray(box).reshape(2, 2)).ravel()
        return decode_single(maps.heads["heatmaps"], maps.spec, inside).moved(invert(maps.frame))

    def stream(
        self, source: str | Source, cut: Cut | None = None, track: bool | TrackOptions = False
    ) -> Iterator[tuple[Frame, People]]:
        """Frames of a video, a camera ("0"), a URL or an image with their people, in order.

        Reading, network and grouping run side by side; memory does not grow with the length. `cut` chooses frames. With `track`
        people have ids, and frames come later by the longest gap that is filled (TrackOptions.fill; 0 for a live picture).
        """
        with open_frames(source, cut or Cut()) as frames:
            found = ((frame, self.complete(frame.image, self.group(maps))) for frame, maps in self.watch(frames))
            if track is False:
                yield from found
            else:
                options = TrackOptions() if track is True else track
                yield from follow(((frame, people, frame.time) for frame, people in found), options)

    def watch(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Maps]]:
        """Each frame with its maps; frames are read and prepared, and the network runs, each in a thread of its own."""

        def ready(frame: Frame) -> tuple[Frame, list[Prepared]]:
            return frame, self.prepare(frame.image)

        def seen(prepared: tuple[Frame, list[Prepared]]) -> tuple[Frame, Maps]:
            frame, inputs = prepared
            return frame, self.look(inputs, frame.image.shape)

        return overlap(frames, ready, seen)


def estimate(image: str | Path | Image, **options: Any) -> People:
    """The people of an image file or of an RGB uint8 (H, W, 3) image, by the default model or `model=`.

    Other options are Estimator's. The estimator is kept, so that the next call with the same options is fast.
    """
    return _kept(**options)(image)


@cache
def _kept(**options: Any) -> Estimator:
    return Estimator(**options)


def group(maps: Maps, options: OpenPoseOptions, threshold: float = THRESHOLD) -> People:
    """The people in maps, in pixels of the picture; without part affinity fields one, of keypoints above `threshold`."""
    if "pafs" not in maps.heads:
        return decode_crop(maps.heads["heatmaps"], maps.spec, threshold).moved(invert(maps.frame))
    people = decode_openpose(maps.heads["heatmaps"], maps.heads["pafs"], maps.spec, options)
    return people.moved(invert(maps.frame))


def group_with_candidates(maps: Maps, options: OpenPoseOptions) -> tuple[People, list[npt.NDArray[np.float32]]]:
    """As `group`; also all peaks of each keypoint, (M, 3) x, y in pixels of the picture and score."""
    people, peaks = decode_with_candidates(maps.heads["heatmaps"], maps.heads["pafs"], maps.spec, options)
    back = invert(maps.frame)
    moved = [np.hstack([apply(back, p[:, :2]), p[:, 2:]]).astype(np.float32) for p in peaks]
    return people.moved(back), moved


def _with_size(spec: ModelSpec, side: int | None) -> ModelSpec:
    """The spec with another side in its size rule, the bound on the longer side in proportion."""
    if side is None:
        return spec
    rule = spec.input.size
    size = replace(rule, side=side, longest=max(side, round(rule.longest * side / rule.side)))
    return replace(spec, input=replace(spec.input, size=size))
