"""Heatmaps and part affinity fields to people (Cao et al., "Realtime multi-person 2D pose estimation using PAFs", CVPR 2017).

Works on the maps as the network gives them, without enlarging: sub-pixel peaks, line integrals between them, and links joined
to people, the best link first.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from limbwise.decode.fit import fit_people
from limbwise.decode.fragments import gather, join_fragments, typical_body
from limbwise.decode.grouping import REDUNDANT, group_links, lay_out, order_links, redundant_limbs
from limbwise.decode.limbs import match_exactly, score_limbs
from limbwise.decode.options import OpenPoseOptions
from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel, move_points
from limbwise.decode.rank import SCORES, rank_people
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
    return _decode(heatmaps, pafs, spec, options)[0]


def decode_with_candidates(
    heatmaps: Floats, pafs: Floats, spec: ModelSpec, options: OpenPoseOptions = USUAL
) -> tuple[People, list[Floats]]:
    """As decode_openpose; also all peaks, per keypoint (M, 3) float32 x, y in network-input pixels and score, highest first."""
    people, peaks, start = _decode(heatmaps, pafs, spec, options)
    return people, [peaks[first:last] for first, last in pairwise(start)]


def _decode(heatmaps: Floats, pafs: Floats, spec: ModelSpec, options: OpenPoseOptions) -> tuple[People, Floats, Ints]:
    """People, all peaks (M, 3) in network-input pixels, and where those of each keypoint begin."""
    heatmaps, pafs = _checked(heatmaps, pafs, spec)
    head = spec.heads["heatmaps"]
    peaks, start = _peaks(heatmaps, len(spec.skeleton), head.stride, options)
    links, scores = _links(pafs, peaks, start, spec, options)
    parts, sums, merges = _groups(peaks, start, links, scores, spec, options)
    move_points(peaks, head.frame(heatmaps.shape))
    side = head.stride * min(heatmaps.shape[1:])
    parts, person_scores = _ranked(parts, sums, merges, peaks, side, spec, options)
    if options.limb_weight > 0:
        weight = float(options.limb_weight)
        parts = fit_people(parts, peaks, start, links, scores, spec.limb_ends, spec.skeleton, weight)
    xy, heights, _ = lay_out(parts, peaks)
    return People(spec.skeleton, xy, np.minimum(heights, 1), person_scores), peaks, start


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


def _groups(
    peaks: Floats, start: Ints, links: Ints, scores: Floats, spec: ModelSpec, options: OpenPoseOptions
) -> tuple[Ints, Floats, Floats]:
    """Peaks joined to people, as group_links gives them, and pieces of people joined to whole ones."""
    heights = peaks[:, 2]
    strong = options.threshold if options.weak < options.threshold else -math.inf
    last, rule = _redundant(spec.limbs, len(spec.skeleton), options.redundant)
    order = order_links(links, scores, heights, strong, last, options.order == "limb")
    parts, sums, merges = group_links(start, links, scores, order, rule, heights, strong)
    if options.fragment_limit > 0:
        into = join_fragments(parts, peaks, typical_body(spec.skeleton), float(options.fragment_limit))
        parts, sums, merges = gather(into, parts, sums, merges)
    return parts, sums, merges


@lru_cache
def _redundant(limbs: tuple[tuple[int, int], ...], keypoints: int, rule: str) -> tuple[Flags, Ints]:
    """(L,) which limbs are followed after the others, and what each may join: a number of REDUNDANT, 0 for those that are not."""
    redundant = redundant_limbs(limbs, keypoints)
    return redundant & (rule != "equal"), redundant * np.int64(REDUNDANT[rule])


def _ranked(
    parts: Ints, sums: Floats, merges: Floats, peaks: Floats, side: int, spec: ModelSpec, options: OpenPoseOptions
) -> tuple[Ints, Floats]:
    """People and their scores, on a map whose shorter side is `side`: best first, without those of too few parts or too low a score."""
    parts, scores = rank_people(
        parts, sums, merges, peaks, SCORES[options.person_score], options.merges_count, float(options.size_weight), side,
        min(options.min_parts, len(spec.skeleton) if spec.limbs else 1), float(options.min_mean_score),
    )  # fmt: skip
    return parts[: options.max_people], scores[: options.max_people]
