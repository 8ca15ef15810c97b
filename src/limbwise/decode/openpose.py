"""Heatmaps and part affinity fields to people (Cao et al., "Realtime multi-person 2D pose estimation using PAFs", CVPR 2017).

Works on the maps as the network gives them, without enlarging: sub-pixel peaks, line integrals between them, and links joined
to people, the best link first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.decode.fragments import join_fragments, typical_body
from limbwise.decode.grouping import REDUNDANT, group_links, lay_out, redundant_limbs
from limbwise.decode.limbs import match_exactly, score_limbs
from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel
from limbwise.fields import option
from limbwise.geometry import apply
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OpenPoseOptions:
    """How heatmaps and fields become people. Lengths in network-input pixels unless said otherwise.

    The presets below give the published sets.
    Peaks: above `threshold` and above `noise_gain` standard deviations of a map's own noise; those below the threshold, down to
    `weak`, only join people that stronger ones have begun. `max_peaks` bounds the time on noise.
    Limbs: the field is read at `samples` points; a share of `validity` of them must be above `paf_threshold`; the score is the
    mean, less `penalty` x the share of the length beyond `longest` x the map's height or width. Below `near` the direction of a
    limb counts less, down to not at all.
    People: links are followed best score first (times the square root of the mean height of their peaks), or limb by limb in the
    order of the spec. Pieces that no link joins are joined where a typical body fits them together nearly as well as each alone:
    up to `fragment_limit` squared standard deviations worse. Kept are people of `min_parts` parts and a mean of `min_mean_score`
    per part. `person_score`: the sum of peaks and links, its mean per part, the sum "by_parts" (times their number), or the sum of
    the peaks alone; `size_weight` times the logarithm of the root of the person's box, as a share of the map's shorter side, is
    added, since small people are less often right. `merges_count` adds scores of links between begun people to the number of parts,
    as Chainer's code does.
    """

    threshold: float = option(0.03, "least height of a peak")
    weak: float = option(0.005, "least height of a peak that may join a person but not begin one")
    noise_gain: float = option(4.0, "and above this many standard deviations of the map's own noise")
    smoothing: float = option(0.0, "Gaussian over the maps before peaks are sought, in input pixels; 0: none")
    neighbours: Literal[4, 8] = option(8, "cells that a peak is higher than")
    ties: Literal["first", "strict", "loose"] = option(
        "first", "of equal cells the first is a peak, none (strict), or each (loose)"
    )
    subpixel: Literal["none", "parabola", "gaussian"] = option("gaussian", "how a peak is placed between cells")
    peak_score: Literal["raw", "smoothed"] = option("raw", "map that gives a peak its score")
    apart: float = option(0.0, "peaks this near to a higher one are dropped, in input pixels")
    max_peaks: int = option(128, "most peaks of a keypoint")
    samples: int = option(10, "points of a limb at which its field is read")
    paf_threshold: float = option(0.0, "what a sample must be above to count as valid")
    validity: float = option(0.8, "share of valid samples that a limb needs")
    mean_of: Literal["all", "passing"] = option("all", "samples whose mean is the limb's score")
    near: float = option(8.0, "below this length, in input pixels, a limb's direction counts less")
    penalty: float = option(1.0, "how much long limbs lose")
    longest: float = option(0.5, "share of the map's side beyond which a limb is long")
    longest_of: Literal["height", "width"] = option("height", "side of the map that longest is a share of")
    min_limb_score: float = option(0.0, "least score of a limb")
    matching: Literal["greedy", "hungarian"] = option("greedy", "one to one by limb: best first, or the greatest sum")
    order: Literal["score", "limb"] = option("score", "links are followed by score, or by limb")
    redundant: Literal["equal", "join", "fill", "off"] = option(
        "equal",
        "limbs that join what is joined already count as equal, only join what is begun, only fill in single parts, or are off",
    )
    fragment_limit: float = option(
        5.0, "how far from a typical body two pieces of a person may be to be joined; 0: never"
    )
    min_parts: int = option(3, "fewest parts of a person")
    min_mean_score: float = option(0.2, "least score of a person per part")
    person_score: Literal["sum", "mean", "by_parts", "peaks"] = option("sum", "how a person's score is made")
    size_weight: float = option(0.0, "what the logarithm of a person's size adds to the score")
    merges_count: bool = option(False, "count scores of merging links as parts, as Chainer's code does")
    max_people: int | None = option(None, "most people of an image")

    def __post_init__(self) -> None:
        for name in ("smoothing", "apart", "near", "penalty", "noise_gain", "fragment_limit", "size_weight"):
            if not 0 <= getattr(self, name) < 1000:
                raise ValueError(f"{name}: a number from 0 to 1000 is needed, got {getattr(self, name)}")
        if self.samples < 2 or self.max_peaks < 1 or self.longest <= 0 or not 0 <= self.validity <= 1:
            raise ValueError("samples from 2, max_peaks from 1, longest above 0 and validity from 0 to 1 are needed")
        if self.max_people is not None and self.max_people < 0:
            raise ValueError(f"max_people: None or a number from 0 is needed, got {self.max_people}")


def everyone() -> OpenPoseOptions:
    """Whatever there is, down to lone keypoints, for measures that reward each."""
    return OpenPoseOptions(min_parts=1, min_mean_score=0.0)


def python_original() -> OpenPoseOptions:
    """Cao's Python demo: smoothed by 3 pixels, score of the raw map, 9 of 10 samples, at least 4 parts and 0.4 each."""
    return OpenPoseOptions(threshold=0.1, weak=0.1, noise_gain=0, smoothing=3, neighbours=4, ties="loose", paf_threshold=0.05, validity=0.9,
                           near=0, fragment_limit=0, order="limb", redundant="join", min_parts=4, min_mean_score=0.4)  # fmt: skip


