"""How well people are followed: real skeletons that walk, cross and hide each other, seen by an imperfect detector.

    python benchmarks/tracking.py [KEYPOINTS.npz] [--scenes 12] [--json benchmarks/results/tracking.json]

KEYPOINTS: skeletons of COCO's train2017 (default: ../shared/data/coco/coco_keypoints_train2017.npz). Each person changes between two
like poses on a smooth path; who is nearer hides others' keypoints. The detector is off by 0.1 head sizes (standard deviation in x and
y), misses 10 % of the people and 10 % of the keypoints, swaps left and right of 3 % of the people (everything, arms, legs or face)
and finds 5 % false people, a third of them the half of somebody twice. Seeds are fixed.

Scored against the truth that can be seen: MOTA per keypoint as PoseTrack has it (within half a head size, mean over keypoints), the
same of whole people (OKS of 0.5), switches, IDF1 and HOTA. Beside the tracker: perfect association of the same detections (false
people are somebody new each time), and greedy nearest-neighbour matching with the same patience. `ids only`: the tracker's ids on
the detections as they were; else sides mended, steadied, gaps filled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.metric.identity import HotaCounts, IdCounts, count_hota, count_ids
from limbwise.metric.mot import MotCounts, MotTally
from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.track.gaps import GapFiller
from limbwise.track.groups import groups
from limbwise.track.tracker import TrackOptions, TrackState, step

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "coco" / "coco_keypoints_train2017.npz"
SEED = 6  # the one that the options were chosen with in view; --seed takes another
WIDTH, HEIGHT, RATE, FRAMES = 1280, 720, 25, 250
CROWDS = (6, 12, 20)  # people in a scene
HEAD = 0.34  # head size (poseval's, 0.6 of the head box's diagonal) as a share of the torso
NOISE, MISSED_PEOPLE, MISSED_KEYPOINTS, SWAPPED, FALSE_PEOPLE = 0.1, 0.1, 0.1, 0.03, 0.05
SEEN = 4  # keypoints: who shows fewer is hidden, in the truth and for the detector
GROUPS = groups(COCO_17)
Floats = npt.NDArray[np.float64]
Follow = Callable[["Scene"], list[People]]


@dataclass
class Scene:
    """Frames of a clip: who is really seen (with ids, scores 1), head sizes, what the detector found, whose each is (-1: nobody's) and
    which groups of its sides are swapped (N, G)."""

    truth: list[People]
    heads: list[Floats]
    found: list[People]
    owners: list[npt.NDArray[np.int64]]
    swapped: list[npt.NDArray[np.bool_]]


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
    owners = np.concatenate([truth.ids[found], np.full(count, -1)])
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


def tracked(scene: Scene, options: TrackOptions) -> list[People]:
    """As `limbwise predict --track` does it."""
    state, filler = TrackState.start(COCO_17), GapFiller(options.fill, options.confirm - 1, options.strangers)
    people: list[People] = []
    for f, found in enumerate(scene.found):
        state, seen = step(state, found, f / RATE, options)
        people += filler.push(seen, f / RATE, state.given)
    return people + filler.flush()


def online(scene: Scene, options: TrackOptions) -> list[People]:
    """The bare step: no delay, who is on probation is left out."""
    state, people = TrackState.start(COCO_17), []
    for f, found in enumerate(scene.found):
        state, seen = step(state, found, f / RATE, options)
        people.append(seen[seen.ids >= 0])
    return people


def ids_only(scene: Scene, options: TrackOptions) -> list[People]:
    """The tracker's ids on the detections as they were."""
    plain = replace(options, mend_sides=False, steady=False)
    return [
        replace(p[~p.filled.all(1)], xy=np.where(p.filled[..., None], np.nan, p.xy)[~p.filled.all(1)])
        for p in _as_were(scene, plain, options)
    ]


def _as_were(scene: Scene, plain: TrackOptions, options: TrackOptions) -> Iterator[People]:
    """Detections with the ids that the full tracker gives them: it keeps their order, so that ids can be carried over."""
    state, filler = TrackState.start(COCO_17), GapFiller(1e-9, options.confirm - 1, False)
    held: list[People] = []
    for f, found in enumerate(scene.found):
        state, seen = step(state, found, f / RATE, options)
        held += filler.push(replace(found, ids=seen.ids), f / RATE, state.given)
    yield from held + filler.flush()


@dataclass
class Score:
    """Sums over scenes: keypoints (one count a keypoint), whole people, ids and HOTA."""

    keypoints: list[MotCounts]
    people: MotCounts
    ids: IdCounts
    hota: HotaCounts | None = None

    def numbers(self) -> dict[str, Any]:
        total = sum(self.keypoints, MotCounts())
        hota = self.hota
        assert hota is not None
        return {
            "mota": round(float(np.mean([counts.mota for counts in self.keypoints])), 4),
            "keypoint_switches": total.switches,
            "mota_people": round(self.people.mota, 4), "switches": self.people.switches,
            "misses": self.people.misses, "false_people": self.people.false_positives,
            "idf1": round(self.ids.idf1, 4), "hota": round(hota.hota, 4), "assa": round(hota.associated, 4),
            "distance": round(total.motp, 4),
        }  # fmt: skip


def score(scene: Scene, people: list[People], into: Score) -> None:
    """Add one scene."""
    tallies, whole = [MotTally() for _ in range(17)], MotTally()
    frames = []
    for truth, heads, found in zip(scene.truth, scene.heads, people, strict=True):
        gap = np.linalg.norm(truth.xy[:, None].astype(np.float64) - found.xy[None], axis=-1) / heads[:, None, None]
        for k, tally in enumerate(tallies):
            rows, columns = np.flatnonzero(truth.visible[:, k]), np.flatnonzero(found.visible[:, k])
            near = gap[np.ix_(rows, columns, [k])][..., 0]
            tally.add(truth.ids[rows], found.ids[columns], np.where(near <= 0.5, near, np.nan))
        alike = likeness(gap)
        whole.add(truth.ids, found.ids, np.where(alike >= 0.5, 1 - alike, np.nan))
        frames.append((truth.ids, found.ids, alike))
    into.keypoints = [a + tally.counts for a, tally in zip(into.keypoints, tallies, strict=True)]
    into.people += whole.counts
    into.ids += count_ids(frames)
    hota = count_hota(frames)
    into.hota = hota if into.hota is None else into.hota + hota


def likeness(gap: Floats) -> Floats:
    """(T, F) OKS from distances in head sizes (T, F, 17): COCO's sigmas at an area of 4 x 4 torsos' worth of heads.

    An upright person's box of COCO's is about 0.5 body heights squared; a head size is a tenth of one.
    """
    spread = 2 * (2 * np.array(COCO_17.sigmas) * 5) ** 2
    alike = np.exp(-(gap**2) / spread)
    both = ~np.isnan(gap)
    return np.asarray(
        np.where(both, alike, 0).sum(-1) / np.maximum(both.any(1).sum(-1)[:, None] if False else both.sum(-1), 3)
    )


def mended(scene: Scene, options: TrackOptions) -> dict[str, int]:
    """How many swaps there were, those that can be told (a pair is at least a head size apart), how many of each were mended, and
    how many groups that were right were turned round by the tracker."""
    counts = {
        "swaps": 0,
        "mended": 0,
        "telling": 0,
        "telling_mended": 0,
        "groups": 0,
        "spoiled": 0,
        "telling_spoiled": 0,
    }
    state = TrackState.start(COCO_17)
    plain = replace(options, steady=False)
    for f, (truth, found, owners, swapped) in enumerate(
        zip(scene.truth, scene.found, scene.owners, scene.swapped, strict=True)
    ):
        state, seen = step(state, found, f / RATE, plain)
        rows = {i: n for n, i in enumerate(truth.ids.tolist())}
        for n in np.flatnonzero(owners >= 0):
            row = rows[int(owners[n])]
            for g, pairs in enumerate(GROUPS.values()):
                told = verdict(truth.xy[row], found.xy[n], seen.xy[n], pairs)
                if told is None:
                    continue
                apart, turned = told
                telling = apart >= scene.heads[f][row]
                if swapped[n, g]:
                    counts["swaps"] += 1
                    counts["mended"] += turned
                    counts["telling"] += telling
                    counts["telling_mended"] += telling and turned
                else:
                    counts["groups"] += 1
                    counts["spoiled"] += turned
                    counts["telling_spoiled"] += telling and turned
    return counts


def verdict(
    truth: Floats, found: Floats, seen: Floats, pairs: tuple[tuple[int, int], ...]
) -> tuple[float, bool] | None:
    """How far apart the sides of a group truly are, and whether the tracker changed them; None where nothing of it was found."""
    ends = np.array(pairs)
    if np.isnan(found[ends, 0]).all():
        return None
    apart = np.linalg.norm(truth[ends[:, 0]] - truth[ends[:, 1]], axis=-1)
    turned = not np.array_equal(found[ends], seen[ends], equal_nan=True)
    return (float(np.nanmean(apart)) if not np.isnan(apart).all() else 0.0), turned


def milliseconds(skeletons: Floats, options: TrackOptions, repeats: int = 10) -> dict[str, float]:
    """Time of a frame, tracker and gaps, with 20 people in sight, after warm-up.

    `median` over the frames of the least of `repeats` passes each, so that what else the machine does is left out; `busy`: of all passes.
    """
    scene = Scene([], [], [], [], [])
    rng = np.random.default_rng([SEED, 999])
    walks = [walk(skeletons, rng)[:2] for _ in range(max(CROWDS))]
    for f in range(FRAMES // 2):
        scene.truth.append(
            People(COCO_17, np.array([xy[f] for xy, _ in walks]), np.ones((len(walks), 17)), ids=np.arange(len(walks)))
        )
        scene.heads.append(np.array([heads[f] for _, heads in walks]))
        detect(scene, skeletons, rng)
    passes = []
    for _ in range(repeats):
        state, filler = TrackState.start(COCO_17), GapFiller(options.fill, options.confirm - 1, options.strangers)
        times = []
        for f, found in enumerate(scene.found):
            start = time.perf_counter()
            state, seen = step(state, found, f / RATE, options)
            middle = time.perf_counter()
            filler.push(seen, f / RATE, state.given)
            times.append((1e3 * (middle - start), 1e3 * (time.perf_counter() - middle)))
        passes.append(times)
    each = np.array(passes[1:])
    best = each.min(0)
    return {
        "people_in_sight": len(walks), "found_mean": round(float(np.mean([len(p) for p in scene.found])), 1),
        "median": round(float(np.median(best.sum(1))), 3), "p95": round(float(np.percentile(best.sum(1), 95)), 3),
        "step": round(float(np.median(best[:, 0])), 3), "gaps": round(float(np.median(best[:, 1])), 3),
        "busy": round(float(np.median(each.sum(2))), 3),
    }  # fmt: skip


def measure(path: Path, scenes: int, options: TrackOptions, seed: int) -> dict[str, Any]:
    """All numbers."""
    skeletons = load_skeletons(path)
    ways: dict[str, Follow] = {
        "perfect": perfect,
        "greedy": greedy,
        "tracker, ids only": lambda scene: ids_only(scene, options),
        "tracker, no delay": lambda scene: online(scene, options),
        "tracker": lambda scene: tracked(scene, options),
    }
    scores = {name: Score([MotCounts()] * 17, MotCounts(), IdCounts()) for name in ways}
    sides = dict.fromkeys(["swaps", "mended", "telling", "telling_mended", "groups", "spoiled", "telling_spoiled"], 0)
    for number in range(scenes):
        count = CROWDS[number % len(CROWDS)]
        scene = make_scene(skeletons, count, number, seed)
        for name, follow in ways.items():
            score(scene, follow(scene), scores[name])
        for name, value in mended(scene, options).items():
            sides[name] += int(value)
    timing = milliseconds(skeletons, options)
    return {"scenes": scenes, "frames": scenes * FRAMES, "skeletons": len(skeletons), "sides": sides, "milliseconds": timing,
            **{name: each.numbers() for name, each in scores.items()}}  # fmt: skip


def bars(result: dict[str, Any]) -> list[tuple[str, float, str, float]]:
    """What must hold: name, measured, relation, bound."""
    ours, best, base, sides = result["tracker"], result["perfect"], result["greedy"], result["sides"]
    plain = result["tracker, ids only"]
    return [
        ("MOTA / perfect association's", ours["mota"] / best["mota"], ">=", 0.95),
        ("the same, ids only", plain["mota"] / best["mota"], ">=", 0.95),
        ("switches / greedy's", ours["switches"] / base["switches"], "<=", 0.25),
        ("the same, ids only", plain["switches"] / base["switches"], "<=", 0.25),
        ("IDF1", ours["idf1"], ">=", 0.85),
        ("the same, ids only", plain["idf1"], ">=", 0.85),
        ("swaps mended", sides["mended"] / sides["swaps"], ">=", 0.8),
        ("ms a frame", result["milliseconds"]["median"], "<", 1.0),
    ]


def machine() -> dict[str, Any]:
    """On what this was measured."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("keypoints", type=Path, nargs="?", default=DATA, help="coco_keypoints_train2017.npz")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--time-only", action="store_true", help="measure the time of a frame, nothing else")
    arguments = parser.parse_args()
    if not arguments.keypoints.is_file():
        sys.exit(f"{arguments.keypoints} is not there: give the path of coco_keypoints_train2017.npz")
    if arguments.time_only:
        timing = {
            "machine": machine(),
            "milliseconds": milliseconds(load_skeletons(arguments.keypoints), TrackOptions(), 40),
        }
        print(json.dumps(timing, indent=1))
        if arguments.json:
            arguments.json.write_text(json.dumps(timing, indent=1) + "\n")
        return
    result = measure(arguments.keypoints, arguments.scenes, TrackOptions(), arguments.seed)
    for name, numbers in result.items():
        print(f"{name:20} {numbers}")
    for name, value, relation, bound in bars(result):
        held = value >= bound if relation == ">=" else value <= bound
        print(f"{'holds' if held else 'FAILS'}  {name}: {value:.3f} ({relation} {bound})")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(
            json.dumps({"seed": arguments.seed, "machine": machine(), "results": result}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
