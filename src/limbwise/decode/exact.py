"""The multicut problem exactly, for small graphs: an integer program whose cycle constraints are added where they are violated.

Variables: x_e = 1 where edge e lies within a cluster, a_v = 1 where node v is kept. A cycle must not have exactly one edge that is
cut: x_e >= the sum of the other x - (their number - 1) (Chopra and Rao 1993; Kappes et al. 2011). First the linear relaxation gets
such constraints; where its bound is what local search has found, that is the optimum, else HiGHS branches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.csgraph import connected_components, dijkstra

Costs = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
VIOLATED = 1e-6
BETTER = 1e-5  # least gain over a known answer; HiGHS takes solutions that break constraints by 1e-6
INFEASIBLE = 2  # of milp's status
ROUNDS = 1000  # of constraints; far more than any problem has needed


def solve_exactly(edges: Ints, costs: Costs, unary: Costs, suppress: bool, known: float) -> Ints | None:
    """Labels (n,), -1 for suppressed nodes, that cost at least 1e-5 less than `known`, or None where none do.

    `edges` (E, 2), none twice; `costs` (E,) and `unary` (n,) finite, about 1. Raises RuntimeError where HiGHS gives up.
    """
    program, below = _Program(edges, costs, unary, suppress), known - BETTER
    vector = _settle(program, False, below)
    if vector is not None and np.abs(vector - np.rint(vector)).max(initial=0) > VIOLATED:
        vector = _settle(program, True, below)
    return None if vector is None else program.labels(np.rint(vector))


def _settle(program: _Program, whole: bool, below: float) -> Costs | None:
    """A solution that violates no cycle, or None where none is `below` a number."""
    for _ in range(ROUNDS):
        vector = program.solve(whole, below)
        if vector is None or not program.constrain(vector):
            return vector
    raise RuntimeError(f"no end after {ROUNDS} rounds of constraints")


class _Program:
    """The program and the constraints so far; its vector is x (E,), then a (n,)."""

    def __init__(self, edges: Ints, costs: Costs, unary: Costs, suppress: bool) -> None:
        self.edges, self.count = edges, len(unary)
        self.price = np.concatenate([costs, unary])
        self.least = np.concatenate([np.zeros(len(edges)), np.full(self.count, 0.0 if suppress else 1.0)])
        self.rows = [self._kept_ends()]  # each row times the vector is at most its bound
        self.bounds = [np.zeros(2 * len(edges))]

    def _kept_ends(self) -> csr_matrix:
        """x_e - a_v <= 0 for both ends of each edge."""
        e = np.arange(2 * len(self.edges))
        columns = np.concatenate([e // 2, len(self.edges) + self.edges.ravel()])
        values = np.concatenate([np.ones(len(e)), -np.ones(len(e))])
        return csr_matrix((values, (np.concatenate([e, e]), columns)), shape=(len(e), len(self.price)))

    def solve(self, whole: bool, below: float) -> Costs | None:
        """The optimum under the constraints so far, of whole numbers or not, or None where it is not `below` a number."""
        self.rows, self.bounds = [vstack(self.rows, format="csr")], [np.concatenate(self.bounds)]
        limits = LinearConstraint(self.rows[0], -np.inf, self.bounds[0])
        better = LinearConstraint(self.price[None], -np.inf, below)  # spares branches, but HiGHS may stumble over it
        for constraints, presolve in (([limits, better], True), ([limits], True), ([limits], False)):
            result = milp(self.price, integrality=np.full(len(self.price), int(whole)), bounds=Bounds(self.least, 1),
                          constraints=constraints if whole else limits,
                          options={"mip_rel_gap": 0.0, "presolve": presolve})  # fmt: skip
            if result.status == INFEASIBLE or (result.status == 0 and result.fun > below):
                return None
            if result.status == 0:
                return np.asarray(result.x)
        raise RuntimeError(f"HiGHS: {result.message}")

    def constrain(self, vector: Costs) -> bool:
        """Add the cycles that a solution violates, the shortest one through each edge; False where there is none."""
        x = np.clip(vector[: len(self.edges)], 0, 1)
        there = np.flatnonzero(x > VIOLATED)
        number = (
            csr_matrix((there + 1.0, self.edges[there].T), shape=(self.count, self.count)).toarray().astype(np.int64)
        )
        number = np.maximum(number, number.T) - 1
        cut = csr_matrix((1 - x[there] + 1e-9, self.edges[there].T), shape=(self.count, self.count))
        length, before = dijkstra(cut, directed=False, return_predecessors=True, limit=1.0)
        u, v = self.edges.T
        violated = np.flatnonzero(length[u, v] < 1 - x - VIOLATED)
        paths = [self._path(before, int(u[e]), int(v[e]), number) for e in violated]
        if not paths:
            return False
        sizes = np.array([len(path) for path in paths])
        rows = np.concatenate([np.repeat(np.arange(len(paths)), sizes), np.arange(len(paths))])
        columns = np.concatenate([*paths, violated])
        values = np.concatenate([np.ones(sizes.sum()), -np.ones(len(paths))])
        self.rows.append(csr_matrix((values, (rows, columns)), shape=(len(paths), len(self.price))))
        self.bounds.append(sizes - 1.0)
        return True

    def _path(self, before: Ints, start: int, stop: int, number: Ints) -> Ints:
        """The edges of the shortest path."""
        path = []
        while stop != start:
            previous = int(before[start, stop])
            path.append(number[previous, stop])
            stop = previous
        return np.array(path, np.int64)

    def labels(self, vector: Costs) -> Ints:
        """Clusters of a solution of whole numbers."""
        joined = self.edges[vector[: len(self.edges)] > 0.5]
        graph = csr_matrix((np.ones(len(joined)), joined.T), shape=(self.count, self.count))
        labels = np.asarray(connected_components(graph, directed=False)[1], np.int64)
        return np.where(vector[len(self.edges) :] > 0.5, labels, -1)
