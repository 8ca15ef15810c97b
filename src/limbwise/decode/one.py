"""One person in a known place by peaks and limbs together: of each keypoint the peak that fits its neighbours best.

The highest peak of each map alone mixes up left and right, and picks whoever stands closest. Here a person is a graph of limbs whose
ends are chosen together (pictorial structures, Felzenszwalb and Huttenlocher 2005), by max-sum message passing (Pearl 1988).
`fit_people`, which climbs and keeps left and right apart, finds fewer here with most weights (model card, "Chosen together").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.limbs import score_limbs
from limbwise.decode.peaks import SUBPIXEL, TIES, find_peaks, gaussian_kernel
from limbwise.decode.single import cells_of, decode_single
from limbwise.geometry import apply
from limbwise.people import People
from limbwise.spec import ModelSpec

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SAMPLES = 10  # points of a limb at which its field is read
ROUNDS = 12  # of messages; the graph has circles, they settle nearly always well before


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
    limbs = spec.limb_ends
    fields = np.ascontiguousarray(pafs, np.float32)
    links, fits = score_limbs(fields, peaks, start, limbs, SAMPLES, 0.0, 0.0, 1.0, False, np.inf, 0.0, -np.inf)
    chosen = choose(peaks[:, 2], start, limbs, links, options.limb_weight * fits)
    seen = np.flatnonzero(np.diff(start))
    xy, scores = people.xy.copy(), people.scores.copy()
    xy[0, seen] = apply(head.frame(heatmaps.shape), peaks[chosen[seen], :2])
    scores[0, seen] = np.minimum(peaks[chosen[seen], 2], 1)
    return People(spec.skeleton, xy, scores)


@compiled
def choose(heights: Floats, start: Ints, limbs: Ints, links: Ints, fits: Floats) -> Ints:
    """(K,) the row of the peak chosen for each keypoint, -1 for one without: heights of peaks plus fits of links are greatest.

    `heights` (P,) of all peaks, those of keypoint k in rows start[k] to start[k + 1]; `links` (E, 3) limb, peak, peak, sorted by limb.
    """
    forth, back = np.zeros((len(limbs), len(heights))), np.zeros((len(limbs), len(heights)))
    belief = heights.astype(np.float64)
    for _ in range(ROUNDS):
        before_forth, before_back = forth.copy(), back.copy()
        forth[:], back[:] = -np.inf, -np.inf
        for e in range(len(links)):
            limb, a, b = links[e]
            forth[limb, b] = max(forth[limb, b], fits[e] + belief[a] - before_back[limb, a])
            back[limb, a] = max(back[limb, a], fits[e] + belief[b] - before_forth[limb, b])
        for limb in range(len(limbs)):
            _settle(forth[limb], before_forth[limb], start[limbs[limb, 1]], start[limbs[limb, 1] + 1])
            _settle(back[limb], before_back[limb], start[limbs[limb, 0]], start[limbs[limb, 0] + 1])
        belief = heights + forth.sum(0) + back.sum(0)
    chosen = np.full(len(start) - 1, -1)
    for k in range(len(start) - 1):
        if start[k] < start[k + 1]:
            chosen[k] = start[k] + belief[start[k] : start[k + 1]].argmax()
    return chosen


@compiled
def _settle(message: npt.NDArray[np.float64], before: npt.NDArray[np.float64], first: int, last: int) -> None:
    """Half of the new message and half of the old, so that circles do not swing; its greatest value is 0, what has no link says 0."""
    most = -np.inf
    for i in range(first, last):
        most = max(most, message[i])
    for i in range(len(message)):
        inside = first <= i < last and most > -np.inf
        message[i] = (message[i] - most + before[i]) / 2 if inside else 0.0
