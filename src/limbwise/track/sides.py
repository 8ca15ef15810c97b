"""Left and right that a network confused: found against the track and mended, for the whole body, the arms, the legs or the face.

For each group of left-right pairs: how much more likely would its keypoints be if the sides were the other way round? The most
likely of all combinations is taken, each swap at the price of how rare swaps are. A swap that stays is believed in the end, and
the track turns over instead: somebody turned round quickly, or the track began swapped.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.skeleton import Skeleton
from limbwise.track.groups import groups
from limbwise.track.motion import common_shift, keypoint_noise
from limbwise.track.state import Records, Row

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]

PRICE = 3.5  # log odds that one group, or everything at once, is as it should be: 97 to 3
FURTHEST = 12.5  # no single keypoint says more than this (half of five standard deviations squared)
LASTING = 6  # so many frames in a row a swap is mended, then believed; fewer where the track itself is young


@lru_cache(maxsize=64)
def _pairs(skeleton: Skeleton) -> Index:
    """(P, 3) group, left and right keypoint of every pair."""
    found = [(g, *pair) for g, members in enumerate(groups(skeleton).values()) for pair in members]
    return np.array(found, np.intp).reshape(-1, 3)


@lru_cache(maxsize=64)
def _group_of(skeleton: Skeleton) -> Index:
    """(K,) the group of each keypoint, -1 in the middle of the body."""
    group = np.full(len(skeleton), -1)
    for g, left, right in _pairs(skeleton):
        group[[left, right]] = g
    return group


@lru_cache(maxsize=64)
def _combinations(count: int) -> tuple[Floats, Floats]:
    """(H, count) 0 or 1 which groups are swapped, and (H,) its price: nothing first, then few groups, everything at the price of one."""
    all_of_them = sorted(product((0, 1), repeat=count), key=lambda which: (sum(which), which))
    swapped = np.array(all_of_them, np.float64).reshape(len(all_of_them), count)
    price = PRICE * swapped.sum(1)
    price[swapped.sum(1) == count] = min(count, 1) * PRICE
    return swapped, price


def find_swaps(persons: Records, joints: Records, owner: Index, xy: Floats, scores: Floats, skeleton: Skeleton) -> Mask:
    """(N, G) which groups of each person have their sides swapped; groups as `groups` orders them.

    `persons` (T,), `joints` (T, K): tracks, carried on to the time of the people `xy` (N, K, 2) with `scores` (N, K); `owner` (N,):
    which track each was given to, -1 for none.
    """
    swapped, price = _combinations(len(groups(skeleton)))
    gains = np.zeros((len(xy), len(groups(skeleton))))
    _gains(persons, joints, owner, xy, scores, np.asarray(skeleton.sigmas), _pairs(skeleton), gains)
    best = np.argmax(gains @ swapped.T - price, axis=1)
    return np.asarray(swapped[best] > 0)


@compiled
def _gains(
    persons: Records,
    joints: Records,
    owner: Index,
    xy: Floats,
    scores: Floats,
    sigmas: Floats,
    pairs: Index,
    gains: Floats,
) -> None:
    """Log likelihood that each group (N, G) gains when its sides change places; the person as a whole moved to where it was seen,
    which a swap does not change while both sides are seen."""
    for n in range(len(owner)):
        t = owner[n]
        if t < 0:
            continue
        _, x, y = common_shift(persons[t], joints[t], xy[n], scores[n], sigmas)
        x, y = x + persons[t].x, y + persons[t].y
        for group, left, right in pairs:
            if joints[t, left].known and joints[t, right].known:
                for own, other in ((left, right), (right, left)):
                    if not math.isnan(xy[n, own, 0]):
                        noise = keypoint_noise(sigmas[own], persons[t].size, scores[n, own])
                        px, py = xy[n, own, 0] - x, xy[n, own, 1] - y
                        gains[n, group] += _unlikely(px, py, noise, joints[t, own]) - _unlikely(
                            px, py, noise, joints[t, other]
                        )


@compiled
def _unlikely(x: float, y: float, noise: float, joint: Row) -> float:
    """Minus log likelihood of a keypoint at x, y, without what is the same for all; bounded, so that one wild keypoint does not decide."""
    variance = noise + joint.place
    return float(min(((x - joint.x) ** 2 + (y - joint.y) ** 2) / (2 * variance), FURTHEST) + math.log(variance))


def judge(swapped: Mask, streak: Counts, sound: Counts) -> tuple[Mask, Mask, Counts]:
    """Which swaps (M, G) are to be mended, where the track is to turn over instead, and the swaps in a row from now on.

    `streak` (M, G): mended in a row before this frame; `sound` (M,): frames in which the track was seen so far.
    """
    running = np.where(swapped, streak + 1, 0)
    lasting = np.clip(sound[:, None] - streak, 1, LASTING)
    turn = running > lasting
    return swapped & ~turn, turn, np.where(turn, 0, running)


def exchange(which: Mask, skeleton: Skeleton) -> npt.NDArray[np.intp]:
    """(M, K) from which keypoint each takes its place when the groups `which` (M, G) exchange their sides."""
    changes = np.concatenate([which, np.zeros((len(which), 1), bool)], axis=1)[:, _group_of(skeleton)]
    return np.where(changes, skeleton.flip, np.arange(len(skeleton)))


def exchanged(array: npt.NDArray[np.generic], order: npt.NDArray[np.intp]) -> npt.NDArray[np.generic]:
    """(M, K, ...) with keypoints as `order` (M, K) says."""
    return array[np.arange(len(order))[:, None], order]
