"""Orders: every task once, after what it needs, with few results held."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from operator import add

import pytest
from graph_helpers import graphs
from hypothesis import given
from raskt.core import get_dependencies, get_deps
from raskt.order import diagnostics, ndependencies, order
from raskt.task_spec import Alias, DataNode, Task, TaskRef


def check_order(graph, places):
    assert sorted(places.values()) == list(range(len(graph)))
    assert places.keys() == graph.keys()
    for key in graph:
        for other in get_dependencies(graph, key):
            assert places[other] < places[key]


def peak(graph):
    return max(diagnostics(graph)[1])


@given(graphs())
def test_every_task_comes_once_and_after_what_it_needs(graph):
    check_order(graph, order(graph))
    stats = order(graph, return_stats=True)
    check_order(graph, {key: stat.priority for key, stat in stats.items()})


@given(graphs())
def test_given_dependencies_lead_to_an_order_as_well(graph):
    dependencies, _ = get_deps(graph)
    before = {key: set(needs) for key, needs in dependencies.items()}
    check_order(graph, order(graph, dependencies))
    assert dependencies == before


def test_an_empty_graph():
    assert order({}) == {}
    assert diagnostics({}) == ({}, [])


def test_any_hashable_is_a_key():
    keys = ["x", ("x", 0), 1, 1.5, None, Fraction(1, 3), frozenset({2}), int]
    graph = {key: (add, previous, 0.5) for previous, key in zip(keys, keys[1:])}
    graph["x"] = 7
    assert list(order(graph)) == keys


def test_task_objects():
    graph = {
        "c": Task("c", add, TaskRef("b"), TaskRef("not here")),
        "b": Alias("b", "a"),
        "a": DataNode("a", "c"),
    }
    assert order(graph) == {"a": 0, "b": 1, "c": 2}


def test_dependencies_outside_of_the_graph_are_there_already():
    graph = {"a": (add, "b", 1), "b": 1}
    assert order(graph, {"a": ["b", "out"], "b": {"out"}}) == {"b": 0, "a": 1}


@pytest.mark.parametrize(
    "graph",
    [
        {"x": (abs, "x")},
        {("x", 0): (abs, ("x", 0))},
        {"x": (abs, "y"), "y": (abs, "z"), "z": (add, "x", "w"), "w": 1},
        {"x": (abs, "y"), "y": (abs, "x"), "end": (abs, "x")},
    ],
)
def test_a_cycle_is_shown(graph):
    with pytest.raises(RuntimeError, match="Cycle detected.*x.*->.*x"):
        order(graph)


def test_long_chains():
    chain = {i: (abs, i - 1) for i in range(1, 30_000)} | {0: -1}
    assert list(order(chain)) == list(range(30_000))
    _, total = ndependencies(*get_deps(chain))
    assert total[29_999] == 30_000


def test_the_order_does_not_depend_on_the_hashes_of_text():
    code = (
        "from raskt.order import order\n"
        "graph = {f'x{i}': (abs, i) for i in range(1000, 1020)}\n"
        "graph['y'] = (sum, list(graph))\n"
        "print(list(order(graph)), list(order(graph, {k: set(graph) - {'y'}"
        " if k == 'y' else set() for k in graph})))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(outputs) == 1


# --- few results held -----------------------------------------------------------


def reduction(n):
    """Reduce n chunks in pairs."""
    graph = {("x", 0, i): (abs, -1) for i in range(n)}
    level = 0
    while n > 1:
        n //= 2
        level += 1
        for i in range(n):
            parts = ("x", level - 1, 2 * i), ("x", level - 1, 2 * i + 1)
            graph["x", level, i] = (add, *parts)
    return graph


def test_a_reduction_holds_one_result_for_each_level():
    assert peak(reduction(64)) == 7


def test_a_chunk_is_used_by_all_before_the_next_one_is_made():
    graph = {("x", i): (abs, -1) for i in range(50)}
    for name in ("low", "high"):
        graph |= {(name, i): (abs, ("x", i)) for i in range(50)}
    assert peak(graph) == 1


def test_branches_are_finished_one_after_the_other():
    graph = {(i, j): (abs, (i, j - 1)) for i in range(9) for j in range(1, 5)}
    graph |= {(i, 0): (abs, -1) for i in range(9)}
    assert peak(graph) == 1


def test_a_sliding_window_moves():
    graph = {("a", i): (abs, -1) for i in range(40)}
    for i in range(38):
        graph["b", i] = (sum, [("a", i), ("a", i + 1), ("a", i + 2)])
    assert peak(graph) == 3


# --- numbers about orders -------------------------------------------------------


DIAMOND = {"a": 1, "b": (abs, "a"), "c": (abs, "a"), "d": (add, "b", "c"), "e": 5}


def test_diagnostics():
    places = {"e": 0, "a": 1, "b": 2, "c": 3, "d": 4}
    info, pressure = diagnostics(DIAMOND, places)
    assert pressure == [0, 0, 1, 2, 2]
    assert {key: i.order for key, i in info.items()} == places
    assert [i.age for i in info.values()] == [0, 2, 2, 1, 0]
    assert [i.num_data_when_run for i in info.values()] == pressure
    assert [i.num_data_when_released for i in info.values()] == [0, 2, 2, 2, 2]
    assert [i.num_dependencies_freed for i in info.values()] == [0, 0, 0, 1, 2]


@given(graphs())
def test_diagnostics_agree_with_counting(graph):
    places = order(graph)
    info, pressure = diagnostics(graph)
    _, dependents = get_deps(graph)
    last_use = {
        key: max(map(places.get, users), default=-1)
        for key, users in dependents.items()
    }
    for now in range(len(graph)):
        held = [key for key in graph if places[key] < now <= last_use[key]]
        assert pressure[now] == len(held)
    for key, users in dependents.items():
        assert info[key].age == (last_use[key] - places[key] if users else 0)
    assert sum(i.num_dependencies_freed for i in info.values()) == sum(
        map(bool, dependents.values())
    )


def test_tasks_on_one_path_have_one_number():
    graph = {"a": (abs, -1), "b": (abs, "a"), "x": (abs, -1), "y": (abs, "x")}
    paths = {
        key: stat.critical_path for key, stat in order(graph, return_stats=True).items()
    }
    assert paths["a"] == paths["b"] != paths["x"] == paths["y"]


def test_ndependencies():
    direct, total = ndependencies(*get_deps(DIAMOND))
    assert direct == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 0}
    assert total == {"a": 1, "b": 2, "c": 2, "d": 5, "e": 1}
