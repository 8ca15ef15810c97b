"""A training scene: one sample moved, or several composed, then covered and recoloured; all that training sees comes through here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from limbwise.augment.colour import ColourOptions, recolour
from limbwise.augment.compose import paste, person_weights, place
from limbwise.augment.cover import CoverOptions, cover
from limbwise.augment.skeleton import to_skeleton
from limbwise.augment.spatial import SpatialOptions, draw_frame, move, warp
from limbwise.geometry import apply, compose, pad, resize
from limbwise.sample import HIDDEN, Sample
from limbwise.skeleton import Skeleton


@dataclass(frozen=True)
class SceneOptions:
    """What becomes of a sample.

    `mosaic`: the chance of a canvas of several tiles; `paste`: otherwise, the chance that people of other samples are pasted over
    it, 1 to `most` of them, `ratio` times as large as its own person, evenly on a logarithmic scale, and no further from it than
    `apart` times that size. Samples that show more than `crowd` people are left as they are. `thickness` and `softness`: see
    compose.person_weights. `labelled`: the share of keypoints that must be labelled for a person to be pasted.
    """

    spatial: SpatialOptions = field(default_factory=SpatialOptions)
    colour: ColourOptions = field(default_factory=ColourOptions)
    cover: CoverOptions = field(default_factory=CoverOptions)
    mosaic: float = 0.25
    paste: float = 0.5
    most: int = 2
    ratio: tuple[float, float] = (0.5, 1.5)
    apart: float = 0.9
    crowd: int = 2
    thickness: tuple[float, float] = (0.055, 0.1)
    softness: tuple[float, float] = (0.15, 0.6)
    labelled: float = 0.8


def augment(
    sample: Sample, more: Callable[[], Sample], skeleton: Skeleton, options: SceneOptions, rng: np.random.Generator
) -> Sample:
    """A training scene of the canvas's size on `skeleton`, made of `sample` and, where it is to be composed, of what `more` gives.

    The same rng state and the same samples give the same scene.
    """
    alone = len(sample.people) > options.crowd
    if not alone and rng.random() < options.mosaic:
        scene = mosaic(sample, more, skeleton, options, rng)
    else:
        scene = to_skeleton(move(sample, options.spatial, rng), skeleton)
        if not alone and rng.random() < options.paste:
            for _ in range(rng.integers(1, options.most + 1)):
                scene = add_person(scene, more(), options, rng)
    return recolour(cover(scene, options.cover, rng), options.colour, rng)


def mosaic(
    sample: Sample, more: Callable[[], Sample], skeleton: Skeleton, options: SceneOptions, rng: np.random.Generator
) -> Sample:
    """`sample` and others in 1 x 2, 2 x 1 or 2 x 2 tiles, cut at random between a third and two thirds."""
    columns, rows = ((1, 2), (2, 1), (2, 2))[rng.integers(3)]
    width, height = options.spatial.size
    xs = [0, *(round(width * rng.uniform(1 / 3, 2 / 3)) for _ in range(columns - 1)), width]
    ys = [0, *(round(height * rng.uniform(1 / 3, 2 / 3)) for _ in range(rows - 1)), height]
    own = int(rng.integers(columns * rows))
    tiles = []
    for i in range(columns * rows):
        left, top = xs[i % columns], ys[i // columns]
        size = (xs[i % columns + 1] - left, ys[i // columns + 1] - top)
        tile = move(sample if i == own else more(), replace(options.spatial, size=size), rng)
        tiles.append((to_skeleton(tile, skeleton), left, top))
    return place(tiles, (width, height))


def add_person(scene: Sample, other: Sample, options: SceneOptions, rng: np.random.Generator) -> Sample:
    """The scene with the only person of `other` over it, near one who is there; the scene itself where that cannot be done well."""
    if len(other.people) != 1 or (other.visibility >= HIDDEN).mean() < options.labelled or not len(scene.people):
        return scene
    spatial = options.spatial
    box = scene.boxes[rng.integers(len(scene.people))]
    side = float(np.clip((box[2:] - box[:2]).max(), 1, 2 * max(spatial.size)))
    wanted = side * np.exp(rng.uniform(*np.log(options.ratio)))
    frame = draw_frame(other, spatial, rng)
    own = (other.boxes[0, :2] + other.boxes[0, 2:]) / 2
    zoom = float(np.sqrt(abs(np.linalg.det(frame[:, :2]))))
    again = float(np.clip(wanted / max((other.boxes[0, 2:] - other.boxes[0, :2]).max(), 1), *spatial.zoom)) / zoom
    at = (box[:2] + box[2:]) / 2 + rng.uniform(-1, 1, 2) * (options.apart * side, options.apart * side / 2)
    frame = compose(frame, resize(again, again))
    frame = compose(frame, pad(*(at - apply(frame, own))))
    moved = warp(other, frame, spatial.size, least=spatial.least)
    if len(moved.people) != 1:
        return scene
    whole = other.people.moved(frame)  # also what left the canvas, so that the mask reaches its edge
    weights = person_weights(whole[0], spatial.size, rng.uniform(*options.thickness), rng.uniform(*options.softness))
    if weights is None:
        return scene
    return paste(scene, to_skeleton(moved, scene.people.skeleton), weights)
