"""Kicks: clusters are broken up or joined at random, mended by Kernighan-Lin, and kept where the whole is no worse (iterated local search).

Random numbers come from a fixed seed, and the end is told by counted work, not by time: the same problem has the same answer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limbwise.compiled import compiled
from limbwise.decode.kernighan_lin import EPS, OUT, improve, total, unused

Costs = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
State = npt.NDArray[np.uint64]


@compiled
def search(
    labels: Ints, suppress: bool, start: Ints, near: Ints, cost: Costs, unary: Costs, kicks: int, budget: int
) -> float:
    """Improve `labels` (count,) in place, then `kicks` times kick and improve, until `budget` steps of work are spent; the objective."""
    count = len(labels)
    work, state = np.zeros(1, np.int64), np.array([88172645463325252], np.uint64)
    changed = np.ones(count + 1, np.bool_)
    improve(labels, changed, suppress, start, near, cost, unary, work)
    best, least = total(labels, start, near, cost, unary), _bound(start, near, cost, unary, suppress)
    trial = labels.copy()
    for _ in range(kicks):
        if best <= least + EPS or work[0] > budget:
            break
        _kick(trial, changed, suppress, start, near, state)
        improve(trial, changed, suppress, start, near, cost, unary, work)
        found = total(trial, start, near, cost, unary)
        work[0] += len(near) + count
        if found <= best + EPS:
            best = min(best, found)
            labels[:] = trial
        else:
            trial[:] = labels
    return best


@compiled
def _bound(start: Ints, near: Ints, cost: Costs, unary: Costs, suppress: bool) -> float:
    """No labelling costs less: every negative cost, and none of those that are not."""
    least = 0.0
    for v in range(len(unary)):
        least += min(unary[v], 0.0) if suppress else unary[v]
        for i in range(start[v], start[v + 1]):
            if near[i] > v:
                least += min(cost[i], 0.0)
    return least


@compiled
def _random(state: State, below: int) -> int:
    """A number from 0 to below - 1 (xorshift)."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return int((x >> np.uint64(11)) % np.uint64(below))


@compiled
def _kick(labels: Ints, changed: Bools, suppress: bool, start: Ints, near: Ints, state: State) -> None:
    """Change the labels about a random node: halve its cluster, join it with a neighbour's, or move some nodes to neighbours."""
    count = len(labels)
    v = _random(state, count)
    while start[v] == start[v + 1]:
        v = _random(state, count)
    u = near[start[v] + _random(state, start[v + 1] - start[v])]
    a, b, kind = labels[v], labels[u], _random(state, 4)
    if kind == 0 and a != OUT:
        new = unused(labels)
        for w in range(count):
            if labels[w] == a and _random(state, 2) == 0:
                labels[w] = new
        changed[a] = changed[new] = True
    elif kind == 1 and a != b and a != OUT and b != OUT:
        labels[labels == b] = a
        changed[a] = True
    elif kind == 2 and suppress and a != OUT:
        labels[labels == a] = OUT
        changed[a] = True
    else:
        for _ in range(1 + _random(state, 1 + count // 6)):
            w = _random(state, count)
            if start[w] == start[w + 1]:
                continue
            to = labels[near[start[w] + _random(state, start[w + 1] - start[w])]]
            if to == OUT or to == labels[w]:
                to = unused(labels)
            if labels[w] != OUT:
                changed[labels[w]] = True
            labels[w] = to
            changed[to] = True
