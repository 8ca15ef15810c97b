"""Minimum cost multicut with suppression: which nodes to drop, and which of the others belong together.

The node labelling minimum cost lifted multicut problem (NL-LMP) of Levinkov et al., CVPR 2017, as DeeperCut poses it: nodes are
detections, a cluster is a person. Costs may have either sign; the number of clusters is found, not given.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.contraction import contract
from limbwise.decode.exact import solve_exactly
from limbwise.decode.kernighan_lin import OUT, adjacency
from limbwise.decode.kicks import search

Costs = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Literal["local", "greedy", "exact"]

KICKS = 300  # tries to do better than Kernighan-Lin, of each piece of a problem
BUDGET = 4_000_000  # and steps of work in a piece after which no more are tried


def solve_multicut(
    n: int, edges: npt.ArrayLike, costs: npt.ArrayLike, unary: npt.ArrayLike | None = None, method: Method = "local"
) -> tuple[Ints, float]:
    """Labels (n,) int64 and their objective: clusters 0, 1, ... in the order of their first nodes, -1 for suppressed nodes.

    `edges` (E, 2) node numbers, `costs` (E,) of having both in one cluster (negative: they like to be together; inf: they must
    not), `unary` (n,) of not suppressing a node (inf: it must be); None: no node is suppressed. The objective, to be least, is the
    sum of the unary costs of the nodes that are kept and of the costs of the edges within clusters. Edges that are given twice
    are summed. Every cluster is connected by edges of negative cost.
    `method`: "greedy" edge contraction alone; "local" search after it; "exact", for small problems (the time may grow
    exponentially). The same input has the same answer. Raises ValueError that names the argument.
    """
    if method not in ("local", "greedy", "exact"):
        raise ValueError(f"method: local, greedy or exact is needed, got {method!r}")
    ends, prices, own = _checked(n, edges, costs, unary)
    graph, price, keep = _scaled(n, ends, prices, own)
    alive, piece = _pieces(n, graph, price, keep, unary is not None)
    labels = np.where(alive, np.arange(n), OUT)
    inner = np.flatnonzero(alive[graph[:, 0]] & (piece[graph[:, 0]] == piece[graph[:, 1]]))
    inner = inner[np.argsort(piece[graph[inner, 0]], kind="stable")]
    place = np.zeros(n, np.int64)
    for some in np.split(inner, np.flatnonzero(np.diff(piece[graph[inner, 0]])) + 1) if len(inner) else ():
        nodes = np.flatnonzero(alive & (piece == piece[graph[some[0], 0]]))
        place[nodes] = np.arange(len(nodes))
        found = _solve_piece(place[graph[some]], price[some], keep[nodes], unary is not None, method)
        labels[nodes] = np.where(found == OUT, OUT, nodes[found])
    labels = _connected(labels, graph, price)
    within = (labels[ends[:, 0]] == labels[ends[:, 1]]) & (labels[ends[:, 0]] != OUT)
    return labels, float(prices[within].sum() + own[labels != OUT].sum())


def _solve_piece(edges: Ints, costs: Costs, unary: Costs, suppress: bool, method: Method) -> Ints:
    """Labels of a connected problem."""
    labels = contract(len(unary), edges, costs)
    if method == "greedy":
        return labels
    graph = adjacency(len(unary), edges, costs)
    known = search(labels, suppress, *graph, unary, KICKS, BUDGET)
    if method == "exact":
        better = solve_exactly(edges, costs, unary, suppress, known)
        return labels if better is None else better
    return labels


def _checked(n: int, edges: npt.ArrayLike, costs: npt.ArrayLike, unary: npt.ArrayLike | None) -> tuple[Ints, Costs, Costs]:  # fmt: skip
    """The arguments as arrays, the unary costs of None as 0."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise ValueError(f"n: a number of nodes from 0 is needed, got {n!r}")
    ends = np.asarray(edges)
    if ends.size == 0:
        ends = np.zeros((0, 2), np.int64)
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "iu":
        raise ValueError(f"edges: (E, 2) whole numbers are needed, got {ends.shape} {ends.dtype}")
    if len(ends) and not 0 <= int(ends.min()) <= int(ends.max()) < n:
        raise ValueError(f"edges: nodes from 0 to {n - 1} are needed, got {ends.min()} to {ends.max()}")
    if (ends[:, 0] == ends[:, 1]).any():
        raise ValueError(f"edges: node {ends[ends[:, 0] == ends[:, 1]][0, 0]} is joined to itself")
    own = np.zeros(n) if unary is None else _numbers("unary", unary, n)
    return ends.astype(np.int64), _numbers("costs", costs, len(ends)), own


