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

    `mosaic`: the chance of a canvas of several tiles, up to `tiles` a side: so people become small without empty canvas round
    them; `paste`: otherwise, the chance that people of other samples are pasted over it, 1 to `most` of them, `ratio` times as
    large as its own person, evenly on a logarithmic scale, and no further from it than `apart` times that size. Over samples that
    show more than `crowd` people nobody is pasted. `thickness` and `softness`: see compose.person_weights. `labelled`: the share of
    keypoints that must be labelled for a person to be pasted.
    """

    spatial: SpatialOptions = field(default_factory=SpatialOptions)
    colour: ColourOptions = field(default_factory=ColourOptions)
    cover: CoverOptions = field(default_factory=CoverOptions)
    mosaic: float = 0.25
    tiles: int = 2
    paste: float = 0.5
    most: int = 2
    ratio: tuple[float, float] = (0.5, 1.5)
    apart: float = 0.9
    crowd: int = 2
    thickness: tuple[float, float] = (0.055, 0.1)
    softness: tuple[float, float] = (0.15, 0.6)
    labelled: float = 0.8

    def __post_init__(self) -> None:
        if self.tiles < 2:
            raise ValueError("tiles: from 2")


@dataclass(frozen=True)
class More:
    """Where a scene takes what it is composed of: `scenes` gives further tiles, `people` samples whose only person can be pasted."""

    scenes: Callable[[], Sample]
    people: Callable[[], Sample]


def augment(sample: Sample, more: More, skeleton: Skeleton, options: SceneOptions, rng: np.random.Generator) -> Sample:
    """A training scene of the canvas's size on `skeleton`, made of `sample` and, where it is to be composed, of what `more` gives.

    The same rng state and the same samples give the same scene.
    """
    if rng.random() < options.mosaic:
        scene = mosaic(sample, more.scenes, skeleton, options, rng)
    else:
        scene = to_skeleton(move(sample, options.spatial, rng), skeleton)
        if len(sample.people) <= options.crowd and rng.random() < options.paste:
            for _ in range(rng.integers(1, options.most + 1)):
                scene = add_person(scene, more.people(), options, rng)
    return recolour(cover(scene, options.cover, rng), options.colour, rng)


def mosaic(
    sample: Sample, more: Callable[[], Sample], skeleton: Skeleton, options: SceneOptions, rng: np.random.Generator
) -> Sample:
    """`sample` and others in 1 x 2 to `tiles` x `tiles` tiles, no side of them less than half of an even share."""
    columns, rows = divmod(int(rng.integers(1, options.tiles**2)), options.tiles)
    columns, rows = columns + 1, rows + 1
    width, height = options.spatial.size
    xs, ys = _cuts(width, columns, rng), _cuts(height, rows, rng)
    own = int(rng.integers(columns * rows))
    tiles = []
    for i in range(columns * rows):
        left, top = xs[i % columns], ys[i // columns]
        size = (xs[i % columns + 1] - left, ys[i // columns + 1] - top)
        tile = move(sample if i == own else more(), replace(options.spatial, size=size), rng)
        tiles.append((to_skeleton(tile, skeleton), left, top))
    return place(tiles, (width, height))


def _cuts(length: int, parts: int, rng: np.random.Generator) -> list[int]:
    """0, the places where a length is cut into so many parts, and the length."""
    inner = (np.arange(1, parts) + rng.uniform(-1 / 4, 1 / 4, parts - 1)) / parts
    return [0, *(round(length * float(share)) for share in inner), length]


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
