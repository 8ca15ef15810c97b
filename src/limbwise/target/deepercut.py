"""DeeperCut targets: discs of parts, offsets to the joint within them, vectors to the person's other joints.

Insafutdinov et al., ECCV 2016, and the published code's conventions: a cell is 1 where its centre lies within `radius` of a joint;
of two people's joints of a kind the nearer one owns the cell, its offset and its vectors. HIDDEN keypoints are drawn as SEEN ones
are. Inverse: decode/deepercut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from limbwise.geometry import apply, cell_frame, invert
from limbwise.sample import HIDDEN, UNKNOWN, Sample
from limbwise.spec import ModelSpec, ordered_pairs
from limbwise.target.unlabelled import clear, free_cells, unknown_regions

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DiscOptions:
    """`radius` of the discs in network-input pixels (published: 17). `unknown_margin`, `head_reach`: where UNKNOWN keypoints may be
    (see target.unlabelled)."""

    radius: float = 17.0
    unknown_margin: float = 0.1
    head_reach: float = 0.3

    def __post_init__(self) -> None:
        if not self.radius > 0:
            raise ValueError("radius: must be above 0")


@dataclass(frozen=True, eq=False)
class DiscTargets:
    """What the network shall put out for one sample, by the heads that its spec has.

    `maps`: part_logits (K, h, w) float32, 1 in the discs and 0 elsewhere; offsets (2 K, h, w) and pairwise (2 K (K - 1), h, w) as
    the network puts them out (less the head's mean, over its scale), 0 where the mask is. `masks`, of the same shapes: 1 where
    the loss counts. Offsets and vectors count within discs only, a vector only where its person's other keypoint is labelled.
    """

    maps: dict[str, Floats]
    masks: dict[str, Floats]


@dataclass(frozen=True, eq=False)
class Discs:
    """The same in input pixels: `parts` (K, h, w), `offsets` (2 K, h, w), `vectors` (2 P, h, w), P 0 or K (K - 1) `ordered_pairs`,
    and `known` (P, h, w), 1 where there is a vector; float32."""

    parts: Floats
    offsets: Floats
    vectors: Floats
    known: Floats


def targets(sample: Sample, spec: ModelSpec, options: DiscOptions | None = None) -> DiscTargets:
    """Targets for a sample in network-input pixels, on the grid of the spec's part_logits; pairwise where the spec has that head.

    The image counts as padded at right and bottom to a multiple of the spec's input. A cell of an ignored pixel is left out of the
    loss of all heads; an UNKNOWN keypoint takes its own part out of it within its person's grown box. Raises ValueError where the
    sample is on another skeleton than the spec.
    """
    options = options or DiscOptions()
    if sample.people.skeleton.keypoints != spec.skeleton.keypoints:
        raise ValueError(
            f"{sample.name}: on skeleton {sample.people.skeleton.name}, the model's is {spec.skeleton.name}"
        )
    head = spec.heads["part_logits"]
    xy = np.where((sample.visibility >= HIDDEN)[..., None], sample.people.xy, np.nan)
    size = grid(sample.image.shape[0], sample.image.shape[1], spec)
    shift = float(cell_frame(head.stride, head.offset)[0, 2])
    discs = draw(xy, size, head.stride, shift, options.radius, "pairwise" in spec.heads)
    free = free_cells(sample.ignore, size, head.stride, shift)
    masks = {"part_logits": np.repeat(free[None], len(spec.skeleton), axis=0)}
    maps = {"part_logits": discs.parts}
    _leave_out(masks["part_logits"], sample, spec, options)
    found = {"offsets": (discs.offsets, discs.parts), "pairwise": (discs.vectors, discs.known)}
    for name in found.keys() & spec.heads.keys():
        vectors, known = found[name]
        masks[name] = np.repeat(known * free, 2, axis=0)
        maps[name] = spec.heads[name].learnt(vectors) * masks[name]
    return DiscTargets(maps, masks)


def grid(height: int, width: int, spec: ModelSpec) -> tuple[int, int]:
    """(h, w) of the part maps of an image of that size."""
    stride = spec.heads["part_logits"].stride
    step = max(spec.input.size.multiple, stride)
    return -(-height // step) * step // stride, -(-width // step) * step // stride


def draw(
    xy: npt.NDArray[np.floating], size: tuple[int, int], stride: int, shift: float, radius: float, pairwise: bool = True
) -> Discs:
    """Discs of people `xy` (N, K, 2), NaN where not drawn, on maps of (h, w) `size` whose cell i is centred on stride i + shift."""
    count, (height, width) = xy.shape[1], size
    pairs = count * (count - 1) if pairwise else 0
    discs = Discs(*(np.zeros((planes, height, width), np.float32) for planes in (count, 2 * count, 2 * pairs, pairs)))
    people = np.ascontiguousarray(xy, np.float32)
    _draw(discs.parts, discs.offsets, discs.vectors, discs.known, people, float(stride), shift, float(radius))
    return discs


def statistics(people: npt.NDArray[np.floating], flip: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Mean and standard deviation (population) of the vectors of all `ordered_pairs`, (K (K - 1), 2) each, as `Head.mean` and
    `Head.scale` of pairwise take them, over `people` (N, K, 2), NaN where a keypoint is missing, and their mirror images.

    `flip`: the skeleton's. Lengths are those of the people as given. A pair that no person has gets 0 and 1.
    """
    mirrored = people[:, flip] * np.array([-1, 1])
    pairs = ordered_pairs(people.shape[1])
    means, deviations = np.zeros((len(pairs), 2)), np.ones((len(pairs), 2))
    for row, (a, b) in enumerate(pairs):
        vectors = np.concatenate([both[:, b] - both[:, a] for both in (people, mirrored)]).astype(np.float64)
        vectors = vectors[~np.isnan(vectors).any(1)]
        if len(vectors):
            means[row], deviations[row] = vectors.mean(0), np.maximum(vectors.std(0), 1e-3)
    return means.astype(np.float32), deviations.astype(np.float32)


def _leave_out(mask: Floats, sample: Sample, spec: ModelSpec, options: DiscOptions) -> None:
    """Zero the mask (K, h, w) of parts where an UNKNOWN keypoint may be."""
    unknown = np.argwhere(sample.visibility == UNKNOWN)
    if not len(unknown):
        return
    head = spec.heads["part_logits"]
    regions = unknown_regions(sample, options.unknown_margin, options.head_reach)
    cells = apply(invert(cell_frame(head.stride, head.offset)), regions.reshape(-1, 2)).reshape(regions.shape)
    for person, k in unknown:
        clear(mask[k], cells[person, k].astype(np.float32), *mask.shape[1:])


@njit(cache=True)
def _draw(parts: Floats, offsets: Floats, vectors: Floats, known: Floats, people: Floats, stride: float, shift: float,
          radius: float) -> None:  # fmt: skip
    """Each disc cell goes to the nearest joint of its kind, the first of equally near ones."""
    count, height, width = parts.shape
    nearest = np.empty((height, width), np.float32)
    for k in range(count):
        nearest[:] = radius * radius * (1 + 1e-6) + 1e-6
        for person in range(len(people)):
            x, y = people[person, k]
            if np.isnan(x):
                continue
            for i in range(
                max(0, int(np.ceil((y - radius - shift) / stride))),
                min(height, int(np.floor((y + radius - shift) / stride)) + 1),
            ):
                for j in range(
                    max(0, int(np.ceil((x - radius - shift) / stride))),
                    min(width, int(np.floor((x + radius - shift) / stride)) + 1),
                ):
                    dx, dy = x - (stride * j + shift), y - (stride * i + shift)
                    if dx * dx + dy * dy < nearest[i, j]:
                        nearest[i, j] = dx * dx + dy * dy
                        parts[k, i, j] = 1
                        offsets[2 * k, i, j], offsets[2 * k + 1, i, j] = dx, dy
                        if len(known):
                            _point(vectors, known, people[person], k, i, j, stride * j + shift, stride * i + shift)


@njit(cache=True)
def _point(vectors: Floats, known: Floats, person: Floats, k: int, i: int, j: int, x: float, y: float) -> None:
    """The vectors from one cell of joint k to the person's other joints; none to joints that it lacks."""
    others = len(person) - 1
    for b in range(len(person)):
        if b == k:
            continue
        pair = others * k + b - (k < b)
        there = not np.isnan(person[b, 0])
        known[pair, i, j] = there
        vectors[2 * pair, i, j] = person[b, 0] - x if there else 0
        vectors[2 * pair + 1, i, j] = person[b, 1] - y if there else 0
