"""From the maps of a picture to its people, by whichever method its spec names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.decode.deepercut import DeepercutOptions, decode_with_parts
from limbwise.decode.one import decode_one
from limbwise.decode.openpose import decode_openpose, decode_with_candidates
from limbwise.decode.options import OpenPoseOptions
from limbwise.decode.pairwise import PairwiseTerms
from limbwise.decode.peaks import move_points
from limbwise.decode.single import decode_crop, decode_parts, decode_single
from limbwise.errors import InputError, UsageError
from limbwise.estimate.maps import Maps
from limbwise.fields import build
from limbwise.geometry import Matrix, apply, invert
from limbwise.people import People
from limbwise.spec import ModelSpec

DecoderOptions = OpenPoseOptions | DeepercutOptions
Floats = npt.NDArray[np.float32]
Candidates = list[Floats]
USUAL_SCORE = {name: getattr(OpenPoseOptions(), name) for name in ("person_score", "size_weight", "merges_count")}
THRESHOLD = 0.1  # least height of a keypoint of a face, a hand or a single person (OpenPose's)


def decoder_options(spec: ModelSpec, given: Mapping[str, Any]) -> DecoderOptions:
    """The decoder's options: those given, else those of the model's spec, else the defaults.

    Raises InputError for a wrong spec, UsageError for an option that the model's method does not have.
    """
    kind = DeepercutOptions if spec.method == "deepercut" else OpenPoseOptions
    for name in given.keys() - {field.name for field in fields(kind)}:
        raise UsageError(f"--{name.replace('_', '-')}: is no option of {spec.method} models, as {spec.name} is one")
    where = f"spec of {spec.name}: decode"
    if spec.method == "deepercut":
        return replace(build(DeepercutOptions, spec.decode, where), **given)
    return replace(build(OpenPoseOptions, spec.decode, where), **given)


def needs_terms(spec: ModelSpec) -> bool:
    """Whether people are told apart by pairwise terms."""
    return spec.method == "deepercut" and "pairwise" in spec.heads


def check_heads(spec: ModelSpec, where: object) -> None:
    """Raises InputError that names `where` unless people can be made of the spec's maps."""
    needed = {"single": {"heatmaps"}, "deepercut": {"part_logits", "offsets"}}.get(spec.method, {"heatmaps", "pafs"})
    if not needed <= spec.heads.keys():
        raise InputError(f"{where}: its spec has no {' and '.join(sorted(needed))}, from which people are made")


def group(
    maps: Maps, options: DecoderOptions, threshold: float = THRESHOLD, terms: PairwiseTerms | None = None
) -> People:
    """The people in maps, in pixels of the picture; where nothing tells people apart, one, of keypoints above `threshold`."""
    if isinstance(options, DeepercutOptions):
        people = _decode(maps, options, threshold, terms)[0]
    elif "pafs" in maps.heads:
        people = decode_openpose(maps.heads["heatmaps"], maps.heads["pafs"], maps.spec, options)
    else:
        return decode_crop(maps.heads["heatmaps"], maps.spec, threshold).moved(invert(maps.frame))
    return _finished(people, invert(maps.frame), maps.spec, options)


def group_with_candidates(
    maps: Maps, options: DecoderOptions, threshold: float = THRESHOLD, terms: PairwiseTerms | None = None
) -> tuple[People, Candidates]:
    """As `group`; also all peaks or parts of each keypoint, (M, 3) x, y in pixels of the picture and score."""
    people, peaks = _decode(maps, options, threshold, terms)
    back = invert(maps.frame)
    moved = [np.hstack([apply(back, p[:, :2]), p[:, 2:]]).astype(np.float32) for p in peaks]
    return _finished(people, back, maps.spec, options), moved


def _decode(
    maps: Maps, options: DecoderOptions, threshold: float, terms: PairwiseTerms | None
) -> tuple[People, Candidates]:
    """People, and peaks or parts of each keypoint, in pixels of the network's input."""
    if isinstance(options, OpenPoseOptions):
        return decode_with_candidates(maps.heads["heatmaps"], maps.heads["pafs"], maps.spec, options)
    if terms is not None:
        people, parts = decode_with_parts(maps.heads, maps.spec, terms, options)
        return people, parts.candidates
    people = _above(decode_parts(maps.heads, maps.spec), threshold)
    return people, [people[keypoint] for keypoint in maps.spec.skeleton.keypoints]


