"""How well and how fast fields become people: AP and milliseconds on maps that a perfect network would give for real COCO people.

    python benchmarks/decoder.py [--noise 0.05] [--limit 200] [--preset matlab] [--json benchmarks/results/decoder.json]
    python benchmarks/decoder.py --method deepercut [--preset published] [--json benchmarks/results/decoder-deepercut.json]

Needs ../shared/oracles/ideal_maps.py, the harness that draws the maps and scores what a decoder makes of them. Time is process CPU
time of the decoder alone, on one core, after warm-up. Also says what the remaining loss consists of.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from decoder_methods import METHODS, Method

from limbwise.people import People
from limbwise.similarity import oks
from limbwise.skeletons import OPENPOSE_18

HARNESS = Path(__file__).resolve().parents[2] / "shared" / "oracles" / "ideal_maps.py"
SEED = 20250
CELL = 8.0  # input pixels of a map cell
LOSSES = {
    "found": "in the right person and place",
    "absent": "not in the map at all: nothing is lit where the part is",
    "fused": "two parts of a kind so near that the map has one maximum",
    "missed": "lit, but no peak was taken",
    "dropped": "a peak that is in no person",
    "unlinked": "in a person of its own: the link to its body was not made",
    "merged": "in the body of somebody else",
    "misplaced": "in the right person, but too far off",
}
Floats = npt.NDArray[np.float32]


def load_harness() -> Any:
    """The module ideal_maps; exits with a message where it is not there."""
    if not HARNESS.is_file():
        sys.exit(f"{HARNESS} is not there: the benchmark needs the harness that draws the maps")
    loader = importlib.util.spec_from_file_location("ideal_maps", HARNESS)
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    return module


def for_scoring(people: People) -> list[tuple[Floats, float]]:
    """People as the harness scores them, 20 at most."""
    people = people.as_skeleton(OPENPOSE_18)
    points = np.concatenate([np.nan_to_num(people.xy), people.scores[..., None]], axis=2)
    return list(zip(points[:20], people.person_scores[:20].tolist(), strict=True))


def perfect_grouping(truth: People, candidates: list[Floats]) -> People:
    """What could be had with these peaks: each goes to the person whose part it is nearest to, within a cell."""
    xy, scores = np.full_like(truth.xy, np.nan), np.zeros_like(truth.scores)
    for k, peaks in enumerate(candidates):
        for person, peak in nearest_pairs(truth.xy[:, k], peaks, CELL):
            xy[person, k], scores[person, k] = peaks[peak, :2], peaks[peak, 2]
    return People(truth.skeleton, xy, scores)[scores.any(1)]  # type: ignore[no-any-return]  # a mask gives People


def nearest_pairs(points: Floats, peaks: Floats, within: float) -> list[tuple[int, int]]:
    """Pairs of a point and a peak, the nearest first, each once."""
    distance = np.linalg.norm(points[:, None] - peaks[None, :, :2], axis=2)
    pairs: list[tuple[int, int]] = []
    for flat in np.argsort(distance, axis=None, kind="stable"):
        i, j = divmod(int(flat), max(len(peaks), 1))
        if distance[i, j] <= within and all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def matched_people(truth: People, found: People, areas: npt.NDArray[np.floating]) -> list[int]:
    """For each true person the found one that is most like it, each once, or -1."""
    alike = oks(found, truth, areas).T
    matches = [-1] * len(truth)
    for flat in np.argsort(-alike, axis=None, kind="stable"):
        i, j = divmod(int(flat), max(len(found), 1))
        if alike[i, j] > 0 and matches[i] < 0 and j not in matches:
            matches[i] = j
    return matches


def diagnose(
    truth: People, found: People, candidates: list[Floats], heatmaps: Floats, areas: npt.NDArray[np.floating]
) -> Counter[str]:
    """What became of every labelled part of the true people: counts by the names of LOSSES."""
    matches = matched_people(truth, found, areas)
    reach = (
        2 * np.sqrt(np.maximum(areas, 1))[:, None] * np.asarray(truth.skeleton.sigmas) * 2
    )  # OKS of 0.6 at one reach
    fates: Counter[str] = Counter()
    for k in range(len(truth.skeleton)):
        taken = dict(nearest_pairs(truth.xy[:, k], candidates[k], CELL))
        for person in np.flatnonzero(truth.visible[:, k]).tolist():
            peak = candidates[k][taken[person]] if person in taken else None
            fates[fate(truth, person, k, peak, found, matches, heatmaps[k], float(reach[person, k]) / 2)] += 1
    return fates


def fate(
    truth: People, person: int, k: int, peak: Floats | None, found: People, matches: list[int], heatmap: Floats, reach: float
) -> str:  # fmt: skip
    """What became of one part: a name of LOSSES. `peak` is the one that is this part's, `reach` the error that counts as right."""
    xy, match = truth.xy[person, k], matches[person]
    if match >= 0 and np.linalg.norm(found.xy[match, k] - xy) <= reach:
        return "found"
    if peak is None:
        x, y = np.clip(np.rint((xy - (CELL - 1) / 2) / CELL), 0, np.array(heatmap.shape[::-1]) - 1).astype(int)
        if heatmap[y, x] < 0.3:
            return "absent"
        others = np.delete(truth.xy[:, k], person, axis=0)
        return "fused" if (np.linalg.norm(others - xy, axis=1) < 2.5 * CELL).any() else "missed"
    owner = np.flatnonzero((found.xy[:, k] == peak[:2]).all(1))
    if not len(owner):
        return "dropped"
    if owner[0] == match:
        return "misplaced"
    return "merged" if owner[0] in matches else "unlinked"


