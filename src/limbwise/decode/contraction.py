"""Greedy additive edge contraction: the two clusters that gain most by joining are joined, until none gains (Keuper et al., ICCV 2015)."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled

Costs = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@compiled
def contract(count: int, edges: Ints, costs: Costs) -> Ints:
    """(count,) cluster of each node, numbers of nodes that stand for it. `edges` (E, 2), none twice, and `costs` (E,) of joining.

    Parallel edges that arise are summed. Of equal costs the edge that comes first in `edges` goes first.
    """
    ends, weights, version = edges.copy(), costs.copy(), np.zeros(len(edges), np.int64)
    first, after = _incidence(count, edges)
    parent, size = np.arange(count), np.ones(count, np.int64)
    at = np.full(count, -1, np.int64)
    queue = [(costs[e], e, 0) for e in range(len(edges)) if costs[e] < 0]
    heapq.heapify(queue)
    while len(queue) > 0:
        _, e, stamp = heapq.heappop(queue)
        if stamp != version[e]:
            continue
        a, b = ends[e, 0], ends[e, 1]
        if size[a] < size[b]:
            a, b = b, a
        version[e] += 1
        parent[b] = a
        size[a] += size[b]
        for changed in _join(a, b, ends, weights, version, first, after, at):
            if weights[changed] < 0:
                heapq.heappush(queue, (weights[changed], changed, version[changed]))
    for node in range(count):
        root = node
        while parent[root] != root:
            root = parent[root]
        parent[node] = root
    return parent


@compiled
def _incidence(count: int, edges: Ints) -> tuple[Ints, Ints]:
    """Linked lists of the half edges 2 e + side of each node: the first of a node, and the one after each; -1 at the end."""
    first, after = np.full(count, -1, np.int64), np.full(2 * len(edges), -1, np.int64)
    for half in range(2 * len(edges) - 1, -1, -1):
        node = edges[half // 2, half % 2]
        after[half], first[node] = first[node], half
    return first, after


@compiled
def _join(a: int, b: int, ends: Ints, weights: Costs, version: Ints, first: Ints, after: Ints, at: Ints) -> list[int]:
    """Give b's edges to a; the numbers of those whose weight or ends changed. Edges that are gone have ends -1.

    `at` (count,) is all -1, before and after: which edge of a leads to each node.
    """
    changed = [0 for _ in range(0)]
    half, last = first[a], -1
    while half >= 0:  # a's list, without the edges that are gone or lead to b
        other = ends[half // 2, 1 - half % 2]
        following = after[half]
        if other < 0 or other == b:
            if last < 0:
                first[a] = following
            else:
                after[last] = following
            ends[half // 2, 0] = ends[half // 2, 1] = -1
        else:
            at[other] = half // 2
            last = half
        half = following
    half = first[b]
    while half >= 0:
        following, e = after[half], half // 2
        other = ends[e, 1 - half % 2]
        if other >= 0 and at[other] >= 0:
            weights[at[other]] += weights[e]
            version[at[other]] += 1
            version[e] += 1
            changed.append(at[other])
            ends[e, 0] = ends[e, 1] = -1
        elif other >= 0:
            ends[e, half % 2] = a
            version[e] += 1
            changed.append(e)
            after[half], first[a] = first[a], half
        half = following
    half = first[a]
    while half >= 0:
        other = ends[half // 2, 1 - half % 2]
        if other >= 0:
            at[other] = -1
        half = after[half]
    return changed
