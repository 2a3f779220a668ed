"""What is a task, what depends on what, in which order."""

from __future__ import annotations

import pickle
from collections import namedtuple
from operator import add

import pytest
import raskt
from graph_helpers import evaluate, graphs
from hypothesis import given
from raskt import core
from raskt.task_spec import Alias, DataNode, List, Task, TaskRef

LONG = 20_000


def long_chain():
    return {0: -1, **{i: (abs, i - 1) for i in range(1, LONG)}}


# --- tasks ----------------------------------------------------------------------


def test_tasks_are_tuples_that_begin_with_a_callable():
    point = namedtuple("point", "x y")
    assert core.istask((add, 1, 2))
    assert core.istask((add,))
    for other in (1, (), (1, 2), [add, 1], add, "add", None, point(add, 1)):
        assert core.istask(other) is False


def test_task_objects_are_tasks_and_values_are_not():
    assert core.istask(Task("y", add, TaskRef("x"), 1))
    assert core.istask(Alias("y", "x"))
    assert core.istask(List(TaskRef("x")))
    assert not core.istask(DataNode("x", 1))
    assert not core.istask(TaskRef("x"))


def test_tasks_of_dask_are_tasks():
    spec = pytest.importorskip("dask._task_spec")
    assert core.istask(spec.Task("y", add, spec.TaskRef("x"), 1))
    assert core.istask(spec.List(spec.TaskRef("x")))
    assert not core.istask(spec.DataNode("x", 1))


def test_has_tasks():
    graph = {"x": 1}
    assert core.has_tasks(graph, "x")
    assert core.has_tasks(graph, [[(add, 1, 2)]])
    assert core.has_tasks(graph, TaskRef("x"))
    assert not core.has_tasks(graph, ["y", {}, {1}, add])


# --- keys -----------------------------------------------------------------------


@pytest.mark.parametrize("key", ["x", 1, 2.5, ("x", 0, (1.5, "y")), ()])
def test_keys(key):
    assert core.iskey(key)
    core.validate_key(key)


@pytest.mark.parametrize("key", [None, True, b"x", ["x"], {"x"}, object(), add])
def test_what_is_no_key(key):
    assert not core.iskey(key)
    with pytest.raises(TypeError, match=f"Unexpected key type .*{type(key).__name__}"):
        core.validate_key(key)


def test_the_part_of_a_tuple_that_is_no_key_is_named():
    with pytest.raises(TypeError, match="unexpected key type at index=1"):
        core.validate_key(("x", int, 2))
    with pytest.raises(TypeError, match="unexpected key type at index=2"):
        core.validate_key(("x", 1, (2, None)))


def test_numpy_numbers_are_no_keys():
    np = pytest.importorskip("numpy")
    assert not core.iskey(np.int64(1))
    assert not core.iskey(np.float64(1))


# --- dependencies ---------------------------------------------------------------


GRAPH = {
    "a": [1, 2],
    "b": "a",
    "c": [1, (add, 1, 2)],
    "d": [(sum, "c"), {"n": "b"}],
    "e": (add, (add, [["a"]], "b"), ["zzz", "a"]),
    "f": Task("f", max, TaskRef("a"), List(TaskRef("b"), 1), other=TaskRef("zzz")),
    "g": (max, TaskRef("f"), Task(None, min, TaskRef("e"))),
    "h": Alias("h", "g"),
    "i": DataNode("i", "a"),
}


def test_dependencies():
    dependencies, dependents = core.get_deps(GRAPH)
    assert dependencies == {
        "a": set(),
        "b": {"a"},
        "c": set(),
        "d": {"b", "c"},
        "e": {"a", "b"},
        "f": {"a", "b"},
        "g": {"e", "f"},
        "h": {"g"},
        "i": set(),
    }
    assert dependents["a"] == {"b", "e", "f"}
    assert dependents["h"] == set()


def test_dependencies_are_counted_in_a_list():
    needs = core.get_dependencies(GRAPH, "e", as_list=True)
    assert sorted(needs) == ["a", "a", "b"]


def test_dependencies_of_a_task_without_a_key():
    assert core.get_dependencies(GRAPH, task=(add, "a", ["b"])) == {"a", "b"}
    assert core.get_dependencies(GRAPH, task=None) == set()
    with pytest.raises(ValueError, match="which task"):
        core.get_dependencies(GRAPH)


def test_dependencies_in_objects_of_dask():
    spec = pytest.importorskip("dask._task_spec")
    graph = {"x": 1, "y": spec.Task("y", add, spec.TaskRef("x"), spec.TaskRef("zzz"))}
    assert core.get_dependencies(graph, "y") == {"x"}
    assert core.get_dependencies(graph, task=(add, spec.TaskRef("x"))) == {"x"}


def test_values_are_not_compared_with_keys():
    class Unfriendly:
        def __eq__(self, other):
            raise AssertionError("compared")

        __hash__ = None

    task = (add, Unfriendly(), "x")
    assert core.keys_in_tasks({"x"}, [task]) == {"x"}
    assert core.subs(task, "x", 1)[2] == 1
    assert core.subs(task[1], "x", 1) is task[1]


def test_reverse_dict():
    assert core.reverse_dict({"a": ["b", "c"], "b": {"c"}}) == {
        "a": set(),
        "b": {"a"},
        "c": {"a", "b"},
    }


# --- order and cycles -----------------------------------------------------------


