"""Whole bodies: face and hands found in crops that the body tells, put together with it; and a face or hand alone in its picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from limbwise.decode.single import decode_crop
from limbwise.engine.prepare import View
from limbwise.errors import InputError, UsageError
from limbwise.estimate.crops import Crop, cut, find_crops
from limbwise.estimate.estimator import Estimator, Image, ModelOptions
from limbwise.estimate.grouping import THRESHOLD
from limbwise.fields import option
from limbwise.geometry import invert
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import FACE_70, HAND_21, LEFT_HAND_21, OPENPOSE_130, RIGHT_HAND_21

# Crops that go through a network at once; a crowd's hundreds would take gigabytes.
AT_ONCE = 16
_ALONE = {"face": FACE_70, "hand_left": LEFT_HAND_21, "hand_right": RIGHT_HAND_21}


@dataclass(frozen=True)
class PartOptions:
    """Face and hands."""

    wholebody: bool = option(False, "keypoints of face and hands too, by the networks given for them")
    face: str | None = option(None, "network of faces, 70 keypoints: its name or path")
    hand: str | None = option(None, "network of right hands, 21 keypoints; left ones are shown to it mirrored")
    part: Literal["face", "hand_left", "hand_right"] | None = option(
        None, "each picture is cropped to one face or hand: seek its keypoints, and no bodies"
    )
    part_threshold: float = option(THRESHOLD, "least height of a keypoint of face or hand")

    def __post_init__(self) -> None:
        if not 0 <= self.part_threshold < 1000:
            raise ValueError(f"part_threshold: a number from 0 to 1000 is needed, got {self.part_threshold}")
        if self.part is not None and self.wholebody:
            raise ValueError("part: a picture of one face or hand has no whole body; leave one of the two out")


class WholeBody(Estimator):
    """People with face and hands, on OPENPOSE_130.

    `face`, `hand`: names or paths of networks whose specs have 70 and 21 keypoints; without one of them those keypoints stay
    missing (see `missing`). Engine, device, threads and precision are the body's. Everything else is Estimator's.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        face: str | Path | None = None,
        hand: str | Path | None = None,
        part_threshold: float = THRESHOLD,
        **options: Any,
    ) -> None:
        super().__init__(model, **options)
        self.threshold = part_threshold
        self.face = None if face is None else self._network(face, FACE_70)
        self.hand = None if hand is None else self._network(hand, HAND_21)

    @property
    def missing(self) -> list[str]:
        """The parts that no network was given for."""
        return [name for name in ("face", "hand") if getattr(self, name) is None]

    def complete(self, image: Image, people: People) -> People:
        """The people with face and hands; all crops of the image go through a network together, 16 at a time at most."""
        whole = super().complete(image, people).as_skeleton(OPENPOSE_130)
        size = (image.shape[1], image.shape[0])
        found: list[tuple[Crop, People]] = []
        if self.face is not None:
            found += self._seek(image, find_crops(people, ("face",), size), self.face)
        if self.hand is not None:
            found += self._seek(image, find_crops(people, ("left_hand", "right_hand"), size), self.hand)
        return put_together(whole, found)

    def _seek(self, image: Image, crops: Sequence[Crop], network: Estimator) -> Iterator[tuple[Crop, People]]:
        """Each crop in which something was found, with what it is, in pixels of the image."""
        head = network.spec.heads["heatmaps"]
        for first in range(0, len(crops), AT_ONCE):
            some = crops[first : first + AT_ONCE]
            inputs = [cut(image, crop, network.spec.input) for crop in some]
            maps = head.take(network.engine.run(np.concatenate([one.batch for one in inputs])))
            for crop, one, heatmaps in zip(some, inputs, maps, strict=True):
                part = decode_crop(heatmaps, network.spec, self.threshold)
                if len(part):
                    yield crop, part.moved(invert(one.frame))

    def _network(self, model: str | Path, skeleton: Skeleton) -> Estimator:
        own = {name: getattr(self.options, name) for name in ("engine", "device", "threads", "precision")}
        return _checked(Estimator(model, **own), skeleton)


def put_together(whole: People, found: Sequence[tuple[Crop, People]]) -> People:
    """People on OPENPOSE_130 with the keypoints of their parts; everything else of them stays as it is."""
    xy, scores = whole.xy.copy(), whole.scores.copy()
    for crop, part in found:
        place = slice(*OPENPOSE_130.parts[crop.part])
        xy[crop.person, place], scores[crop.person, place] = part.xy[0], part.scores[0]
    return replace(whole, xy=xy, scores=scores)


class PartAlone(Estimator):
    """One face or hand in a picture that is cropped to it: `part` is face, hand_left (shown to the network mirrored) or hand_right.

    Its people are one or none, on FACE_70, LEFT_HAND_21 or RIGHT_HAND_21.
    """

    def __init__(self, part: str, model: str | Path, *, part_threshold: float = THRESHOLD, **options: Any) -> None:
        super().__init__(model, **options)
        self.threshold = part_threshold
        _checked(self, FACE_70 if part == "face" else HAND_21)
        if self.options.flip:
            raise UsageError("flip: a mirrored face or hand is not what its network knows; leave it out")
        self.spec = replace(self.spec, skeleton=_ALONE[part])
        if part == "hand_left":
            self.views = tuple(View(view.scale, not view.mirrored) for view in self.views)


def _checked(network: Estimator, skeleton: Skeleton) -> Estimator:
    """The network, if it has the keypoints of `skeleton`; raises InputError."""
    own = network.spec.skeleton
    if len(own) != len(skeleton) or "heatmaps" not in network.spec.heads:
        raise InputError(
            f"{network.options.model}: {len(skeleton)} keypoints ({skeleton.name}) are needed, it has {len(own)}"
        )
    return network


def open_estimator(model: ModelOptions, parts: PartOptions, **options: Any) -> Estimator:
    """The estimator that the options ask for: of bodies, of whole bodies, or of one face or hand. `options` are Estimator's.

    Raises UsageError where a part is asked for without its network; otherwise as Estimator.
    """
    own = {**asdict(model), **options}
    if parts.part is not None:
        network = parts.face if parts.part == "face" else parts.hand
        if network is None:
            raise UsageError(f"--part {parts.part}: give its network, --{parts.part.partition('_')[0]} FILE")
        return PartAlone(parts.part, **{**own, "model": network}, part_threshold=parts.part_threshold)
    if not parts.wholebody:
        return Estimator(**own)
    return WholeBody(**own, face=parts.face, hand=parts.hand, part_threshold=parts.part_threshold)
