"""How near local search comes to the optimum of multicut problems, and how long it takes.

    python benchmarks/multicut.py [--count 200] [--json benchmarks/results/multicut.json]

Random problems: 5 to 60 nodes, normal costs on random edges (3 to 6 a node; all edges up to 16 nodes), half of them with suppression.
Real ones: what DeeperCut's decoder is given for people of COCO train2017, up to 60 parts, on maps with noise, every second one a
crowd. The optimum is HiGHS's. Needs ../shared/data/coco.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from decoder import machine
from decoder_methods import DeeperCut
from skeletons import groups

from limbwise.decode import deepercut
from limbwise.decode.multicut import solve_multicut
from limbwise.decode.pairwise import join_costs, keep_costs

Problem = tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64] | None]
SEED = 5
MOST = 60  # nodes
NOISE = 0.3  # of the maps of real problems: much, so that they are not trivial
SAME = 1e-6  # objectives this near are equal


def random_problems(count: int) -> Iterator[Problem]:
    """Random graphs with normal costs."""
    rng = np.random.default_rng(SEED)
    for i in range(count):
        n = int(rng.integers(5, MOST + 1))
        degree = n - 1 if n <= 16 else rng.uniform(3, 6)
        edges = random_edges(n, degree, rng)
        yield n, edges, rng.normal(0, 1, len(edges)), rng.normal(-1, 2, n) if i % 2 else None


def random_edges(n: int, degree: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(E, 2) edges of a random graph with that many at a node, on average."""
    pairs = np.array(list(combinations(range(n), 2)), np.int64)
    return pairs[rng.random(len(pairs)) < degree / (n - 1)]


def real_problems(count: int) -> Iterator[Problem]:
    """The decoder's own graphs, those of a single person left out."""
    method, rng = DeeperCut(None, "everyone"), np.random.default_rng(SEED)
    few, crowds = groups(SEED, 2, 3), groups(SEED + 1, 4)
    made = 0
    while made < count:
        group = next(crowds if made % 2 else few)
        parts = deepercut.detect(method.maps(group.people.xy, group.size, NOISE, rng), method.spec, method.options)
        if 5 <= len(parts.scores) <= MOST:
            made += 1
            yield len(parts.scores), *join_costs(parts, *method.terms.linear(), 0.0, 0.0), keep_costs(parts.scores)


def compare(problems: Iterator[Problem]) -> dict[str, Any]:
    """Sums of objectives by method, in how many problems each is the optimum's, and seconds of CPU."""
    sums: dict[str, list[float]] = {"greedy": [], "local": [], "exact": []}
    seconds: dict[str, list[float]] = {name: [] for name in sums}
    sizes = []
    for n, edges, costs, unary in problems:
        sizes.append(n)
        for name in sums:
            start = time.process_time()
            sums[name].append(solve_multicut(n, edges, costs, unary, name)[1])  # type: ignore[arg-type]
            seconds[name].append(time.process_time() - start)
    best = np.array(sums["exact"])
    return {
        "problems": len(sizes), "nodes_mean": float(np.mean(sizes)), "nodes_most": int(np.max(sizes)),
        **{name: {"objective": float(np.sum(found)),
                  "above_optimum_percent": float(100 * (np.sum(found) - best.sum()) / abs(best.sum())),
                  "equal_share": float(np.mean(np.array(found) - best < SAME)),
                  "ms_mean": float(1e3 * np.mean(seconds[name])), "ms_most": float(1e3 * np.max(seconds[name]))}
           for name, found in sums.items()},
    }  # fmt: skip


def large() -> list[dict[str, Any]]:
    """Seconds on graphs of 500 nodes."""
    rng, rows = np.random.default_rng(SEED), []
    for degree in (10, 100, 499):
        for suppress in (False, True):
            edges = random_edges(500, degree, rng)
            costs, unary = rng.normal(0, 1, len(edges)), rng.normal(-2, 3, 500) if suppress else None
            start = time.process_time()
            objective = solve_multicut(500, edges, costs, unary)[1]
            rows.append({"nodes": 500, "edges": len(edges), "suppression": suppress, "objective": objective,
                         "seconds": time.process_time() - start})  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=200, help="problems of each kind")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    for n, edges, costs, unary in islice(random_problems(2), 2):
        solve_multicut(n, edges, costs, unary)  # compiled before the clock runs
    record: dict[str, Any] = {"machine": machine()}
    for kind, problems in (("random", random_problems), ("real", real_problems)):
        record[kind] = compare(problems(arguments.count))
        print(kind, json.dumps(record[kind], indent=1), flush=True)
    record["large"] = large()
    print(json.dumps(record["large"], indent=1))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