def _finished(people: People, back: Matrix, spec: ModelSpec, options: DecoderOptions) -> People:
    """In pixels of the picture, to which `back` leads, and with what their scores are worth."""
    scores = _worth(people.person_scores, spec, options)
    xy = people.xy.copy()
    move_points(xy.reshape(-1, 2), back)
    return replace(people, xy=xy, person_scores=scores)


def _worth(scores: Floats, spec: ModelSpec, options: DecoderOptions) -> Floats:
    """Person scores as probabilities, where the model's spec says what its scores are worth; of scores that are made in another way it
    says nothing."""
    made = (getattr(options, name, None) == spec.decode.get(name, usual) for name, usual in USUAL_SCORE.items())
    if not spec.worth or not all(made):
        return scores
    worth: Floats = np.interp(scores, *_table(spec.worth)).astype(np.float32)
    return worth


@lru_cache
def _table(worth: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float64]:
    """(2, N) scores, and what each is worth."""
    return np.ascontiguousarray(np.array(worth, np.float64).T)


def _above(people: People, threshold: float) -> People:
    """Without keypoints that are not above a threshold; nobody where none is left."""
    xy = np.where((people.scores > threshold)[..., None], people.xy, np.nan)
    left = People(people.skeleton, xy, people.scores)
    shown: People = left[left.visible.any(1)]
    return shown


def find_in_masks(maps: Maps, masks: Sequence[npt.NDArray[np.bool_]]) -> People:
    """One person in each mask (H, W) of the picture: of each keypoint the most probable pixel in it, from there to its cell, and
    from there to where the cell's offset points; score 1, as the published DeeperCut code is scored with COCO's labelled masks.

    Nobody in an empty mask. Raises UsageError for maps of another method.
    """
    spec = maps.spec
    if spec.method != "deepercut":
        raise UsageError(
            f"{spec.name}: the rule of masks is for DeeperCut's maps, not for those of {spec.method} models"
        )
    (width, height), to_picture = maps.size, maps.to_picture("part_logits")
    logits, offsets = maps.heads["part_logits"], maps.heads["offsets"]
    probable = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    wide = [cv2.warpAffine(plane, to_picture, (width, height), flags=cv2.INTER_CUBIC) for plane in probable]
    back, k = invert(to_picture), np.arange(len(logits))
    xy = np.zeros((0, len(logits), 2), np.float32)
    for mask in (mask for mask in masks if mask.any()):
        pixels = np.stack([np.where(mask, plane, -1).argmax() for plane in wide])
        places = apply(back, np.stack([pixels % width, pixels // width], axis=1))
        j, i = np.clip(np.rint(places), 0, np.array(logits.shape[:0:-1]) - 1).astype(int).T
        cells = apply(spec.heads["part_logits"].frame(logits.shape), np.stack([j, i], axis=1))
        found = cells + np.stack([offsets[2 * k, i, j], offsets[2 * k + 1, i, j]], axis=1)
        xy = np.concatenate([xy, found[None].astype(np.float32)])
    return People(spec.skeleton, xy, np.ones(xy.shape[:2], np.float32)).moved(invert(maps.frame))


def find_one(maps: Maps, box: npt.NDArray[np.floating]) -> People:
    """The one person in a box (xyxy, pixels of the picture): of each keypoint the highest place there; where there are limbs as well, the
    place that fits them best."""
    inside = apply(maps.frame, np.asarray(box).reshape(2, 2)).ravel()
    if maps.spec.method == "deepercut":
        person = decode_parts(maps.heads, maps.spec, inside)
    elif "pafs" in maps.heads:
        person = decode_one(maps.heads["heatmaps"], maps.heads["pafs"], maps.spec, inside)
    else:
        person = decode_single(maps.heads["heatmaps"], maps.spec, inside)
    return person.moved(invert(maps.frame))
