"""Scenes to follow people in: real skeletons that walk, cross and hide each other, and what an imperfect detector makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.track.groups import groups

SEED = 6  # the one that the options were chosen with in view; --seed takes another
WIDTH, HEIGHT, RATE, FRAMES = 1280, 720, 25, 250
CROWDS = (6, 12, 20)  # people in a scene
HEAD = 0.34  # head size (poseval's, 0.6 of the head box's diagonal) as a share of the torso
NOISE, MISSED_PEOPLE, MISSED_KEYPOINTS, SWAPPED, FALSE_PEOPLE = 0.1, 0.1, 0.1, 0.03, 0.05
SEEN = 4  # keypoints: who shows fewer is hidden, in the truth and for the detector
GROUPS = groups(COCO_17)
Floats = npt.NDArray[np.float64]


@dataclass
class Scene:
    """Frames of a clip: who is really seen (with ids, scores 1), head sizes, what the detector found, whose each is (-1: nobody's) and
    which groups of its sides are swapped (N, G)."""

    truth: list[People]
    heads: list[Floats]
    found: list[People]
    owners: list[npt.NDArray[np.int64]]
    swapped: list[npt.NDArray[np.bool_]]


def ids_of(people: People) -> npt.NDArray[np.int64]:
    """The ids of people who were followed."""
    assert people.ids is not None
    return people.ids


def load_skeletons(path: Path) -> Floats:
    """(M, 17, 2) complete skeletons of a body's height of 1, the middle of the body at 0, as if all images were 4:3."""
    data = np.load(path)
    xy = data["xy_u16"][(data["v"] > 0).all(1)].astype(np.float64) * (640, 480) / 65535
    torso = torsos(xy)
    tall = np.ptp(xy[..., 1], axis=1)
    xy, torso = xy[(tall > 120) & (torso > 0.15 * tall)], torso[(tall > 120) & (torso > 0.15 * tall)]
    xy -= xy.mean(1, keepdims=True)
    return np.asarray(xy / (torso / 0.3)[:, None, None])


def torsos(xy: Floats) -> Floats:
    """(N,) lengths of the longer side of the trunk, shoulder to hip."""
    return np.asarray(np.linalg.norm(xy[:, [5, 6]] - xy[:, [11, 12]], axis=-1).max(1))


def poses(skeletons: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Two real poses that could be one person's within seconds: the most alike of 200."""
    first = skeletons[rng.integers(len(skeletons))]
    others = skeletons[rng.choice(len(skeletons), 200, replace=False)]
    distance = np.linalg.norm(others - first, axis=-1).mean(1)
    distance[distance < 1e-9] = np.inf
    return first, others[np.argmin(distance)]


def walk(skeletons: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """One person: keypoints (F, 17, 2), head sizes (F,), and in which frames it is in the scene."""
    t = np.arange(FRAMES) / RATE
    first, second = poses(skeletons, rng)
    share = 0.5 + 0.5 * np.sin(2 * np.pi * (t / rng.uniform(1.5, 4) + rng.random()))
    pose = first + share[:, None, None] * (second - first)
    size = rng.uniform(160, 340) * (1 + 0.12 * np.sin(2 * np.pi * (t / rng.uniform(6, 12) + rng.random())))
    x = WIDTH * (
        0.5
        + rng.uniform(-0.15, 0.15)
        + rng.uniform(0.1, 0.4) * np.sin(2 * np.pi * (t / rng.uniform(7, 16) + rng.random()))
    )
    y = HEIGHT * (rng.uniform(0.45, 0.65) + 0.04 * np.sin(2 * np.pi * (t / rng.uniform(3, 9) + rng.random())))
    there = np.ones(FRAMES, bool)
    if rng.random() < 0.5:  # comes late or leaves early
        cut = rng.integers(FRAMES // 5, 4 * FRAMES // 5)
        there[slice(None, cut) if rng.random() < 0.5 else slice(cut, None)] = False
    return size[:, None, None] * pose + np.stack([x, y], -1)[:, None], HEAD * 0.3 * size, there


def hidden(back: Floats, front: Floats) -> npt.NDArray[np.bool_]:
    """(17,) which keypoints of a person lie behind limbs, trunk or head of one in front."""
    width = 0.18 * torsos(front[None])[0]
    bones = [*COCO_17.limbs, (5, 12), (6, 11)]
    a, b = front[[i for i, _ in bones]], front[[j for _, j in bones]]
    along = b - a
    share = np.clip(((back[:, None] - a) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9), 0, 1)
    gap = np.linalg.norm(back[:, None] - a - share[..., None] * along, axis=-1).min(1)
    return np.asarray(gap < width)


def make_scene(skeletons: Floats, count: int, number: int, seed: int = SEED) -> Scene:
    """A clip of `count` people; the same for the same number and seed."""
    rng = np.random.default_rng([seed, number])
    walks = [walk(skeletons, rng) for _ in range(count)]
    scene = Scene([], [], [], [], [])
    for f in range(FRAMES):
        here = [i for i in range(count) if walks[i][2][f]]  # the first are nearest
        xy = np.array([walks[i][0][f] for i in here]).reshape(-1, 17, 2)
        visible = np.ones(xy.shape[:2], bool)
        low, high = xy.min(1), xy.max(1)
        for back in range(len(here)):
            for front in range(back):
                if (low[back] < high[front] + 30).all() and (low[front] < high[back] + 30).all():
                    visible[back] &= ~hidden(xy[back], xy[front])
        shown = np.flatnonzero(visible.sum(1) >= SEEN)
        seen = np.where(visible[shown, :, None], xy[shown], np.nan)
        heads = np.array([walks[here[i]][1][f] for i in shown])
        scene.truth.append(People(COCO_17, seen, ~np.isnan(seen[..., 0]), ids=np.array(here, np.int64)[shown]))
        scene.heads.append(heads)
        detect(scene, skeletons, rng)
    return scene


def detect(scene: Scene, skeletons: Floats, rng: np.random.Generator) -> None:
    """What an imperfect detector makes of the last frame of the scene, in random order."""
    truth, heads = scene.truth[-1], scene.heads[-1]
    found = np.flatnonzero(rng.random(len(truth)) >= MISSED_PEOPLE)
    xy = truth.xy[found].astype(np.float64)
    xy += rng.normal(0, NOISE, xy.shape) * heads[found, None, None]
    xy[rng.random(xy.shape[:2]) < MISSED_KEYPOINTS] = np.nan
    scores = np.clip(rng.normal(0.65, 0.15, xy.shape[:2]), 0.05, 1)
    swapped = np.zeros((len(found), len(GROUPS)), bool)
    for n in np.flatnonzero(rng.random(len(found)) < SWAPPED):
        which = rng.integers(len(GROUPS) + 1)
        swapped[n, slice(None) if which == len(GROUPS) else which] = True
        for g, pairs in enumerate(GROUPS.values()):
            for left, right in pairs if swapped[n, g] else ():
                xy[n, [left, right]] = xy[n, [right, left]]
    count = rng.binomial(len(truth), FALSE_PEOPLE)
    false = np.array([false_person(truth, skeletons, rng) for _ in range(count)]).reshape(-1, 17, 2)
    xy, scores = (
        np.concatenate([xy, false]),
        np.concatenate([scores, np.clip(rng.normal(0.5, 0.15, (count, 17)), 0.05, 1)]),
    )
    owners = np.concatenate([ids_of(truth)[found], np.full(count, -1)])
    order = rng.permutation(np.flatnonzero((~np.isnan(xy[..., 0])).any(1)))
    scene.found.append(People(COCO_17, xy[order], scores[order]))
    scene.owners.append(owners[order])
    scene.swapped.append(np.concatenate([swapped, np.zeros((count, len(GROUPS)), bool)])[order])


def false_person(truth: People, skeletons: Floats, rng: np.random.Generator) -> Floats:
    """(17, 2) somebody who is not there: half of somebody once more, or a skeleton anywhere."""
    if len(truth) and rng.random() < 1 / 3:
        xy = truth.xy[rng.integers(len(truth))].astype(np.float64)
        xy += rng.normal(0, 0.05 * float(np.nanmax(np.nanmax(xy, 0) - np.nanmin(xy, 0))), xy.shape)
        xy[rng.random(17) < 0.5] = np.nan
    else:
        xy = rng.uniform(160, 340) * skeletons[rng.integers(len(skeletons))] + rng.uniform((0, 0), (WIDTH, HEIGHT))
        xy[rng.random(17) < 0.3] = np.nan
    return np.asarray(xy)
