"""Graphs that users write: dicts of tuples, of task objects, and of Dask's."""

from __future__ import annotations

import collections
import enum
import functools
import pickle
import threading
import types
from operator import add

import dask
import dask._task_spec as foreign
import numpy as np
import pytest
import raskt
from raskt.callbacks import Callback
from raskt.core import flatten
from raskt.local import get_sync
from raskt.task_spec import (
    Alias,
    Container,
    DataNode,
    Dict,
    List,
    Set,
    Task,
    TaskRef,
    Tuple,
    convert_legacy_graph,
)

LONG = 100_000


def inc(x):
    return x + 1


def given(*args, **kwargs):
    return (*args, kwargs) if kwargs else args


@pytest.fixture(params=["sync", "threads", "processes"])
def get(request):
    from raskt import multiprocessing

    gets = {"sync": get_sync, "threads": raskt.get, "processes": multiprocessing.get}
    return gets[request.param]


@pytest.fixture(params=["sync", "threads"])
def quick_get(request):
    return {"sync": get_sync, "threads": raskt.get}[request.param]


# --- what is asked for ------------------------------------------------------------


def test_keys_in_any_nesting(get):
    graph = {"x": 1, "y": (inc, "x"), ("z", 0): (add, "y", 10)}
    assert get(graph, "y") == 2
    assert get(graph, ("z", 0)) == 12
    assert get(graph, ["y"]) == (2,)
    assert get(graph, ["x", ["y", [("z", 0), "x"]], []]) == (1, (2, (12, 1)), ())
    assert get(graph, []) == ()


@pytest.mark.parametrize("wanted", ["z", ["x", ["z"]], ("x", 0), 0, {"a": 1}, None])
def test_what_is_not_there(wanted, quick_get):
    with pytest.raises(KeyError) as caught:
        quick_get({"x": 1}, wanted)
    assert caught.value.args[0] in flatten([wanted])


def test_only_what_is_needed_runs(quick_get):
    calls = []
    graph = {"a": (calls.append, 1), "b": (calls.append, 2), "c": (given, "b")}
    quick_get(graph, "c")
    assert calls == [2]


@pytest.mark.parametrize("wrong", [5, None, [("x", 1)], "x"])
def test_what_is_no_graph(wrong, quick_get):
    with pytest.raises(TypeError, match="expected a graph"):
        quick_get(wrong, "x")


class Graph(dict):
    pass


@pytest.mark.parametrize(
    "kind",
    [
        types.MappingProxyType,
        Graph,
        collections.OrderedDict,
        collections.ChainMap,
        functools.partial(collections.defaultdict, list),
    ],
)
def test_any_mapping_is_a_graph(kind, quick_get):
    graph = kind({"x": 1, "y": (inc, "x")})
    assert quick_get(graph, "y") == 2
    with pytest.raises(KeyError):
        quick_get(graph, "z")
    assert set(graph) == {"x", "y"}


# --- tuples -----------------------------------------------------------------------

