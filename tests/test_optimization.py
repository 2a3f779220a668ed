"""Smaller graphs compute the same."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from operator import add

import pytest
import raskt
from graph_helpers import evaluate, graphs, mix, some_keys, stir
from hypothesis import given
from hypothesis import strategies as st
from raskt.core import get_dependencies, istask, preorder_traversal
from raskt.optimization import (
    cull,
    default_fused_keys_renamer,
    default_fused_linear_keys_renamer,
    functions_of,
    fuse,
    fuse_linear,
    inline,
    inline_functions,
    unwrap_partial,
)
from raskt.task_spec import Task, TaskRef


def inc(x):
    return x + 1


def check_same(graph, optimized, keys):
    keys = list(keys)
    expected = tuple(evaluate(graph, key) for key in keys)
    assert tuple(evaluate(optimized, key) for key in keys) == expected
    assert raskt.get(optimized, keys) == expected


def dependencies_of(graph):
    return {key: get_dependencies(graph, key) for key in graph}


def count_calls(graph):
    """Count how often each function is called when each task runs once."""
    found = Counter()
    for task in graph.values():
        parts = preorder_traversal([task])
        found.update(part for part in parts if part in (mix, stir))
    return found


def split_keys(data, graph):
    keys = data.draw(some_keys(graph))
    return cull(graph, keys)[0], keys


# --- properties -----------------------------------------------------------------


@given(graphs(), st.data())
def test_cull_keeps_what_is_needed_and_nothing_else(graph, data):
    keys = data.draw(some_keys(graph))
    culled, dependencies = cull(graph, keys)
    check_same(graph, culled, keys)
    assert culled.items() <= graph.items()
    used = set(keys).union(*dependencies.values())
    assert used == culled.keys() == dependencies.keys()
    assert {k: set(v) for k, v in dependencies.items()} == dependencies_of(culled)


@given(graphs(), st.data(), st.booleans())
def test_inline(graph, data, constants):
    keys = data.draw(some_keys(graph))
    inlined = inline(graph, keys, inline_constants=constants)
    assert inlined.keys() == graph.keys()
    check_same(graph, inlined, graph)
    for key in graph:
        assert get_dependencies(inlined, key).isdisjoint(keys)


@given(graphs(), st.data(), st.sampled_from([[mix], [stir], [mix, stir], []]))
def test_inline_functions(graph, data, fast):
    graph, keys = split_keys(data, graph)
    inlined = inline_functions(graph, keys, fast_functions=fast)
    check_same(graph, inlined, keys)
    used = set().union(*dependencies_of(graph).values())
    for key in used - set(keys):
        is_cheap = istask(graph[key]) and functions_of(graph[key]) <= set(fast)
        assert (key in inlined) != is_cheap


@given(graphs(), st.data(), st.booleans())
def test_fuse_linear(graph, data, rename):
    graph, keys = split_keys(data, graph)
    fused, dependencies = fuse_linear(graph, keys, rename_keys=rename)
    check_same(graph, fused, keys)
    assert dependencies == dependencies_of(fused)
    assert count_calls(fused) == count_calls(graph)


@given(
    graphs(max_size=25),
    st.data(),
    st.floats(1, 10),
    st.sampled_from([None, 1, 2, math.inf]),
    st.sampled_from([None, 1, 3]),
    st.booleans(),
)
def test_fuse(graph, data, ave_width, max_width, max_height, rename):
    graph, keys = split_keys(data, graph)
    fused, dependencies = fuse(
        graph,
        keys,
        ave_width=ave_width,
        max_width=max_width,
        max_height=max_height,
        rename_keys=rename,
    )
    check_same(graph, fused, keys)
    assert dependencies == dependencies_of(fused)
    # Nothing is computed twice that was computed once.
    assert count_calls(fused) == count_calls(graph)


@given(graphs(), st.data())
def test_one_after_the_other(graph, data):
    graph, keys = split_keys(data, graph)
    other = inline_functions(inline(graph), keys, [stir])
    fused, _ = fuse(cull(other, keys)[0], keys, ave_width=3)
    check_same(graph, fuse_linear(fused, keys)[0], keys)


def test_tuple_graphs_still_run_with_dask():
    dask = pytest.importorskip("dask")
    graph = {"a": 1, "b": (inc, "a"), "c": (inc, "b"), "d": (add, "c", "b")}
    for optimized in (
        cull(graph, "d")[0],
        inline(graph, ["b"]),
        inline_functions(graph, "d", [inc]),
        fuse(graph, "d", ave_width=3)[0],
        fuse_linear(graph, "d")[0],
    ):
        assert dask.get(optimized, "d") == 5


# --- cull and inline ------------------------------------------------------------


def test_cull_takes_keys_in_any_nesting():
    graph = {"x": 1, "y": (add, "x", "x"), "z": (inc, "x")}
    assert cull(graph, "y") == ({"x": 1, "y": graph["y"]}, {"x": [], "y": ["x", "x"]})
    assert cull(graph, [["y"], ["z"]]) == cull(graph, {"y", "z"})
    with pytest.raises(KeyError, match="nothing"):
        cull(graph, "nothing")


def test_cull_of_task_objects():
    graph = {"x": 1, "y": Task("y", inc, TaskRef("x")), "z": 2}
    culled, dependencies = cull(graph, "y")
    assert dependencies == {"x": [], "y": ["x"]}
    assert raskt.get(culled, "y") == 2


def test_constants_and_aliases_are_inlined():
    graph = {"a": 1, "b": "a", "c": ["b", 2], "d": (add, "a", (sum, "c"))}
    assert inline(graph) == {
        "a": 1,
        "b": 1,
        "c": [1, 2],
        "d": (add, 1, (sum, "c")),
    }
    assert inline(graph, "c")["d"] == (add, 1, (sum, [1, 2]))
    assert inline(graph, "c", inline_constants=False)["d"] == (
        add,
        "a",
        (sum, ["b", 2]),
    )


def test_cheap_functions():
    graph = {"x": 1, "y": (inc, "x"), "z": (sum, ["y", "y"])}
    assert inline_functions(graph, [], [inc]) == {
        "x": 1,
        "z": (sum, [(inc, "x"), (inc, "x")]),
    }
    assert inline_functions(graph, ["y"], [inc]) == graph
    assert inline_functions(graph, [], [sum]) == graph
    assert inline_functions(graph, []) is graph


def test_partials_are_as_cheap_as_their_function():
    graph = {"x": (partial(partial(add), 1), 2), "y": (inc, "x")}
    assert unwrap_partial(graph["x"][0]) is add
    assert inline_functions(graph, [], [add]) == {"y": (inc, graph["x"])}


def test_a_callable_that_cannot_be_hashed_is_not_cheap():
    class Callable:
        __hash__ = None

        def __call__(self, x):
            return x

    graph = {"x": (Callable(), 1), "y": (inc, "x"), "z": (inc, "y")}
    assert inline_functions(graph, [], [inc])["z"] == (inc, (inc, "x"))


def test_functions_of():
    task = (add, (inc, 1), [[(sum, ["x"])]], {"n": (abs, 1)}, max)
    assert functions_of(task) == {add, inc, sum, abs}
    assert functions_of(Task("x", add, Task(None, inc, 1), 2)) == {add, inc}
    assert functions_of(add) == functions_of(1) == set()


# --- fuse -----------------------------------------------------------------------


CHAIN = {"a": (add, "x", "y"), "b-1": (inc, "a"), "c-2": (inc, "b-1"), "x": 1, "y": 2}


def test_a_chain_becomes_one_task():
    task = (inc, (inc, (add, "x", "y")))
    for fusing in (fuse, fuse_linear):
        fused, dependencies = fusing(CHAIN, rename_keys=False)
        assert fused == {"c-2": task, "x": 1, "y": 2}
        assert dependencies["c-2"] == {"x", "y"}
        assert fusing(CHAIN)[0] == {"a-b-c-2": task, "c-2": "a-b-c-2", "x": 1, "y": 2}


def test_keys_that_must_stay():
    for fusing in (fuse, fuse_linear):
        fused, _ = fusing(CHAIN, ["b-1"], rename_keys=False)
        assert fused["c-2"] == (inc, "b-1")
        assert fused["b-1"] == (inc, (add, "x", "y"))


def test_names_are_given_by_a_function():
    calls = []
    fused, _ = fuse(CHAIN, rename_keys=lambda keys: calls.append(keys) or "new")
    assert calls == [["a", "b-1", "c-2"]]
    assert fused["c-2"] == "new"
    fused, _ = fuse_linear(CHAIN, rename_keys=lambda keys: calls.append(keys))
    assert calls[1] == ["c-2", "b-1", "a"]
    assert set(fused) == {"c-2", "x", "y"}


def test_a_name_that_is_taken_is_not_given():
    graph = {**CHAIN, "a-b-c-2": 7}
    for fusing in (fuse, fuse_linear):
        fused, _ = fusing(graph)
        check_same(graph, fused, ["a-b-c-2", "c-2"])


def test_names():
    assert default_fused_keys_renamer(["b-1", "a-2", "a-3", "c-4"]) == "a-b-c-4"
    assert default_fused_keys_renamer(["a", 5]) is None
    assert default_fused_linear_keys_renamer([("c-3", 1), "b-2", ("a-1", 0)]) == (
        "a-b-c-3",
        1,
    )
    long = [letter * 100 for letter in "abc"]
    short = default_fused_keys_renamer(long)
    assert len(short) <= 120
    assert short != default_fused_keys_renamer([*long[:2], "c" * 101])
    assert len(default_fused_keys_renamer(long, None)) == 302


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_reduction_is_fused_if_it_is_not_wider_than_allowed(width):
    graph = {"x": (inc, 0), **dict.fromkeys("abc", (add, "x", 1))}
    graph["sum"] = (sum, ["a", "b", "c"])
    fused, _ = fuse(graph, "sum", ave_width=width)
    check_same(graph, fused, ["sum"])
    assert ("a" in fused) == (width < 3)
    assert "a" in fuse(graph, "sum", ave_width=3, max_width=2)[0]


def test_options_are_the_defaults():
    graph = {"x": (inc, 0), "a": (inc, "x"), "b": (inc, "x"), "c": (add, "a", "b")}
    assert "a" in fuse(graph, "c")[0]
    with raskt.config.set({"optimization.fuse.ave-width": 2}):
        assert "a" not in fuse(graph, "c")[0]
        assert "a" in fuse(graph, "c", ave_width=1)[0]
        with raskt.config.set({"optimization.fuse.max-width": 1}):
            assert "a" in fuse(graph, "c")[0]
    with raskt.config.set({"optimization.fuse.rename-keys": False}):
        assert list(fuse(CHAIN)[0]) == list(fuse(CHAIN, rename_keys=False)[0])
    with raskt.config.set({"optimization.fuse.active": False}):
        assert fuse(graph, "c", {"c": ["a"]}) == (graph, {"c": ["a"]})


def test_what_is_used_twice_is_not_fused():
    graph = {"x": (inc, 0), "y": (add, "x", "x")}
    assert fuse(graph, dependencies={"x": set(), "y": {"x"}}, ave_width=9)[0] == graph
    assert fuse_linear(graph)[0] == graph


def test_arrays_stay_in_the_graph():
    np = pytest.importorskip("numpy")
    graph = {"x": np.arange(5), "y": (inc, "x")}
    assert fuse(graph, "y")[0] is not graph
    assert fuse(graph, "y")[0]["y"] == (inc, "x")


@pytest.mark.parametrize(
    "graph",
    [
        {"x": Task("x", inc, 0), "y": (inc, "x")},
        {"x": (inc, 0), "y": Task("y", inc, TaskRef("x"))},
        {"x": (inc, 0), "y": (sum, [1, Task(None, inc, TaskRef("x"))])},
    ],
)
def test_task_objects_stay_as_they_are(graph):
    assert fuse(graph, ave_width=9)[0] == graph
    assert fuse_linear(graph)[0] == graph
    assert inline_functions(graph, [], [inc]) == graph
    assert inline(graph, ["x"])["y"] in (graph["y"], (inc, (inc, 0)))


def test_a_long_chain_can_be_run():
    graph = {0: (inc, -1), **{i: (inc, i - 1) for i in range(1, 5_000)}}
    for fusing in (fuse, fuse_linear):
        fused, _ = fusing(graph)
        assert len(fused) < 100
        assert raskt.get(fused, 4_999) == 4_999
