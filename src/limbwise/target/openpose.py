"""OpenPose targets: heatmaps, part affinity fields and what to leave out of the loss, drawn at the map's own resolution.

Cao et al., CVPR 2017. A heatmap is the maximum over people of exp(-d^2 / (2 sigma^2)); the background is 1 - the maximum over
keypoints; a part affinity field (PAF) is the limb's unit vector within `limb_width` of its line, averaged over the people
whose limbs overlap. HIDDEN keypoints are drawn as SEEN ones are. Inverse: decode/openpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from limbwise.geometry import apply, cell_frame, invert
from limbwise.sample import HIDDEN, UNKNOWN, Sample
from limbwise.spec import ModelSpec
from limbwise.target.unlabelled import clear, free_cells, unknown_regions

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TargetOptions:
    """`sigma` of the Gaussians and `limb_width`, the half width of the fields, in network-input pixels (Cao et al.: 7 and 8).
    `unknown_margin`, `head_reach`: where UNKNOWN keypoints may be (see target.unlabelled)."""

    sigma: float = 7.0
    limb_width: float = 8.0
    unknown_margin: float = 0.1
    head_reach: float = 0.3

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.limb_width > 0):
            raise ValueError("sigma, limb_width: must be above 0")


@dataclass(frozen=True, eq=False)
class Targets:
    """What the network shall put out for one sample.

    `heatmaps` (K + 1, h, w) float32, 0 to 1, the last one background. `pafs` (2 L, h, w) float32, channels 2 l (x) and 2 l + 1
    (y). `mask` (K + 1 + 2 L, h, w) float32: 1 where the loss counts, 0 where nobody knows; heatmaps first, then PAFs.
    """

    heatmaps: Floats
    pafs: Floats
    mask: Floats


def targets(sample: Sample, spec: ModelSpec, options: TargetOptions | None = None) -> Targets:
    """Targets for a sample in network-input pixels, at the size, stride and offset of the spec's heatmaps.

    A map cell is ignored where any pixel of its stride x stride square is. An UNKNOWN keypoint of a person takes its own
    channel, the PAFs of its limbs and the background out of the loss within the person's grown box (see TargetOptions).
    Raises ValueError where the sample is on another skeleton than the spec.
    """
    options = options or TargetOptions()
    if sample.people.skeleton.keypoints != spec.skeleton.keypoints:
        raise ValueError(
            f"{sample.name}: on skeleton {sample.people.skeleton.name}, the model's is {spec.skeleton.name}"
        )
    head = spec.heads["heatmaps"]
    height, width = -(-sample.image.shape[0] // head.stride), -(-sample.image.shape[1] // head.stride)
    frame = cell_frame(head.stride, head.offset)
    xy = np.where((sample.visibility >= HIDDEN)[..., None], sample.people.xy, np.nan)
    limbs = spec.limb_ends
    shift = float(frame[0, 2])
    heatmaps, pafs = draw(xy, limbs, (height, width), head.stride, shift, options)
    mask = np.empty((len(heatmaps) + len(pafs), height, width), np.float32)
    mask[:] = free_cells(sample.ignore, (height, width), head.stride, shift)
    if (sample.visibility == UNKNOWN).any():
        regions = unknown_regions(sample, options.unknown_margin, options.head_reach)
        cells = apply(invert(frame), regions.reshape(-1, 2)).reshape(regions.shape).astype(np.float32)
        _leave_out(mask, cells, np.ascontiguousarray(sample.visibility == UNKNOWN), limbs)
    return Targets(heatmaps, pafs, mask)


def draw(
    xy: npt.NDArray[np.floating],
    limbs: npt.NDArray[np.int64],
    size: tuple[int, int],
    stride: int,
    shift: float,
    options: TargetOptions,
) -> tuple[Floats, Floats]:
    """Heatmaps (K + 1, h, w) and PAFs (2 L, h, w) of people `xy` (N, K, 2), NaN where not drawn, on maps of (h, w) `size`."""
    height, width = size
    cells = np.ascontiguousarray((xy - shift) / stride, np.float32)  # one memory layout, so that numba compiles once
    heatmaps = np.zeros((xy.shape[1] + 1, height, width), np.float32)
    pafs = np.zeros((2 * len(limbs), height, width), np.float32)
    _draw_heatmaps(heatmaps, cells, options.sigma / stride)
    _draw_pafs(pafs, cells, limbs, options.limb_width / stride)
    return heatmaps, pafs


@njit(cache=True)
def _draw_heatmaps(maps: Floats, cells: Floats, sigma: float) -> None:
    """The maximum of Gaussians per keypoint, cut at 4 sigma; the last map becomes 1 - the maximum of the others."""
    count, height, width = maps.shape
    reach = 4 * sigma
    for k in range(count - 1):
        for person in range(len(cells)):
            x, y = cells[person, k]
            if np.isnan(x) or x < -reach or y < -reach or x > width - 1 + reach or y > height - 1 + reach:
                continue
            for i in range(max(0, int(np.ceil(y - reach))), min(height, int(np.floor(y + reach)) + 1)):
                for j in range(max(0, int(np.ceil(x - reach))), min(width, int(np.floor(x + reach)) + 1)):
                    value = np.exp(-((j - x) ** 2 + (i - y) ** 2) / (2 * sigma * sigma))
                    maps[k, i, j] = max(maps[k, i, j], value)
    for i in range(height):
        for j in range(width):
            highest = np.float32(0)
            for k in range(count - 1):
                highest = max(highest, maps[k, i, j])
            maps[count - 1, i, j] = 1 - highest


@njit(cache=True)
def _draw_pafs(pafs: Floats, cells: Floats, limbs: npt.NDArray[np.int64], reach: float) -> None:
    """Unit vectors within `reach` of each limb, the ends included, so that a limb shorter than a cell still has one; then the mean."""
    height, width = pafs.shape[1:]
    covered = np.zeros((height, width), np.int32)
    for limb in range(len(limbs)):
        start, stop = limbs[limb]
        drawn = 0
        for person in range(len(cells)):
            ax, ay = cells[person, start]
            bx, by = cells[person, stop]
            length = np.hypot(bx - ax, by - ay)
            if np.isnan(length) or length < 1e-6:
                continue
            ux, uy = (bx - ax) / length, (by - ay) / length
            drawn += 1
            for i in range(
                max(0, int(np.ceil(min(ay, by) - reach))), min(height, int(np.floor(max(ay, by) + reach)) + 1)
            ):
                for j in range(
                    max(0, int(np.ceil(min(ax, bx) - reach))), min(width, int(np.floor(max(ax, bx) + reach)) + 1)
                ):
                    along = (j - ax) * ux + (i - ay) * uy
                    across = (j - ax) * uy - (i - ay) * ux
                    if abs(across) <= reach and -reach <= along <= length + reach:
                        pafs[2 * limb, i, j] += ux
                        pafs[2 * limb + 1, i, j] += uy
                        covered[i, j] += 1
        if drawn > 1:
            for i in range(height):
                for j in range(width):
                    if covered[i, j] > 1:
                        pafs[2 * limb, i, j] /= covered[i, j]
                        pafs[2 * limb + 1, i, j] /= covered[i, j]
        if drawn:
            covered[:] = 0


@njit(cache=True)
def _leave_out(mask: Floats, regions: Floats, unknown: npt.NDArray[np.bool_], limbs: npt.NDArray[np.int64]) -> None:
    """Zero the channels of UNKNOWN keypoints, the background and the PAFs of their limbs in their regions (in cells).

    Of a limb the regions of its UNKNOWN ends: a region is large enough to hold the way to the other end (see unknown_regions).
    """
    height, width = mask.shape[1:]
    keypoints = unknown.shape[1]
    for person in range(len(unknown)):
        for k in range(keypoints):
            if unknown[person, k]:
                clear(mask[k], regions[person, k], height, width)
                clear(mask[keypoints], regions[person, k], height, width)
        for limb in range(len(limbs)):
            start, stop = limbs[limb]
            if unknown[person, start] or unknown[person, stop]:
                for end in (start, stop):
                    if unknown[person, end]:
                        clear(mask[keypoints + 1 + 2 * limb], regions[person, end], height, width)
                        clear(mask[keypoints + 2 + 2 * limb], regions[person, end], height, width)
