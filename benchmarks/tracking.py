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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tracking_methods import Follow, greedy, ids_only, online, perfect, stepped, tracked
from walkers import CROWDS, FRAMES, GROUPS, RATE, SEED, Floats, Scene, detect, ids_of, load_skeletons, make_scene, walk

from limbwise.metric.identity import HotaCounts, IdCounts, count_hota, count_ids
from limbwise.metric.mot import MotCounts, MotTally
from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.track.gaps import GapFiller
from limbwise.track.state import TrackState
from limbwise.track.tracker import TrackOptions, step

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "coco" / "coco_keypoints_train2017.npz"


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
            near = gap[..., k][np.ix_(rows, columns)]
            tally.add(ids_of(truth)[rows], ids_of(found)[columns], np.where(near <= 0.5, near, np.nan))
        alike = likeness(gap)
        whole.add(ids_of(truth), ids_of(found), np.where(alike >= 0.5, 1 - alike, np.nan))
        frames.append((ids_of(truth), ids_of(found), alike))
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
    return np.asarray(np.where(both, alike, 0).sum(-1) / np.maximum(both.sum(-1), 3))


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
    labelled = zip(scene.truth, scene.heads, scene.owners, scene.swapped, strict=True)
    followed = stepped(scene, replace(options, steady=False))
    for (truth, heads, owners, swapped), (_, found, seen, _) in zip(labelled, followed, strict=True):
        rows = {i: n for n, i in enumerate(ids_of(truth).tolist())}
        for n in np.flatnonzero(owners >= 0):
            row = rows[int(owners[n])]
            for g, pairs in enumerate(GROUPS.values()):
                told = verdict(truth.xy[row], found.xy[n], seen.xy[n], pairs)
                if told is None:
                    continue
                apart, turned = told
                telling = apart >= heads[row]
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
            People(
                COCO_17,
                np.array([xy[f] for xy, _ in walks], np.float32),
                np.ones((len(walks), 17), np.float32),
                ids=np.arange(len(walks)),
            )
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
