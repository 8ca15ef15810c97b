"""Heatmaps and part affinity fields to people (Cao et al., "Realtime multi-person 2D pose estimation using PAFs", CVPR 2017).

Works on the maps as the network gives them, without enlarging: sub-pixel peaks, line integrals between them, and links joined
to people, the best link first.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.fit import fit_people
from limbwise.decode.fragments import gather, join_fragments, typical_body
from limbwise.decode.grouping import REDUNDANT, group_links, lay_out, redundant_limbs
from limbwise.decode.limbs import match_exactly, score_limbs
from limbwise.decode.options import OpenPoseOptions
from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel
from limbwise.geometry import apply
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

USUAL = OpenPoseOptions()


def decode_openpose(heatmaps: Floats, pafs: Floats, spec: ModelSpec, options: OpenPoseOptions = USUAL) -> People:
    """The people of one image, best first, in network-input pixels.

    `heatmaps` (K + 1, h, w), the last one background; `pafs` (2 L, h, w), x and y of each limb of the spec; float32, one grid.
    NaN and infinity count as 0. The score of a keypoint is the height of its peak, 1 at most. Raises ValueError for wrong shapes.
    """
    return decode_with_candidates(heatmaps, pafs, spec, options)[0]


def decode_with_candidates(
    heatmaps: Floats, pafs: Floats, spec: ModelSpec, options: OpenPoseOptions = USUAL
) -> tuple[People, list[Floats]]:
    """As decode_openpose; also all peaks, per keypoint (M, 3) float32 x, y in network-input pixels and score, highest first."""
    heatmaps, pafs = _checked(heatmaps, pafs, spec)
    stride = spec.heads["heatmaps"].stride
    peaks, start = _peaks(heatmaps, len(spec.skeleton), stride, options)
    links, scores = _links(pafs, peaks, start, spec, options)
    strong = peaks[:, 2] > options.threshold if options.weak < options.threshold else np.ones(len(peaks), bool)
    order = _order(links, scores, peaks[:, 2], strong, spec, options)
    parts, sums, merges = group_links(start, links, scores, order, _rule(spec, options), strong)
    if options.fragment_limit > 0:
        into = join_fragments(parts, peaks, typical_body(spec.skeleton), float(options.fragment_limit))
        parts, sums, merges = gather(into, parts, sums, merges)
    peaks[:, :2] = apply(spec.heads["heatmaps"].frame(heatmaps.shape), peaks[:, :2])
    side = stride * min(heatmaps.shape[1:])
    candidates = [peaks[first:last] for first, last in pairwise(start)]
    parts, person_scores = _scored(parts, sums, merges, peaks, side, spec, options)
    if options.limb_weight > 0:
        weight = float(options.limb_weight)
        parts = fit_people(parts, peaks, start, links, scores, spec.limb_ends, spec.skeleton, weight)
    xy, heights, _ = lay_out(parts, peaks)
    return People(spec.skeleton, xy, np.minimum(heights, 1), person_scores), candidates


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
        pafs, peaks, start, spec.limb_ends, options.samples, float(options.paf_threshold),
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
    strong: Flags,
    spec: ModelSpec,
    options: OpenPoseOptions,
) -> Ints:
    """In which order links are followed: those with weak peaks last, and before them redundant limbs, unless they are equal."""
    weak, trust = _weigh(links, scores, heights, strong)
    if options.order == "limb":
        return np.lexsort((-scores, links[:, 0], weak))
    if options.redundant == "equal":
        return np.lexsort((-trust, weak))
    return np.lexsort((-trust, redundant_limbs(spec.limbs, len(spec.skeleton))[links[:, 0]], weak))


@compiled
def _weigh(links: Ints, scores: Floats, heights: Floats, strong: Flags) -> tuple[Flags, Floats]:
    """(E,) which links have a weak peak, and how much each is trusted: by its score, and by the heights of its peaks."""
    weak, trust = np.empty(len(links), np.bool_), np.empty(len(links), np.float32)
    for i in range(len(links)):
        a, b = links[i, 1], links[i, 2]
        weak[i] = not (strong[a] and strong[b])
        trust[i] = scores[i] * math.sqrt(math.sqrt(max(heights[a], 0) * max(heights[b], 0)))
    return weak, trust


def _rule(spec: ModelSpec, options: OpenPoseOptions) -> Ints:
    """(L,) what each limb may join."""
    return redundant_limbs(spec.limbs, len(spec.skeleton)) * np.int64(REDUNDANT[options.redundant])


def _scored(
    parts: Ints, sums: Floats, merges: Floats, peaks: Floats, side: int, spec: ModelSpec, options: OpenPoseOptions
) -> tuple[Ints, Floats]:
    """People and their scores, on a map whose shorter side is `side`: best first, without those of too few parts or too low a score."""
    if not len(peaks):
        return parts[:0], sums[:0]
    _, scores, sizes = lay_out(parts, peaks)
    heights, number = scores.sum(1), (parts >= 0).sum(1)
    totals = heights + sums
    means = totals / (number + merges if options.merges_count else number)
    person_scores = {"sum": totals, "mean": means, "by_parts": totals * number, "peaks": heights}[options.person_score]
    if options.size_weight > 0:
        person_scores = person_scores + np.float32(options.size_weight) * np.log(sizes / side)
    fewest = min(options.min_parts, len(spec.skeleton) if spec.limbs else 1)
    kept = np.flatnonzero((number >= fewest) & (means >= options.min_mean_score))
    best = kept[np.argsort(-person_scores[kept], kind="stable")][: options.max_people]
    return parts[best], person_scores[best]