@given(graphs())
def test_toposort_gives_every_key_after_what_it_needs(graph):
    place = {key: i for i, key in enumerate(core.toposort(graph))}
    assert place.keys() == graph.keys()
    for key in graph:
        for other in core.get_dependencies(graph, key):
            assert place[other] < place[key]


def test_given_dependencies_are_believed():
    assert core.toposort({"x": 1, "y": 2}, {"x": ["y"], "y": ["out"]}) == ["y", "x"]


@pytest.mark.parametrize(
    "graph",
    [
        {"x": (abs, "x")},
        {"x": (abs, "y"), "y": [["x"]]},
        {"a": 1, "x": (add, "a", "z"), "y": (abs, "x"), "z": (abs, "y")},
        {"x": Task("x", abs, TaskRef("y")), "y": Alias("y", "x")},
    ],
)
def test_cycles(graph):
    cycle = core.getcycle(graph, list(graph))
    assert cycle[0] == cycle[-1]
    for key, other in zip(cycle, cycle[1:], strict=False):
        assert other in core.get_dependencies(graph, key)
    assert not core.isdag(graph, list(graph))
    with pytest.raises(RuntimeError, match="Cycle detected"):
        core.toposort(graph)


def test_only_cycles_that_keys_need_count():
    graph = {"a": 1, "x": (abs, "x"), "y": (abs, "a")}
    assert core.isdag(graph, "y")
    assert core.isdag(graph, ["a", ["y"]])
    assert not core.isdag(graph, {"a", "x"})


def test_a_detour_is_cut_out_of_a_cycle():
    graph = {f"x{i}": (abs, f"x{i + 1}") for i in range(9)} | {"x9": (abs, "x0")}
    graph["x1"] = (max, "x2", "x0")
    assert core.getcycle(graph, "x0") == ["x0", "x1", "x0"]


def test_nothing_recurses_along_a_chain():
    chain = long_chain()
    assert core.toposort(chain) == list(range(LONG))
    assert core.isdag(chain, LONG - 1)
    chain[0] = (abs, LONG - 1)
    assert len(core.getcycle(chain, 5)) == LONG + 1


# --- changing tasks -------------------------------------------------------------


def test_subs():
    assert core.subs((sum, [1, ["x"]]), "x", 2) == (sum, [1, [2]])
    assert core.subs((abs, ("x", 0)), ("x", 0), (add, 1, 2)) == (abs, (add, 1, 2))
    assert core.subs("x", "x", 3) == 3
    assert core.subs(("x", 0), "x", 3) == ("x", 0)
    assert core.subs((max, {"n": "x"}), "x", 3) == (max, {"n": 3})


def test_subs_leaves_task_objects():
    task = Task("y", add, TaskRef("x"), 1)
    assert core.subs((abs, task), "x", 2)[1] is task


def test_preorder_traversal():
    task = (add, (sum, [1, (abs, 2)]), ("x", 0))
    parts = [add, sum, list, 1, abs, 2, ("x", 0)]
    assert list(core.preorder_traversal(task)) == parts


@pytest.mark.parametrize(
    "value", [(add, 1, 2), ["x"], {"x": "x"}, [(add, 1, 2)], {"n": [(abs, "x")]}]
)
@pytest.mark.parametrize("get", [core.get, raskt.get])
def test_a_quoted_value_stays_as_it_is(value, get):
    graph = {"x": 1, "y": core.quote(value), "z": (list, [core.quote(value)])}
    assert get(graph, "y") == value
    assert get(graph, "z") == [value]
    assert core.unquote(core.quote(value)) == value


def test_what_needs_no_quotes():
    for value in (1, "x", (1, 2), {3}, None):
        assert core.quote(value) == value
        assert core.unquote(value) == value


def test_literals_can_be_pickled():
    literal = pickle.loads(pickle.dumps(core.literal((add, 1, 2))))
    assert literal() == literal.data == (add, 1, 2)
    assert repr(literal) == "literal<type=tuple>"


def test_flatten():
    assert list(core.flatten([1, [2, [3, (4, [5])]], {"x": 6}])) == [
        1,
        2,
        3,
        (4, [5]),
        {"x": 6},
    ]
    assert list(core.flatten("text")) == ["text"]
    assert list(core.flatten(())) == []
    assert list(core.flatten([(1, [2])], container=(list, tuple))) == [1, 2]


# --- get ------------------------------------------------------------------------


@given(graphs())
def test_get_computes_what_the_definition_says(graph):
    keys = list(graph)
    expected = tuple(evaluate(graph, key) for key in keys)
    assert core.get(graph, keys) == expected
    assert core.get(graph, keys[0]) == expected[0]


def test_get_nested_keys_and_missing_ones():
    graph = {"x": 1, "y": (add, "x", 1)}
    assert core.get(graph, ["x", ["y", ["x"]]]) == (1, (2, (1,)))
    with pytest.raises(KeyError, match="nothing"):
        core.get(graph, "nothing")


def test_get_takes_what_is_missing_from_a_cache():
    cache = {"w": (abs, -5), "x": 5}
    graph = {"x": (abs, -1), "y": (add, "x", 1), "z": (list, ["w"])}
    assert core.get(graph, ["y", ["z"]], cache) == (2, ([(abs, -5)],))
    assert cache == {"w": (abs, -5), "x": 5, "y": 2, "z": [(abs, -5)]}