def _numbers(name: str, values: npt.ArrayLike, count: int) -> Costs:
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: numbers are needed") from None
    if numbers.shape != (count,):
        raise ValueError(f"{name}: expected shape ({count},), got {numbers.shape}")
    if np.isnan(numbers).any() or (numbers == -np.inf).any():
        raise ValueError(f"{name}: finite numbers or inf are needed, got nan or -inf")
    return numbers


def _scaled(n: int, ends: Ints, prices: Costs, own: Costs) -> tuple[Ints, Costs, Costs]:
    """Edges that are each there once, and costs of about 1, the most negative one -1.

    What is so high that all that is negative does not outweigh it is as good as forbidden, and brought down to that.
    """
    least = min(prices.min(initial=0), own.min(initial=0))
    unit = -least if least < 0 else 1.0
    with np.errstate(over="ignore"):
        prices, own = prices / unit, own / unit
    forbidden = 1 - np.minimum(prices, 0).sum() - np.minimum(own, 0).sum()
    low, high = ends.min(1, initial=n), ends.max(1, initial=-1)
    keys, row = np.unique(low * n + high, return_inverse=True)
    price = np.zeros(len(keys))
    np.add.at(price, row, np.minimum(prices, forbidden))
    return (
        np.stack([keys // max(n, 1), keys % max(n, 1)], axis=1),
        np.minimum(price, forbidden),
        np.minimum(own, forbidden),
    )


@compiled
def _root(parent: Ints, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@compiled
def _pieces(n: int, edges: Ints, costs: Costs, unary: Costs, suppress: bool) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Whether each node may be worth keeping, and the piece that it is in: an optimum joins along negative costs only."""
    alive = np.ones(n, np.bool_)
    changed = suppress
    while changed:
        changed = False
        worth = unary.copy()
        for e in range(len(edges)):
            if costs[e] < 0 and alive[edges[e, 0]] and alive[edges[e, 1]]:
                worth[edges[e, 0]] += costs[e]
                worth[edges[e, 1]] += costs[e]
        for v in range(n):
            if alive[v] and worth[v] >= 0:
                alive[v] = False
                changed = True
    piece = np.arange(n)
    for e in range(len(edges)):
        a, b = edges[e]
        if costs[e] < 0 and alive[a] and alive[b]:
            piece[_root(piece, a)] = _root(piece, b)
    for v in range(n):
        piece[v] = _root(piece, v)
    return alive, piece


@compiled
def _connected(labels: Ints, edges: Ints, costs: Costs) -> Ints:
    """Clusters split into what negative costs connect, and numbered in the order of their first nodes."""
    parent = np.arange(len(labels))
    for e in range(len(edges)):
        a, b = edges[e]
        if costs[e] < 0 and labels[a] == labels[b] and labels[a] != OUT:
            parent[_root(parent, a)] = _root(parent, b)
    number, found, count = np.full(len(labels), OUT), labels.copy(), 0
    for v in range(len(labels)):
        if labels[v] != OUT:
            root = _root(parent, v)
            if number[root] == OUT:
                number[root] = count
                count += 1
            found[v] = number[root]
    return found
