"""What decode_openpose can be told: its options, and the sets of them that were published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from limbwise.fields import option

NOT_NEGATIVE = ("smoothing", "apart", "near", "penalty", "noise_gain", "fragment_limit", "limb_weight", "size_weight")


@dataclass(frozen=True)
class OpenPoseOptions:
    """How heatmaps and fields become people. Lengths in network-input pixels unless said otherwise.

    The presets below give the published sets.
    Peaks: above `threshold` and above `noise_gain` standard deviations of a map's own noise; those below the threshold, down to
    `weak`, only join people that stronger ones have begun. `max_peaks` bounds the time on noise.
    Limbs: the field is read at `samples` points; a share of `validity` of them must be above `paf_threshold`; the score is the
    mean, less `penalty` x the share of the length beyond `longest` x the map's height or width. Below `near` the direction of a
    limb counts less, down to not at all.
    People: links are followed best score first (times the square root of the mean height of their peaks), or limb by limb in
    the order of the spec. Pieces that no link joins are joined where a typical body fits them together nearly as well as each
    alone: up to `fragment_limit` squared standard deviations worse. Kept are people of `min_parts` parts and a mean of
    `min_mean_score` per part; their keypoints are chosen again, all of a person together, with `limb_weight` (`fit_people`).
    `person_score`: the sum of peaks and links, its mean per part, the sum "by_parts" (times their number), or the sum of the
    peaks alone; `size_weight` times the logarithm of the root of the person's box, as a share of the map's shorter side, is
    added, since small people are less often right. `merges_count` adds scores of links between begun people to the number of
    parts, as Chainer's code does.
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
    limb_weight: float = option(
        0.5,
        "what a whole limb counts against a peak when a person's keypoints are at last chosen together; 0: not done",
    )
    person_score: Literal["sum", "mean", "by_parts", "peaks"] = option("sum", "how a person's score is made")
    size_weight: float = option(0.0, "what the logarithm of a person's size adds to the score")
    merges_count: bool = option(False, "count scores of merging links as parts, as Chainer's code does")
    max_people: int | None = option(None, "most people of an image")

    def __post_init__(self) -> None:
        for name in NOT_NEGATIVE:
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
    return OpenPoseOptions(threshold=0.1, weak=0.1, noise_gain=0, smoothing=3, neighbours=4, ties="loose", paf_threshold=0.05,
                           validity=0.9, near=0, fragment_limit=0, limb_weight=0, order="limb", redundant="join", min_parts=4,
                           min_mean_score=0.4)  # fmt: skip


def matlab() -> OpenPoseOptions:
    """Cao's Matlab code for COCO: strict peaks 6 pixels apart, mean of the passing samples, redundant limbs only fill."""
    return OpenPoseOptions(threshold=0.1, weak=0.1, noise_gain=0, smoothing=3, neighbours=4, ties="strict", apart=6, paf_threshold=0.05,
                           validity=0.9, mean_of="passing", near=0, fragment_limit=0, limb_weight=0, order="limb", redundant="fill",
                           min_parts=3, min_mean_score=0.2, person_score="by_parts")  # fmt: skip


def chainer() -> OpenPoseOptions:
    """Chainer's real-time OpenPose: threshold 0.05, score of the smoothed map, penalty from the map's width on, 3 parts, 0.2."""
    return OpenPoseOptions(threshold=0.05, weak=0.05, noise_gain=0, smoothing=2.5, neighbours=4, ties="strict", peak_score="smoothed",
                           paf_threshold=0.05, validity=0.9, near=0, longest=1, longest_of="width", fragment_limit=0, limb_weight=0,
                           order="limb", redundant="join", min_parts=3, min_mean_score=0.2, merges_count=True)  # fmt: skip


PRESETS = {
    "default": OpenPoseOptions,
    "everyone": everyone,
    "python_original": python_original,
    "matlab": matlab,
    "chainer": chainer,
}
