"""Multicut: the optimum by trying everything, local search beside the exact solver, what must never be joined, and bad input."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from limbwise.decode.multicut import Method, solve_multicut

Problem = tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64] | None]
METHODS: tuple[Method, ...] = ("greedy", "local", "exact")


def problem(seed: int, least: int, most: int, degree: float = 99, forbidden: float = 0.0) -> Problem:
    """A random graph with normal costs, some of them inf; every second one with suppression."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(least, most + 1))
    edges = np.array(list(combinations(range(n), 2)), np.int64).reshape(-1, 2)
    edges = edges[rng.random(len(edges)) < degree / max(n - 1, 1)]
    costs = np.where(rng.random(len(edges)) < forbidden, np.inf, rng.normal(0, 1, len(edges)))
    return n, edges, costs, rng.normal(-0.3, 1, n) if seed % 2 else None


def objective(labels: npt.ArrayLike, edges: npt.ArrayLike, costs: npt.ArrayLike, unary: npt.ArrayLike | None) -> float:
    """What a labelling costs, by the definition."""
    labels, total = np.asarray(labels), 0.0
    for (a, b), cost in zip(np.asarray(edges).reshape(-1, 2), np.asarray(costs), strict=True):
        total += cost if labels[a] == labels[b] >= 0 else 0
    return total + (float(np.asarray(unary)[labels >= 0].sum()) if unary is not None else 0)


def by_trying(n: int, edges: npt.NDArray[np.int64], costs: npt.NDArray[np.float64], unary: object) -> float:
    """The least objective of all labellings."""
    table = np.zeros((n, n))
    for (a, b), cost in zip(edges, costs, strict=True):
        table[a, b] = table[b, a] = table[a, b] + cost
    own = np.zeros(n) if unary is None else np.asarray(unary)

    def best(i: int, clusters: list[list[int]]) -> float:
        if i == n:
            return 0.0
        least = best(i + 1, clusters) if unary is not None else np.inf
        for cluster in [*clusters, []]:
            price = own[i] + table[i, cluster].sum()
            if price == np.inf:
                continue
            new = not cluster
            cluster.append(i)
            least = min(least, price + best(i + 1, [*clusters, cluster] if new else clusters))
            cluster.pop()
        return float(least)

    return best(0, [])


@pytest.mark.parametrize("seed", range(60))
def test_the_optimum_is_that_of_trying_everything(seed: int) -> None:
    n, edges, costs, unary = problem(seed, 1, 6, degree=3 if seed % 3 else 99, forbidden=0.1)
    least = by_trying(n, edges, costs, unary)
    for method in METHODS:
        labels, found = solve_multicut(n, edges, costs, unary, method)
        assert found == pytest.approx(objective(labels, edges, costs, unary))
        assert found >= least - 1e-9
        if method != "greedy":
            assert found == pytest.approx(least, abs=1e-6)


def test_local_search_beside_the_exact_solver() -> None:
    found, best, greedy, equal = 0.0, 0.0, 0.0, 0
    for seed in range(20):
        some = problem(seed + 100, 10, 40, degree=4)
        values = {method: solve_multicut(*some, method)[1] for method in METHODS}
        assert values["exact"] <= values["local"] + 1e-6
        found, best, greedy = found + values["local"], best + values["exact"], greedy + values["greedy"]
        equal += values["local"] - values["exact"] < 1e-6
    assert found <= best + 0.005 * abs(best)
    assert equal >= 18
    assert greedy > best + 0.005 * abs(best)  # else the problems are too easy to tell


def test_a_large_graph_takes_less_than_half_a_second() -> None:
    n, edges, costs, unary = problem(3, 500, 500, degree=60)
    solve_multicut(*problem(3, 10, 10))  # compiled before the clock runs
    start = time.process_time()
    solve_multicut(n, edges, costs, unary)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_the_same_input_has_the_same_answer(method: Method) -> None:
    some = problem(8, 30, 30, degree=4)
    one, two = solve_multicut(*some, method), solve_multicut(*some, method)
    assert one[0].tolist() == two[0].tolist()
    assert one[1] == two[1]