def matlab() -> OpenPoseOptions:
    """Cao's Matlab code for COCO: strict peaks 6 pixels apart, mean of the passing samples, redundant limbs only fill."""
    return OpenPoseOptions(threshold=0.1, weak=0.1, noise_gain=0, smoothing=3, neighbours=4, ties="strict", apart=6, paf_threshold=0.05,
                           validity=0.9, mean_of="passing", near=0, fragment_limit=0, order="limb", redundant="fill", min_parts=3,
                           min_mean_score=0.2, person_score="by_parts")  # fmt: skip


def chainer() -> OpenPoseOptions:
    """Chainer's real-time OpenPose: threshold 0.05, score of the smoothed map, penalty from the map's width on, 3 parts, 0.2."""
    return OpenPoseOptions(threshold=0.05, weak=0.05, noise_gain=0, smoothing=2.5, neighbours=4, ties="strict", peak_score="smoothed",
                           paf_threshold=0.05, validity=0.9, near=0, longest=1, longest_of="width", fragment_limit=0, order="limb",
                           redundant="join", min_parts=3, min_mean_score=0.2, merges_count=True)  # fmt: skip


PRESETS = {
    "default": OpenPoseOptions,
    "everyone": everyone,
    "python_original": python_original,
    "matlab": matlab,
    "chainer": chainer,
}


def decode_openpose(
    heatmaps: Floats, pafs: Floats, spec: ModelSpec, options: OpenPoseOptions = OpenPoseOptions()
) -> People:
    """The people of one image, best first, in network-input pixels.

    `heatmaps` (K + 1, h, w), the last one background; `pafs` (2 L, h, w), x and y of each limb of the spec; float32, one grid.
    NaN and infinity count as 0. The score of a keypoint is the height of its peak, 1 at most. Raises ValueError for wrong shapes.
    """
    return decode_with_candidates(heatmaps, pafs, spec, options)[0]


def decode_with_candidates(
    heatmaps: Floats, pafs: Floats, spec: ModelSpec, options: OpenPoseOptions = OpenPoseOptions()
) -> tuple[People, list[Floats]]:
    """As decode_openpose; also all peaks, per keypoint (M, 3) float32 x, y in network-input pixels and score, highest first."""
    heatmaps, pafs = _checked(heatmaps, pafs, spec)
    stride = spec.heads["heatmaps"].stride
    peaks, start = _peaks(heatmaps, len(spec.skeleton), stride, options)
    links, scores = _links(pafs, peaks, start, spec, options)
    strong = peaks[:, 2] > options.threshold if options.weak < options.threshold else np.ones(len(peaks), bool)
    order = _order(links, scores, peaks[:, 2], strong, spec, options)
    parts, sums, merges = group_links(start, links, scores, order, _rule(spec, options))
    begun = (strong[parts] & (parts >= 0)).any(1)
    parts, sums, merges = parts[begun], sums[begun], merges[begun]
    if options.fragment_limit > 0:
        into = join_fragments(parts, peaks, typical_body(spec.skeleton), float(options.fragment_limit))
        parts, sums, merges = _gather(into, parts, sums, merges)
    peaks[:, :2] = apply(spec.heads["heatmaps"].frame(heatmaps.shape), peaks[:, :2])
    side = stride * min(heatmaps.shape[1:])
    candidates = [peaks[first:last] for first, last in pairwise(start)]
    return _people(parts, sums, merges, peaks, side, spec, options), candidates


