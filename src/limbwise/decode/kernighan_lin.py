"""Kernighan-Lin with joint moves: nodes change between two clusters and the suppressed ones, the best move first, in numba.

Keuper et al., ICCV 2015, and Levinkov et al., CVPR 2017 (NL-LMP).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled

Costs = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OUT = -1  # the label of suppressed nodes
EPS = 1e-9  # least gain that counts; costs are brought to -1 to 1 before


@compiled
def adjacency(count: int, edges: Ints, costs: Costs) -> tuple[Ints, Ints, Costs]:
    """The graph by nodes: neighbours and costs of node v are in start[v]:start[v + 1]."""
    start = np.zeros(count + 1, np.int64)
    for e in range(len(edges)):
        start[edges[e, 0] + 1] += 1
        start[edges[e, 1] + 1] += 1
    start = np.cumsum(start)
    place, near, cost = start[:-1].copy(), np.empty(2 * len(edges), np.int64), np.empty(2 * len(edges))
    for e in range(len(edges)):
        for side in range(2):
            v = edges[e, side]
            near[place[v]], cost[place[v]] = edges[e, 1 - side], costs[e]
            place[v] += 1
    return start, near, cost


@compiled
def total(labels: Ints, start: Ints, near: Ints, cost: Costs, unary: Costs) -> float:
    """The objective: unary costs of the nodes that are not suppressed, and costs of the edges within clusters."""
    found = 0.0
    for v in range(len(labels)):
        if labels[v] != OUT:
            found += unary[v]
            for i in range(start[v], start[v + 1]):
                if near[i] > v and labels[near[i]] == labels[v]:
                    found += cost[i]
    return found


@compiled
def _sweep(nodes: Ints, a: int, b: int, suppress: bool, both: bool, labels: Ints, start: Ints, near: Ints, cost: Costs,
           unary: Costs, place: Ints, work: Ints) -> float:  # fmt: skip
    """Move `nodes`, all of cluster a, cluster b or suppressed, each once, the best move first; keep the best beginning; its gain.

    A node goes to a, to b (if `both`) or is suppressed (if `suppress`). Joining all in a is tried too. `place` (count,) is all -1,
    before and after. `work[0]` counts what was done.
    """
    size = len(nodes)
    price = np.zeros((size, 3))  # what each node costs in a, in b and suppressed
    where = np.empty(size, np.int64)
    for i in range(size):
        place[nodes[i]] = i
    for i in range(size):
        v = nodes[i]
        where[i] = 0 if labels[v] == a else (1 if labels[v] == b else 2)
        price[i, 0] = price[i, 1] = unary[v]
        for j in range(start[v], start[v + 1]):
            u = labels[near[j]]
            if u == a:
                price[i, 0] += cost[j]
            elif u == b:
                price[i, 1] += cost[j]
        work[0] += start[v + 1] - start[v]
    merge = 0.0
    for i in range(size):
        if where[i] == 1:
            merge += unary[nodes[i]] - price[i, 0]
    begin = where.copy()
    moved, order = np.zeros(size, np.bool_), np.empty(size, np.int64)
    gain, best, kept = 0.0, 0.0, 0
    for step in range(size):
        top, which, target = -np.inf, -1, 0
        for i in range(size):
            if moved[i]:
                continue
            own = price[i, where[i]]
            for k in range(3):
                if k != where[i] and (k == 0 or (k == 1 and both) or (k == 2 and suppress)) and own - price[i, k] > top:
                    top, which, target = own - price[i, k], i, k
        if which < 0:
            break
        work[0] += size
        v, source = nodes[which], where[which]
        moved[which], order[step], where[which] = True, which, target
        gain += top
        for j in range(start[v], start[v + 1]):
            i = place[near[j]]
            if i >= 0:
                if source < 2:
                    price[i, source] -= cost[j]
                if target < 2:
                    price[i, target] += cost[j]
        work[0] += start[v + 1] - start[v]
        if gain > best + EPS:
            best, kept = gain, step + 1
    for i in range(size):
        place[nodes[i]] = -1
    if both and merge > best + EPS:
        for i in range(size):
            if begin[i] == 1:
                labels[nodes[i]] = a
        return merge
    for step in range(kept):
        i = order[step]
        labels[nodes[i]] = a if where[i] == 0 else (b if where[i] == 1 else OUT)
    return best


@compiled
def _gather(a: int, b: int, labels: Ints) -> Ints:
    """The nodes of labels a and b."""
    return np.flatnonzero((labels == a) | (labels == b))


@compiled
def unused(labels: Ints) -> int:
    """A cluster number that no node has."""
    taken = np.zeros(len(labels) + 1, np.bool_)
    for label in labels:
        if label >= 0:
            taken[label] = True
    free = 0
    while taken[free]:
        free += 1
    return free


@compiled
def _touching(labels: Ints, changed: npt.NDArray[np.bool_], start: Ints, near: Ints) -> Ints:
    """Pairs of clusters (a < b, as a count + b, ascending) that an edge joins and of which one has changed."""
    keys = [0 for _ in range(0)]
    for v in range(len(labels)):
        for i in range(start[v], start[v + 1]):
            a, b = labels[v], labels[near[i]]
            if 0 <= a < b and (changed[a] or changed[b]):
                keys.append(a * (len(labels) + 1) + b)
    return np.unique(np.array(keys, np.int64)) if len(keys) else np.zeros(0, np.int64)


@compiled
def improve(labels: Ints, changed: npt.NDArray[np.bool_], suppress: bool, start: Ints, near: Ints, cost: Costs, unary: Costs,
            work: Ints) -> None:  # fmt: skip
    """Sweeps over pairs of clusters, over each cluster and a new one, and over each and the suppressed nodes, until none gains.

    `labels` (count,) are numbers below count, or OUT, and are changed in place. `changed` (count + 1,) says which clusters to begin
    with; it is all False afterwards.
    """
    count = len(labels)
    place = np.full(count, -1, np.int64)
    for _ in range(count + 10):
        now = np.zeros(count + 1, np.bool_)
        for key in _touching(labels, changed, start, near):
            a, b = key // (count + 1), key % (count + 1)
            nodes = _gather(a, b, labels)
            if _sweep(nodes, a, b, suppress, True, labels, start, near, cost, unary, place, work) > EPS:
                now[a] = now[b] = True
        for a in range(count):
            if not (changed[a] or now[a]):
                continue
            while True:
                nodes = np.flatnonzero(labels == a)
                b = unused(labels)
                if (
                    len(nodes) < 2
                    or _sweep(nodes, a, b, suppress, True, labels, start, near, cost, unary, place, work) <= EPS
                ):
                    break
                now[a] = now[b] = True
        if suppress and (labels == OUT).any():
            for a in range(count):
                nodes = np.flatnonzero(labels == a)
                if len(nodes) == 0 or not (changed[a] or now[a]):
                    continue
                nodes = _gather(a, OUT, labels)
                if _sweep(nodes, a, count + 1, True, False, labels, start, near, cost, unary, place, work) > EPS:
                    now[a] = True
            a = unused(labels)
            nodes = np.flatnonzero(labels == OUT)
            if _sweep(nodes, a, count + 1, True, False, labels, start, near, cost, unary, place, work) > EPS:
                now[a] = True
        changed[:] = now
        if not now.any():
            break