def test_labels_are_in_the_order_of_the_first_nodes_and_suppressed_ones_are_out() -> None:
    edges, costs = [[3, 1], [0, 2], [2, 4]], [-1.0, -2.0, 5.0]
    labels, found = solve_multicut(5, edges, costs, [0.5, -1, 0.5, 0.5, 3])
    assert labels.tolist() == [0, 1, 0, 1, -1]
    assert found == pytest.approx(-1 - 1.5)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_forbidden_is_not_joined_however_much_is_for_it(method: Method) -> None:
    triangle = [[0, 1], [1, 2], [0, 2]]
    for cost in (np.inf, 1e300):
        labels, found = solve_multicut(3, triangle, [-1e9, -2e9, cost], None, method)
        assert labels.tolist() == [0, 1, 1]
        assert found == -2e9


def test_edges_given_twice_are_summed() -> None:
    assert solve_multicut(2, [[0, 1], [1, 0]], [-1.0, 2.0])[0].tolist() == [0, 1]
    assert solve_multicut(2, [[0, 1], [1, 0]], [-3.0, 2.0])[1] == -1


def test_small_things() -> None:
    assert solve_multicut(0, [], [])[0].tolist() == []
    assert solve_multicut(3, [], [])[0].tolist() == [0, 1, 2]
    labels, found = solve_multicut(3, [], [], [-1, 0, np.inf])
    assert labels.tolist() == [0, -1, -1]
    assert found == -1
    labels, found = solve_multicut(4, [[0, 1], [2, 3]], [1e-12, -1e-12])
    assert labels.tolist() == [0, 1, 2, 2]


BAD = [
    ((-1, [], []), "n: "),
    ((2.5, [], []), "n: "),
    ((True, [], []), "n: "),
    ((2, [[0, 2]], [1.0]), "edges: nodes from 0 to 1"),
    ((2, [[-1, 0]], [1.0]), "edges: nodes from 0 to 1"),
    ((2, [[1, 1]], [1.0]), "edges: node 1 is joined to itself"),
    ((2, [[0, 1, 1]], [1.0]), "edges: "),
    ((2, [[0.0, 1.0]], [1.0]), "edges: "),
    ((2, [["a", "b"]], [1.0]), "edges: "),
    ((2, [[0, 2**63 - 1]], [1.0]), "edges: "),
    ((2, [[0, 1]], [1.0, 2.0]), "costs: expected shape"),
    ((2, [[0, 1]], [np.nan]), "costs: "),
    ((2, [[0, 1]], [-np.inf]), "costs: "),
    ((2, [[0, 1]], ["a"]), "costs: "),
    ((2, [[0, 1]], [1.0], [1.0]), "unary: expected shape"),
    ((2, [[0, 1]], [1.0], [np.nan, 0]), "unary: "),
    ((2, [[0, 1]], [1.0], None, "magic"), "method: "),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        solve_multicut(*arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_whatever_comes_is_solved_or_refused() -> None:
    rng = np.random.default_rng(0)
    odd = np.array([0, -0.0, 1e-320, -1e-320, 1e308, -1e308, np.inf, -np.inf, np.nan, 1, -1])
    solved = refused = 0
    for _ in range(400):
        n, count = int(rng.integers(-1, 8)), int(rng.integers(0, 12))
        edges = rng.integers(-1 if rng.random() < 0.2 else 0, max(n, 1) + (rng.random() < 0.2), (count, 2))
        if rng.random() < 0.7:
            edges = edges[edges[:, 0] != edges[:, 1]]
        pool = odd if rng.random() < 0.3 else odd[np.isfinite(odd) | (odd > 0)]
        costs = rng.choice(pool, len(edges))
        unary = rng.choice(pool, max(n, 0)) if rng.random() < 0.5 else None
        try:
            with np.errstate(all="ignore"):
                labels, found = solve_multicut(n, edges, costs, unary, METHODS[int(rng.integers(3))])
        except ValueError:
            refused += 1
            continue
        solved += 1
        assert labels.shape == (n,)
        assert -1 <= labels.min(initial=0) <= labels.max(initial=0) < max(n, 1)
        assert found < np.inf
    assert min(solved, refused) > 50
