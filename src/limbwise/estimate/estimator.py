"""Estimator: an image in, its people out. Three steps that a stream runs side by side: prepare, look (the network), group."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from limbwise.decode.pairwise import PairwiseTerms
from limbwise.engine.base import Engine, EngineOptions
from limbwise.engine.kinds import open_engine
from limbwise.engine.prepare import Prepared, prepare
from limbwise.estimate.follow import follow
from limbwise.estimate.frames import Cut, one_source, open_frames
from limbwise.estimate.grouping import (
    THRESHOLD,
    DecoderOptions,
    check_heads,
    decoder_options,
    find_in_masks,
    find_one,
    group,
    needs_terms,
)
from limbwise.estimate.maps import Maps
from limbwise.estimate.pairwise import find_terms
from limbwise.estimate.stream import Abreast, overlap
from limbwise.estimate.views import as_viewed, choose_views, merge
from limbwise.estimate.zoo import Model, find_model
from limbwise.fields import option
from limbwise.media.frame import Frame
from limbwise.media.image import read_image
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.spec import ModelSpec
from limbwise.track.tracker import TrackOptions

Image = npt.NDArray[np.uint8]


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
    pairwise: Path | None = option(
        None, "DeeperCut's pairwise terms: a file of train pairwise (default: beside the model), or old .mat"
    )

    def __post_init__(self) -> None:
        if self.size is not None and (not isinstance(self.size, int) or self.size < 1):
            raise ValueError(f"size: a whole number from 1 on is needed, got {self.size!r}")

    @property
    def run(self) -> EngineOptions:
        """What the network runs on."""
        return EngineOptions(self.device, self.threads, self.precision)


class Estimator:
    """People in images; of a network without part affinity fields (spec method "single") the one person, face or hand of each.

    `Estimator("default", engine="openvino", device="CPU", precise=False, max_people=None)`; the other names are the fields of
    ModelOptions. `decode`: the decoder's options, all of them or, as a mapping, those that shall differ from the model's own.
    Raises ModelMissing, InputError (a model that cannot be read) and MissingExtra.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        max_people: int | None = None,
        decode: DecoderOptions | Mapping[str, Any] | None = None,
        **options: object,
    ) -> None:
        self.options = ModelOptions(model=str(model), **options)  # type: ignore[arg-type]  # checked by the dataclass's door
        found = find_model(self.options.model, self.options.spec)
        self.decode_options = (
            decode if isinstance(decode, DecoderOptions) else decoder_options(found.spec, decode or {})
        )
        if max_people is not None:
            self.decode_options = replace(self.decode_options, max_people=max_people)
        self.threshold = THRESHOLD
        check_heads(found.spec, found.path)
        self.path = found.path
        self.terms = self.find_terms(found)
        self.spec: ModelSpec = as_viewed(_with_size(found.spec, self.options.size), self.options.precise)
        self.engine: Engine = open_engine(self.options.engine, found.path, self.spec, self.options.run)
        self.views = choose_views(self.options.precise, self.options.flip)
        self.refiner: Callable[[Image, People], People] | None = None  # see estimate.refine

    def __call__(self, image: str | Path | Image) -> People:
        """The people of an RGB uint8 (H, W, 3) image or of an image file, in pixels of that image."""
        picture = image if isinstance(image, np.ndarray) else read_image(image)
        return self.complete(picture, self.group(self.look(self.prepare(picture), picture.shape)))

    def prepare(self, image: Image) -> list[Prepared]:
        """The network's inputs for an image, one a view."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"image: expected (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}")
        return [prepare(image, self.spec.input, view) for view in self.views]

    @cached_property
    def wide_engine(self) -> Engine:
        """The engine of streams, made when the first one begins: several pictures at a time (see Engine.widened)."""
        return self.engine.widened()

    def look(self, inputs: list[Prepared], shape: tuple[int, ...], engine: Engine | None = None) -> Maps:
        """The network's maps of an image of that shape (H, W, ...), views merged; `engine`: another than for single pictures."""
        outputs = ((engine or self.engine).run(view.batch) for view in inputs)
        maps = [{name: head.take(output)[0] for name, head in self.spec.heads.items()} for output in outputs]
        merged, frame = merge(maps, inputs, self.spec)
        return Maps(self.spec, merged, frame, (shape[1], shape[0]))

    def group(self, maps: Maps) -> People:
        """The people of a picture from its maps."""
        return group(maps, self.decode_options, self.threshold, self.terms)

    def find_terms(self, model: Model) -> PairwiseTerms | None:
        """The pairwise terms of a model that needs such; raises ModelMissing and InputError (see pairwise.find_terms)."""
        if not needs_terms(model.spec):
            return None
        return find_terms(model.path, model.spec.skeleton, self.options.pairwise)

    def complete(self, image: Image, people: People) -> People:
        """What is done to the people once they are found: a refiner, where one was given, looks at them again; see also wholebody."""
        return people if self.refiner is None else self.refiner(image, people)

    def find_one(self, image: Image, box: npt.NDArray[np.floating]) -> People:
        """The one person in a box (xyxy, pixels of the image): of each heatmap the highest place there."""
        return find_one(self.look(self.prepare(image), image.shape), box)

    def find_in_masks(self, image: Image, masks: Sequence[npt.NDArray[np.bool_]]) -> People:
        """One person in each mask (H, W): of each keypoint the highest place in it, as the published DeeperCut code is scored."""
        return find_in_masks(self.look(self.prepare(image), image.shape), masks)

    def stream(
        self, source: str | Source, cut: Cut | None = None, track: bool | TrackOptions = False
    ) -> Iterator[tuple[Frame, People]]:
        """Frames of a video, a camera ("0"), a URL or an image with their people, in order.

        Reading, network and grouping run side by side; memory does not grow with the length. `cut` chooses frames. With `track`
        people have ids, and frames come later by the longest gap that is filled (TrackOptions.fill; 0 for a live picture).
        """
        source = one_source(source)
        with open_frames(source, cut or Cut()) as frames, closing(self.watch(frames, source.kind == "camera")) as seen:
            found = ((frame, self.complete(frame.image, self.group(maps))) for frame, maps in seen)
            if track is False:
                yield from found
            else:
                options = TrackOptions() if track is True else track
                yield from follow(((frame, people, frame.time) for frame, people in found), options)

    def watch(self, frames: Iterable[Frame], live: bool = False) -> Generator[tuple[Frame, Maps], None, None]:
        """Each frame with its maps; frames are read and prepared, and the network runs, each in a thread of its own.

        `live`: a frame shall come soon rather than many a second: all cores work on one at a time.
        """
        engine = self.engine if live else self.wide_engine

        def ready(frame: Frame) -> tuple[Frame, list[Prepared]]:
            return frame, self.prepare(frame.image)

        def seen(prepared: tuple[Frame, list[Prepared]]) -> tuple[Frame, Maps]:
            frame, inputs = prepared
            return frame, self.look(inputs, frame.image.shape, engine)

        return overlap(frames, ready, Abreast(seen, engine.width))


def estimate(image: str | Path | Image, **options: Any) -> People:
    """The people of an image file or of an RGB uint8 (H, W, 3) image, by the default model or `model=`.

    Other options are Estimator's. The estimator is kept, so that the next call with the same options is fast.
    """
    if isinstance(decode := options.get("decode"), Mapping):
        options["decode"] = tuple(sorted(decode.items()))  # what the cache can hash
    return _kept(**options)(image)


@cache
def _kept(decode: DecoderOptions | tuple[tuple[str, Any], ...] | None = None, **options: Any) -> Estimator:
    return Estimator(**options, decode=dict(decode) if isinstance(decode, tuple) else decode)


def _with_size(spec: ModelSpec, side: int | None) -> ModelSpec:
    """The spec with another side in its size rule, the bound on the longer side in proportion."""
    if side is None:
        return spec
    rule = spec.input.size
    size = replace(rule, side=side, longest=max(side, round(rule.longest * side / rule.side)))
    return replace(spec, input=replace(spec.input, size=size))
