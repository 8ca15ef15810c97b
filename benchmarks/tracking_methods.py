"""Ways to follow people through a scene: with the truth at hand, nearest neighbour first, and the tracker in three guises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from walkers import RATE, Floats, Scene, ids_of

from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.track.gaps import GapFiller
from limbwise.track.state import TrackState
from limbwise.track.tracker import TrackOptions, step

Follow = Callable[[Scene], list[People]]


def perfect(scene: Scene) -> list[People]:
    """The true ids; false people are somebody new each time."""
    fresh = 10_000
    people = []
    for found, owners in zip(scene.found, scene.owners, strict=True):
        ids = np.where(owners < 0, fresh + np.arange(len(owners)), owners)
        fresh += len(owners)
        people.append(replace(found, ids=ids))
    return people


def greedy(scene: Scene, reach: float = 1.0, patience: float = 2.0) -> list[People]:
    """Nearest neighbour first: mean distance of the keypoints that both have, at most `reach` torsos, to where each was seen last."""
    last: dict[int, tuple[float, Floats]] = {}
    fresh, people = 0, []
    for f, found in enumerate(scene.found):
        last = {i: known for i, known in last.items() if f / RATE - known[0] <= patience}
        names, xy = list(last), found.xy.astype(np.float64)
        ids = np.full(len(found), -1)
        if names and len(xy):
            before = np.array([last[i][1] for i in names])
            gap = np.linalg.norm(before[:, None] - xy[None], axis=-1)
            both = ~np.isnan(gap)
            distance = np.where(both.any(-1), np.nansum(gap, -1) / np.maximum(both.sum(-1), 1), np.inf)
            size = np.nanmax(np.nanmax(before, 1) - np.nanmin(before, 1), 1) * 0.3
            distance[distance > reach * size[:, None]] = np.inf
            while np.isfinite(distance).any():
                i, n = np.unravel_index(np.argmin(distance), distance.shape)
                ids[n] = names[i]
                distance[i], distance[:, n] = np.inf, np.inf
        for n in np.flatnonzero(ids < 0):
            ids[n], fresh = fresh, fresh + 1
        for i, place in zip(ids.tolist(), xy, strict=True):
            known = last.get(i, (0.0, place))[1]
            last[i] = f / RATE, np.where(np.isnan(place), known, place)
        people.append(replace(found, ids=ids))
    return people


def stepped(scene: Scene, options: TrackOptions) -> Iterator[tuple[float, People, People, TrackState]]:
    """The time of each frame, its detections, what the tracker makes of them at once, and its state then."""
    state = TrackState.start(COCO_17)
    for f, found in enumerate(scene.found):
        state, seen = step(state, found, f / RATE, options)
        yield f / RATE, found, seen, state


def tracked(scene: Scene, options: TrackOptions) -> list[People]:
    """As `limbwise predict --track` does it."""
    filler = GapFiller(options.fill, options.confirm - 1, options.strangers)
    done = [
        people for time, _, seen, state in stepped(scene, options) for people in filler.push(seen, time, state.given)
    ]
    return done + filler.flush()


def online(scene: Scene, options: TrackOptions) -> list[People]:
    """The bare step: no delay, who is on probation is left out."""
    return [seen[ids_of(seen) >= 0] for _, _, seen, _ in stepped(scene, options)]


def ids_only(scene: Scene, options: TrackOptions) -> list[People]:
    """The tracker's ids on the detections as they were: it keeps their order, so that ids can be carried over."""
    filler, people = GapFiller(1e-9, options.confirm - 1, False), []
    for time, found, seen, state in stepped(scene, options):
        people += filler.push(replace(found, ids=seen.ids), time, state.given)
    return [
        replace(p[~p.filled.all(1)], xy=np.where(p.filled[..., None], np.nan, p.xy)[~p.filled.all(1)])
        for p in people + filler.flush()
    ]