VALUES = {
    "call": ((add, "x", 10), 11),
    "call without arguments": ((list,), []),
    "call in a call": ((add, (inc, "x"), (inc, (inc, "x"))), 5),
    "list of calls": ((sum, [(inc, "x"), "x", [0][0]]), 3),
    "nested lists": ((given, ["x", ["x", [2, ["t"]]]]), ([1, [1, [2, [(5, 6)]]]],)),
    "dict of keys": ((given, {"a": "x", "b": (inc, "x")}), ({"a": 1, "b": 2},)),
    "class": ((str, "x"), "1"),
    "partial": ((functools.partial(add, 5), "x"), 6),
    "lambda": ((lambda x: x * 3, "x"), 3),
    "builtin": ((divmod, 7, "x"), (7, 0)),
    "no key": ((given, "nowhere", ("z", 9), None), ("nowhere", ("z", 9), None)),
    "keys in tuples and sets": ((given, ("x", 9), {"x"}), ((1, 9), {1})),
    "unhashable": ((given, [[1]], {2: 3}, {4}), ([[1]], {2: 3}, {4})),
    "array": ((np.sum, np.ones(3)), np.float64(3.0)),
    "apply": ((given, *range(20)), tuple(range(20))),
    "literal": (7, 7),
    "None": (None, None),
    "empty tuple": ((), ()),
    "tuple without a callable": (("x", "y"), ("x", "y")),
    "list of keys": (["x", ["x", 3]], [1, [1, 3]]),
    "dict of values": ({"a": "x", "b": [(inc, "x")]}, {"a": 1, "b": [2]}),
    "function": (inc, inc),
    "text": ("not a key", "not a key"),
    "alias": ("x", 1),
    "own name": ("it", "it"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_a_graph(name, get):
    value, expected = VALUES[name]
    graph = {"x": 1, "t": (5, 6), "it": value}
    result = get(graph, "it")
    assert type(result) is type(expected) and result == expected


def test_literals_are_passed_as_they_are(quick_get):
    value = object()
    held = [value]
    assert quick_get({"x": held, "y": (given, held, value)}, "y")[0] is held
    assert quick_get({"x": value}, "x") is value


# --- keys -------------------------------------------------------------------------


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Name(str):
    pass


KEYS = [
    "text",
    "",
    "inc-0123456789abcdef0123456789abcdef",
    0,
    -5,
    10**30,
    1.5,
    float("inf"),
    b"bytes",
    None,
    ("x", 0),
    ("x", 0, -1),
    ("x", 10**30),
    ("x", "y"),
    ("x", ("y", 1.5)),
    ("x",),
    (1, 2),
    frozenset({1}),
    Color.RED,
    Name("subclass"),
    np.int64(3),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_keys_of_all_kinds(key, get):
    graph = {key: (inc, 0.5), "next": (inc, key), "alias": key, "list": [key]}
    assert get(graph, [key, "next", "alias", "list"]) == (1.5, 2.5, 1.5, [1.5])


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_keys_of_all_kinds_in_task_objects(key, get):
    graph = {key: Task(key, inc, 0), "next": Task("next", inc, TaskRef(key))}
    assert get(graph, [key, "next"]) == (1, 2)


def test_keys_that_look_alike_are_different(get):
    keys = ["1", 1, 1.5, "1.5", b"1", ("1",), (1,), ("x", 1), ("x", "1"), "('x', 1)"]
    graph = {key: (given, f"value {i}") for i, key in enumerate(keys)}
    graph["all"] = (given, *keys)
    expected = tuple((f"value {i}",) for i in range(len(keys)))
    assert get(graph, keys) == expected
    assert get(graph, "all") == expected
    with Callback(pretask=lambda *args: None):
        assert get(graph, "all") == expected


def test_keys_that_are_equal_are_one(quick_get):
    graph = {1: (inc, 0), "y": (inc, 1.0)}
    assert quick_get(graph, [1.0, True, "y"]) == (1, 1, 2)
    assert quick_get({Name("x"): 1, "y": (inc, "x")}, Name("y")) == 2


def test_callbacks_see_the_keys(quick_get):
    seen = []
    keys = [key for key in KEYS if type(key) in (str, int, bytes, tuple) or key is None]
    graph = {key: (given, i) for i, key in enumerate(keys)}
    with Callback(pretask=lambda key, graph, state: seen.append(key)):
        quick_get(graph, keys)
    assert set(seen) == set(keys) and len(seen) == len(keys)
    assert {type(key) for key in seen} == {type(key) for key in keys}


# --- aliases and cycles -----------------------------------------------------------


def test_aliases(get):
    graph = {"x": (inc, 0), "y": "x", "z": "y", "sum": (add, "y", "z")}
    assert get(graph, ["x", "y", "z", "sum"]) == (1, 1, 1, 2)


def test_long_chains_of_aliases(quick_get):
    graph = {0: (inc, -1), **{i: i - 1 for i in range(1, LONG)}}
    assert quick_get(graph, LONG - 1) == 0


CYCLES = {
    "two": ({"a": (inc, "b"), "b": (inc, "a")}, "'a'->'b'->'a'"),
    "one": ({"a": (inc, "a")}, "'a'->'a'"),
    "aliases": ({"a": "b", "b": "a"}, "'a'->'b'->'a'"),
    "in lists": ({"a": (sum, [["b"]]), "b": ["a"]}, "'a'->'b'->'a'"),
    "further down": ({"a": (inc, "b"), "b": (inc, 3), 3: (inc, "b")}, "'b'->3->'b'"),
    "objects": (
        {"a": Task("a", inc, TaskRef("b")), "b": Alias("b", "a")},
        "'a'->'b'->'a'",
    ),
}


@pytest.mark.parametrize("name", CYCLES)
def test_cycles_are_shown(name, quick_get):
    graph, shown = CYCLES[name]
    with pytest.raises(RuntimeError, match="Cycle") as caught:
        quick_get(graph, "a")
    assert shown in str(caught.value)


def test_cycles_that_are_not_needed_do_no_harm(quick_get):
    assert quick_get({"a": (inc, "b"), "b": (inc, "a"), "c": 1}, "c") == 1


def test_long_cycles_are_shown_in_part(quick_get):
    graph = {i: (inc, (i + 1) % LONG) for i in range(LONG)}
    with pytest.raises(RuntimeError, match=r"0->1->2->.*more.*->0") as caught:
        quick_get(graph, 0)
    assert len(str(caught.value)) < 1000


# --- task objects -----------------------------------------------------------------

NODES = {
    "task": (Task("it", add, TaskRef("x"), 10), 11),
    "keywords": (
        Task("it", given, 1, key=TaskRef("x"), func=2),
        (1, {"key": 1, "func": 2}),
    ),
    "list": (Task("it", given, List(TaskRef("x"), [2])), ([1, [2]],)),
    "tuple": (Task("it", given, Tuple(TaskRef("x"), 2)), ((1, 2),)),
    "set": (Task("it", given, Set(TaskRef("x"), 2)), ({1, 2},)),
    "dict": (Task("it", given, Dict({"a": TaskRef("x")}, b=2)), ({"a": 1, "b": 2},)),
    "dict of pairs": (Task("it", given, Dict([(TaskRef("x"), 2)])), ({1: 2},)),
    "container in container": (
        List(Tuple(TaskRef("x")), Dict(a=List())),
        [(1,), {"a": []}],
    ),
    "task in task": (Task("it", add, Task(None, inc, TaskRef("x")), 1), 3),
    "text is no reference": (Task("it", given, "x", ["x"]), ("x", ["x"])),
    "data": (DataNode("it", "x"), "x"),
    "data that looks like a task": (DataNode("it", (inc, 1)), (inc, 1)),
    "alias": (Alias("it", "x"), 1),
}


@pytest.mark.parametrize("name", NODES)
def test_task_objects(name, get):
    node, expected = NODES[name]
    graph = {"x": DataNode("x", 1), "it": node}
    result = get(graph, "it")
    assert type(result) is type(expected) and result == expected
    assert get(pickle.loads(pickle.dumps(graph)), "it") == expected
    # A node can also be called with what it needs.
    assert node({"x": 1}) == expected


def test_task_objects_tell_what_they_need():
    task = Task(
        "y", given, TaskRef("a"), List(TaskRef("b"), "c"), k=Dict(d=TaskRef("d"))
    )
    assert task.dependencies == {"a", "b", "d"}
    assert Task("y", inc, Task(None, inc, TaskRef("a"))).dependencies == {"a"}
    assert Alias("y", "x").dependencies == {"x"}
    assert DataNode("y", 1).dependencies == set()
    assert task.key == "y" and task.func is given
    assert task.ref() == TaskRef("y") and hash(task.ref()) == hash(TaskRef("y"))
    assert "given" in repr(task)


@pytest.mark.parametrize("wrong", [5, None, "inc", [inc]])
def test_a_task_calls_what_can_be_called(wrong):
    with pytest.raises(TypeError, match="task y calls .*, which is not callable"):
        Task("y", wrong, 1)


@pytest.mark.parametrize(
    "node", [Task("y", inc, TaskRef("x")), Alias("y", "x"), List(TaskRef("x"))]
)
def test_references_that_lead_nowhere(node, quick_get):
    with pytest.raises(KeyError, match="x"):
        quick_get({"y": node}, "y")
    with pytest.raises(KeyError, match="x"):
        node({})


def test_a_container_of_no_known_kind(quick_get):
    with pytest.raises(TypeError, match="no container is called bag"):
        quick_get({"x": Container("bag", (1,))}, "x")


def test_tuples_and_objects_in_one_graph(get):
    graph = {
        "a": (inc, 0),
        "b": Task("b", inc, TaskRef("a")),
        "c": (add, "a", "b"),
        "d": Alias("d", "c"),
        "e": (sum, ["b", "d"]),
    }
    assert get(graph, "e") == 5
    assert get(convert_legacy_graph(graph), list(graph)) == (1, 2, 3, 3, 5)


def test_lazy_values_in_graphs(quick_get):
    lazy = raskt.delayed(inc)(1)
    assert quick_get({"x": lazy, "y": (inc, "x")}, ["x", "y"]) == (2, 3)


# --- Dask's task objects ----------------------------------------------------------


def test_task_objects_of_dask(get):
    ref = foreign.TaskRef
    graph = {
        "x": foreign.DataNode("x", 1),
        "y": foreign.Task("y", add, ref("x"), 10),
        "alias": foreign.Alias("alias", "y"),
        "keywords": foreign.Task("keywords", given, ref("x"), a=ref("y"), b=[1]),
        "list": foreign.List(ref("x"), foreign.Tuple(ref("y"), 2)),
        "dict": foreign.Dict({"a": ref("x"), "b": foreign.Set(ref("y"))}),
        "nested": foreign.Task("nested", add, foreign.Task(None, inc, ref("x")), 1),
        "tuple": (add, "x", "y"),
        "ours": Task("ours", inc, TaskRef("alias")),
    }
    expected = {
        "x": 1,
        "y": 11,
        "alias": 11,
        "keywords": (1, {"a": 11, "b": [1]}),
        "list": [1, (11, 2)],
        "dict": {"a": 1, "b": {11}},
        "nested": 3,
        "tuple": 12,
        "ours": 12,
    }
    assert dict(zip(graph, get(graph, list(graph)))) == expected


def test_fused_tasks_of_dask(get):
    first = foreign.Task("a", inc, 1)
    second = foreign.Task("b", inc, first.ref())
    third = foreign.Task("c", inc, second.ref())
    assert get({"c": foreign.Task.fuse(first, second, third)}, "c") == 4


def test_references_of_dask_that_lead_nowhere(quick_get):
    with pytest.raises(KeyError, match="nowhere"):
        quick_get({"x": foreign.Task("x", inc, foreign.TaskRef("nowhere"))}, "x")


def test_whole_graphs_of_dask(get):
    array = dask.delayed(np.arange)(4)
    total = dask.delayed(sum)([array[i] * dask.delayed(inc)(i) for i in range(4)])
    assert get(total.dask, total.key) == sum(i * (i + 1) for i in range(4))


# --- size -------------------------------------------------------------------------


@pytest.mark.parametrize("key", [int, str, lambda i: ("x", i)])
def test_long_chains(key, quick_get):
    graph = {key(i): (inc, key(i - 1)) for i in range(1, LONG)}
    graph[key(0)] = (inc, -1)
    assert quick_get(graph, key(LONG - 1)) == LONG - 1


def test_long_chains_of_task_objects(quick_get):
    graph = {i: Task(i, inc, TaskRef(i - 1)) for i in range(1, LONG)}
    graph[0] = DataNode(0, 1)
    assert quick_get(graph, LONG - 1) == LONG


def test_wide_graphs(quick_get):
    graph = {i: (inc, i + 0.5) for i in range(LONG)}
    graph["sum"] = (sum, list(range(LONG)))
    assert quick_get(graph, "sum") == sum(i + 1.5 for i in range(LONG))


def test_deeply_nested_calls(quick_get):
    call = 0
    for _ in range(500):
        call = (inc, call)
    assert quick_get({"x": call}, "x") == 500


def test_every_task_runs_once(quick_get):
    lock, calls = threading.Lock(), collections.Counter()

    def noted(key, *args):
        with lock:
            calls[key] += 1
        return key

    rows, columns = 20, 20
    graph = {
        (row, column): (
            noted,
            -row * columns - column,
            *[(row - 1, c) for c in range(columns)],
        )
        for row in range(rows)
        for column in range(columns)
    }
    graph.update({(-1, column): 0 for column in range(columns)})
    quick_get(graph, [(rows - 1, column) for column in range(columns)])
    assert set(calls.values()) == {1} and len(calls) == rows * columns
