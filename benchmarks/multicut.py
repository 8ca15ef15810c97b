"""How near local search comes to the optimum of multicut problems, and how long it takes.

    python benchmarks/multicut.py [--count 200] [--json benchmarks/results/multicut.json]

Random problems: 5 to 60 nodes, normal costs on random edges (3 to 5 a node; all edges up to 12 nodes), half of them with suppression.
Real ones: what DeeperCut's decoder is given for people of COCO train2017, up to 60 parts, on maps with noise, vectors 15
pixels off besides, every second one a crowd. The optimum is HiGHS's. Needs ../shared/data/coco.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from decoder import machine
from decoder_methods import DeeperCut
from skeletons import groups

from limbwise.decode import deepercut
from limbwise.decode.multicut import Method, solve_multicut
from limbwise.decode.pairwise import join_costs, keep_costs

Problem = tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64] | None]
SEED = 5
METHODS: tuple[Method, ...] = ("greedy", "local", "exact")
MOST = 60  # nodes
NOISE = 0.05  # of the maps of real problems
ASTRAY = 15.0  # pixels by which their parts' vectors are off besides, so that they are not trivial
SAME = 1e-6  # objectives this near are equal


def random_problems(count: int) -> Iterator[Problem]:
    """Random graphs with normal costs."""
    rng = np.random.default_rng(SEED)
    for i in range(count):
        n = int(rng.integers(5, MOST + 1))
        degree = n - 1 if n <= 12 else rng.uniform(3, 5)
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
        astray = parts.toward + rng.normal(0, ASTRAY, parts.toward.shape).astype(np.float32)
        parts = replace(parts, toward=astray)
        if 5 <= len(parts.scores) <= MOST:
            made += 1
            yield len(parts.scores), *join_costs(parts, *method.terms.linear(), 0.0, 0.0), keep_costs(parts.scores)


def solve(problem: Problem) -> dict[str, tuple[float, float]]:
    """Objective and seconds of CPU by method."""
    found: dict[str, tuple[float, float]] = {}
    for method in METHODS:
        start = time.process_time()
        objective = solve_multicut(*problem, method)[1]
        found[method] = objective, time.process_time() - start
    return found


def compare(problems: Iterator[Problem], pool: Executor) -> dict[str, Any]:
    """Sums of objectives by method, in how many problems each is the optimum's, and seconds of CPU."""
    sums: dict[str, list[float]] = {method: [] for method in METHODS}
    seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    some = list(problems)
    sizes = [problem[0] for problem in some]
    for done, found in enumerate(pool.map(solve, some)):
        for method, (objective, took) in found.items():
            sums[method].append(objective)
            seconds[method].append(took)
        print(f"{done + 1} of {len(some)}", end="\r", file=sys.stderr, flush=True)
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


def compile_all() -> None:
    """Before the clock runs."""
    for problem in random_problems(2):
        solve(problem)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=200, help="problems of each kind")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    record: dict[str, Any] = {"machine": machine()}
    with ProcessPoolExecutor(initializer=compile_all) as pool:
        for kind, problems in (("random", random_problems), ("real", real_problems)):
            record[kind] = compare(problems(arguments.count), pool)
            print(kind, json.dumps(record[kind], indent=1), flush=True)
    compile_all()
    record["large"] = large()
    print(json.dumps(record["large"], indent=1))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