def _checked(heatmaps: Floats, pafs: Floats, spec: ModelSpec) -> tuple[Floats, Floats]:
    """Both maps contiguous and of the shapes that the spec says."""
    count, limbs = len(spec.skeleton) + 1, len(spec.limbs)
    grid = np.shape(heatmaps)[1:]
    if np.shape(heatmaps) != (count, *grid) or len(grid) != 2 or 0 in grid:
        raise ValueError(f"heatmaps: expected shape ({count}, h, w) for {spec.skeleton.name}, got {np.shape(heatmaps)}")
    if np.shape(pafs) != (2 * limbs, *grid):
        raise ValueError(f"pafs: expected shape {(2 * limbs, *grid)} for {limbs} limbs, got {np.shape(pafs)}")
    return np.ascontiguousarray(heatmaps, np.float32), np.ascontiguousarray(pafs, np.float32)


def _peaks(heatmaps: Floats, keypoints: int, stride: int, options: OpenPoseOptions) -> tuple[Floats, Ints]:
    """Peaks (M, 3) in cells and where each keypoint's begin."""
    peaks, start = find_peaks(
        heatmaps, keypoints, float(min(options.threshold, options.weak)), float(options.noise_gain),
        gaussian_kernel(options.smoothing / stride),
        options.peak_score == "raw", options.neighbours == 8, TIES[options.ties], SUBPIXEL[options.subpixel],
        options.apart / stride, options.max_peaks,
    )  # fmt: skip
    return peaks, start


def _links(pafs: Floats, peaks: Floats, start: Ints, spec: ModelSpec, options: OpenPoseOptions) -> tuple[Ints, Floats]:
    """Links (E, 3) between peaks and their scores (E,)."""
    longest = options.longest * pafs.shape[1 if options.longest_of == "height" else 2]
    links, scores = score_limbs(
        pafs, peaks, start, np.array(spec.limbs, np.int64).reshape(-1, 2), options.samples, float(options.paf_threshold),
        float(options.validity), options.near / spec.heads["pafs"].stride, options.mean_of == "passing", float(longest),
        float(options.penalty), float(options.min_limb_score),
    )  # fmt: skip
    if options.matching == "hungarian":
        keep = match_exactly(links, scores)
        links, scores = links[keep], scores[keep]
    return links, scores


def _order(
    links: Ints,
    scores: Floats,
    heights: Floats,
    strong: npt.NDArray[np.bool_],
    spec: ModelSpec,
    options: OpenPoseOptions,
) -> Ints:
    """In which order links are followed: those with weak peaks last, and before them redundant limbs, unless they are equal."""
    a, b = links[:, 1], links[:, 2]
    weak = ~(strong[a] & strong[b])
    if options.order == "limb":
        return np.lexsort((-scores, links[:, 0], weak))
    trust = scores * (np.maximum(heights[a], 0) * np.maximum(heights[b], 0)) ** 0.25
    if options.redundant == "equal":
        return np.lexsort((-trust, weak))
    return np.lexsort((-trust, redundant_limbs(spec.limbs, len(spec.skeleton))[links[:, 0]], weak))


def _rule(spec: ModelSpec, options: OpenPoseOptions) -> Ints:
    """(L,) what each limb may join."""
    return redundant_limbs(spec.limbs, len(spec.skeleton)) * np.int64(REDUNDANT[options.redundant])


def _gather(into: Ints, parts: Ints, sums: Floats, merges: Floats) -> tuple[Ints, Floats, Floats]:
    """Fragments brought together: fragment i goes into fragment into[i]."""
    whole = into == np.arange(len(into))
    if whole.all():
        return parts, sums, merges
    for i in np.flatnonzero(~whole):
        parts[into[i]] = np.maximum(parts[into[i]], parts[i])
        sums[into[i]] += sums[i]
        merges[into[i]] += merges[i]
    return parts[whole], sums[whole], merges[whole]


def _people(
    parts: Ints, sums: Floats, merges: Floats, peaks: Floats, side: int, spec: ModelSpec, options: OpenPoseOptions
) -> People:
    """Rows of peaks as People on a map whose shorter side is `side`: scored, those of too few parts or too low a score left out,
    the best first."""
    if not len(peaks):
        return People.empty(spec.skeleton)
    xy, scores, sizes = lay_out(parts, peaks)
    heights, number = scores.sum(1), (parts >= 0).sum(1)
    totals = heights + sums
    means = totals / (number + merges if options.merges_count else number)
    person_scores = {"sum": totals, "mean": means, "by_parts": totals * number, "peaks": heights}[options.person_score]
    if options.size_weight > 0:
        person_scores = person_scores + np.float32(options.size_weight) * np.log(sizes / side)
    fewest = min(options.min_parts, len(spec.skeleton) if spec.limbs else 1)
    kept = np.flatnonzero((number >= fewest) & (means >= options.min_mean_score))
    best = kept[np.argsort(-person_scores[kept], kind="stable")][: options.max_people]
    return People(spec.skeleton, xy[best], np.minimum(scores[best], 1), person_scores[best])
