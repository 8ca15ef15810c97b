"""One person in a known place by peaks and limbs together: of each keypoint the peak that fits its neighbours best.

The highest peak of each map alone mixes up left and right, and picks whoever stands closest; from there the keypoints are chosen
together (`fit_people`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.decode.fit import fit_people
from limbwise.decode.limbs import score_limbs
from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel
from limbwise.decode.single import cells_of, decode_single
from limbwise.geometry import apply
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SAMPLES = 10  # points of a limb at which its field is read


@dataclass(frozen=True)
class OneOptions:
    """`candidates`: so many highest peaks of each keypoint are weighed. `smoothing`: Gaussian over the heatmaps before peaks are sought,
    in input pixels. `limb_weight`: what a whole limb counts against a peak of height 1."""

    candidates: int = 6
    smoothing: float = 6.0
    limb_weight: float = 0.5


def decode_one(
    heatmaps: Floats,
    pafs: Floats,
    spec: ModelSpec,
    box: npt.ArrayLike | None = None,
    options: OneOptions = OneOptions(),
) -> People:
    """The one person in `box` (xyxy, network-input pixels; None: the whole map), in those pixels; every keypoint is there.

    `heatmaps` (K + 1, h, w) and `pafs` (2 L, h, w) float32 as for decode_openpose. A keypoint without any peak is where
    decode_single puts it. The score of a keypoint is the height of its peak.
    """
    head, count = spec.heads["heatmaps"], len(spec.skeleton)
    people = decode_single(heatmaps, spec, box)
    left, top, right, bottom = cells_of(box, heatmaps.shape[1:], head.stride)
    inside = np.zeros_like(heatmaps, np.float32)
    inside[:, top:bottom, left:right] = heatmaps[:, top:bottom, left:right]
    kernel = gaussian_kernel(options.smoothing / head.stride)
    peaks, start = find_peaks(
        inside, count, 1e-6, 0.0, kernel, True, False, TIES["first"], SUBPIXEL["gaussian"], 0.0, options.candidates
    )
    limbs = np.array(spec.limbs, np.int64).reshape(-1, 2)
    fields = np.ascontiguousarray(pafs, np.float32)
    links, fits = score_limbs(fields, peaks, start, limbs, SAMPLES, 0.0, 0.0, 1.0, False, np.inf, 0.0, -np.inf)
    peaks[:, :2] = apply(head.frame(heatmaps.shape), peaks[:, :2])
    highest = np.where(np.diff(start) > 0, start[:-1], -1)[None]
    chosen = fit_people(highest, peaks, start, links, fits, limbs, spec.skeleton, options.limb_weight)[0]
    seen = np.flatnonzero(chosen >= 0)
    xy, scores = people.xy.copy(), people.scores.copy()
    xy[0, seen] = peaks[chosen[seen], :2]
    scores[0, seen] = np.minimum(peaks[chosen[seen], 2], 1)
    return People(spec.skeleton, xy, scores)