def measure(method: Method, images: list[dict[str, Any]], harness: Any, noise: float) -> dict[str, Any]:
    """AP, AP with perfect grouping of the same peaks, CPU milliseconds, and the fates of the parts, over the images of the harness."""
    generator = np.random.default_rng(SEED)
    fates: Counter[str] = Counter()
    milliseconds, decoded, ceiling = [], [], []
    for image in images[:3]:
        method.decode(method.render(image, 0.0, generator))
    for image in images:
        maps = method.render(image, noise, generator)
        start = time.process_time()
        people, candidates = method.decode(maps)
        milliseconds.append(1e3 * (time.process_time() - start))
        truth = method.truth(image)
        decoded.append(for_scoring(people))
        ceiling.append(for_scoring(perfect_grouping(truth, candidates)))
        areas = image["boxes"][:, 2] * image["boxes"][:, 3] * 0.53
        fates += diagnose(truth, people, candidates, method.strength(maps), areas)
    stats = [float(value) for value in harness.average_precision(images, decoded)]
    return {
        "noise": noise, "images": len(images), "ap": stats[0], "ap50": stats[1], "ap75": stats[2], "ar": stats[5],
        "ap_perfect_grouping": float(harness.average_precision(images, ceiling)[0]),
        "ms_mean": float(np.mean(milliseconds)), "ms_median": float(np.median(milliseconds)),
        "ms_most": float(np.max(milliseconds)), "parts": {name: fates[name] for name in LOSSES},
    }  # fmt: skip


def report(result: dict[str, Any]) -> str:
    """The result in words."""
    parts, total = result["parts"], sum(result["parts"].values())
    lines = [
        f"noise {result['noise']:g}, {result['images']} images: AP {result['ap']:.4f}  AP50 {result['ap50']:.4f}  "
        f"AP75 {result['ap75']:.4f}  AR {result['ar']:.4f}  {result['ms_mean']:.2f} ms mean, {result['ms_median']:.2f} ms median",
        f"AP lost before grouping (peaks) {1 - result['ap_perfect_grouping']:.4f}, "
        f"by grouping {result['ap_perfect_grouping'] - result['ap']:.4f}; fates of {total} parts:",
    ]
    lines += [
        f"  {name:10} {parts[name]:6d} {100 * parts[name] / max(total, 1):6.2f} %  {LOSSES[name]}" for name in LOSSES
    ]
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """On what this was measured."""
    import numba

    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "numba": numba.__version__}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--method", choices=sorted(METHODS), default="openpose")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.05], help="standard deviations, one run each")
    parser.add_argument("--limit", type=int, help="so many images only, spread evenly")
    presets = sorted({name for method in METHODS.values() for name in method.presets})
    parser.add_argument("--preset", choices=presets, default="default")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    kind = METHODS[arguments.method]
    if arguments.preset not in kind.presets:
        parser.error(f"{arguments.method} has the presets {', '.join(kind.presets)}")
    harness, results = load_harness(), []
    method, images = kind(harness, arguments.preset), harness.load(limit=arguments.limit)
    for noise in arguments.noise:
        results.append(measure(method, images, harness, noise))
        print(report(results[-1]), flush=True)
    if arguments.json:
        record = {"method": arguments.method, "preset": arguments.preset, "machine": machine(), "results": results}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
