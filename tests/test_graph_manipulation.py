"""Parts of graphs that wait for others, or run once more."""

from __future__ import annotations

import threading
from operator import add

import pytest
import raskt
from graph_helpers import evaluate, graphs, some_keys
from hypothesis import given
from hypothesis import strategies as st
from raskt import delayed
from raskt.base import DaskMethodsMixin, clone_key, replace_name_in_key
from raskt.core import get_dependencies
from raskt.graph_manipulation import bind, checkpoint, chunks, clone, wait_on
from raskt.highlevelgraph import HighLevelGraph
from raskt.task_spec import Alias, DataNode, Dict, List, Task, TaskRef
from raskt.threaded import get


class Several(DaskMethodsMixin):
    """A collection of several keys, which computes to a tuple."""

    __dask_scheduler__ = staticmethod(get)
    __dask_optimize__ = None

    def __init__(self, graph, keys):
        self.graph = graph
        self.keys = keys

    def __dask_graph__(self):
        return self.graph

    def __dask_keys__(self):
        return self.keys

    def __dask_tokenize__(self):
        return self.keys

    def __dask_postcompute__(self):
        return tuple, ()

    def __dask_postpersist__(self):
        return Several.rebuild, (self.keys,)

    @staticmethod
    def rebuild(graph, keys, *, rename=None):
        return Several(graph, [replace_name_in_key(key, rename or {}) for key in keys])


class Log:
    """Writes down what ran, in order."""

    def __init__(self):
        self.entries = []
        self._lock = threading.Lock()

    def note(self, name, *args):
        with self._lock:
            self.entries.append(name)
        return name

    def after(self, first, then):
        last = max(i for i, entry in enumerate(self.entries) if entry in first)
        return all(self.entries.index(entry) > last for entry in then)


@pytest.fixture
def log():
    return Log()


def several(log, name, n=4):
    graph = {(f"{name}-1", i): (log.note, f"{name}{i}") for i in range(n)}
    return Several(graph, list(graph))


def lazy(log, name, *args):
    return delayed(log.note)(name, *args, dask_key_name=name)


def names(collection):
    return set(collection.__dask_graph__())


def random_graphs():
    """Make graphs whose keys are all the name of a collection or a part of one."""

    def with_names(graph):
        names = {
            key: key if isinstance(key, (str, tuple)) else f"n-{key}" for key in graph
        }
        return {names[k]: renamed(v, names) for k, v in graph.items()}

    def renamed(item, names):
        if type(item) is list:
            return [renamed(part, names) for part in item]
        if type(item) is tuple and item and callable(item[0]):
            return (item[0], *[renamed(part, names) for part in item[1:]])
        return names.get(item, item)

    return graphs().map(with_names)


# --- clone ----------------------------------------------------------------------


@given(random_graphs(), st.data())
def test_a_clone_computes_the_same_with_other_keys(graph, data):
    keys = data.draw(some_keys(graph))
    original = Several(graph, keys)
    expected = tuple(evaluate(graph, key) for key in keys)
    again = clone(original, seed=1)
    assert not names(again) & graph.keys()
    assert len(again.keys) == len(keys)
    assert raskt.compute(original, again, scheduler="sync") == (expected, expected)


@given(random_graphs(), st.data())
def test_what_is_omitted_keeps_its_keys(graph, data):
    keys = data.draw(some_keys(graph))
    omitted = Several(graph, data.draw(some_keys(graph)))
    part = {}
    todo = list(omitted.keys)
    while todo:
        key = todo.pop()
        part[key] = graph[key]
        todo.extend(get_dependencies(graph, key) - part.keys())
    omitted = Several(part, omitted.keys)
    original = Several(graph, keys)
    again = clone(original, omit=omitted, seed=1)
    if part.keys() >= set(keys):
        assert again is original
    else:
        assert names(again) & graph.keys() <= part.keys()
    expected = tuple(evaluate(graph, key) for key in keys)
    assert again.compute(scheduler="sync") == expected


@given(random_graphs(), st.data())
def test_what_is_bound_or_waits_computes_the_same(graph, data):
    keys = data.draw(some_keys(graph))
    original = Several(graph, keys)
    expected = tuple(evaluate(graph, key) for key in keys)
    parent = delayed(1) + 1
    assert bind(original, parent).compute(scheduler="sync") == expected
    assert bind(original, original).compute(scheduler="sync") == expected
    assert wait_on(original).compute(scheduler="sync") == expected
    assert checkpoint(original, split_every=2).compute(scheduler="sync") is None


def test_new_keys_follow_from_the_seed():
    total = delayed(add)(
        delayed(add)(1, 2, dask_key_name="x-1"), 3, dask_key_name="y-2"
    )
    first = clone(total, seed=1)
    assert names(first) == names(clone(total, seed=1))
    assert first.key == clone_key("y-2", 1)
    for other in (clone(total, seed=2), clone(total), clone(first, seed=1)):
        assert not names(other) & (names(first) | names(total))
    assert not names(clone(total)) & names(clone(total))


def test_a_clone_runs_once_more(log):
    shared = lazy(log, "shared")
    total = lazy(log, "total", shared)
    raskt.compute(total, clone(total))
    assert sorted(log.entries) == ["shared", "shared", "total", "total"]
    log.entries.clear()
    raskt.compute(total, clone(total, omit=shared))
    assert sorted(log.entries) == ["shared", "total", "total"]


def test_structures_come_back_as_they_were():
    x, y = delayed(1), delayed(2)
    assert raskt.compute(clone({"x": [x]}, 5, (y,))) == (({"x": [1]}, 5, (2,)),)
    assert clone(x, omit={"any": [x, y]}) is x
    assert clone() == wait_on() == ()
    assert clone(3) == wait_on(3) == bind(3, x) == 3
    assert clone(3, 4) == wait_on(3, 4) == (3, 4)


def test_parts_of_a_collection_may_be_omitted():
    graph = {("x", 0): (add, 1, 2), ("x", 1): (add, ("x", 0), 3)}
    again = clone(Several(graph, list(graph)), omit=Several(graph, [("x", 0)]))
    assert again.compute() == (3, 6)
    part = {("x", 0): graph["x", 0]}
    again = clone(Several(graph, list(graph)), omit=Several(part, list(part)))
    assert again.compute() == (3, 6)
    assert ("x", 0) in names(again)
    assert ("x", 1) not in names(again)


def test_keys_without_a_name_are_renamed_as_well():
    graph = {5: (add, 1, 2), (1.5, "x", ()): (add, 5, 1), "y": (add, (1.5, "x", ()), 5)}
    again = clone(Several(graph, ["y"]), seed=1)
    assert again.compute() == (7,)
    assert not names(again) & graph.keys()
    with pytest.raises(TypeError, match="str or a tuple starting with str"):
        clone(Several(graph, [5]))


def test_task_objects():
    graph = {
        "x": DataNode("x", "y"),
        "y": Task("y", "{}-{}".format, TaskRef("x"), 1),
        "z": Alias("z", "y"),
        "w": List(TaskRef("z"), Dict({"n": TaskRef("y")})),
        "v": Task("v", dict, parts=List(TaskRef("w"), Task(None, str, TaskRef("x")))),
    }
    expected = ({"parts": [["y-1", {"n": "y-1"}], "y"]},)
    original = Several(graph, ["v"])
    again = clone(original)
    assert not names(again) & graph.keys()
    assert again.compute() == expected
    assert bind(original, delayed(1)).compute() == expected
    for key in graph:
        part = bind(Several(graph, [key]), delayed(1))
        assert part.compute() == Several(graph, [key]).compute()


def test_task_objects_of_dask():
    spec = pytest.importorskip("dask._task_spec")
    graph = {
        "x": spec.DataNode("x", 1),
        "y": spec.Task("y", add, spec.TaskRef("x"), 1),
        "z": spec.Alias("z", "y"),
        "w": spec.List(spec.TaskRef("z"), spec.TaskRef("y")),
        "v": (sum, [spec.Task(None, add, spec.TaskRef("y"), 5), "z"]),
    }
    for key, expected in {"x": 1, "y": 2, "z": 2, "w": [2, 2], "v": 9}.items():
        original = Several(graph, [key])
        again = clone(original)
        assert not names(again) & graph.keys()
        assert again.compute() == (expected,)
        assert bind(original, delayed(1)).compute() == (expected,)


def test_collections_of_dask():
    dask = pytest.importorskip("dask")
    original = dask.delayed(add)(dask.delayed(add)(1, 2), 3)
    for made in (clone(original), wait_on(original), bind(original, delayed(1))):
        assert type(made) is type(original)
        assert raskt.compute(made, scheduler="sync") == (6,)
    # Without tasks of ours in it, Dask computes it, too.
    assert clone(original).compute(scheduler="sync") == 6
    assert wait_on(original).compute(scheduler="sync") == 6


def test_graphs_in_layers():
    graph = HighLevelGraph(
        {"a": {("a", 0): 1, ("a", 1): 2}, "b": {"b": (add, ("a", 0), ("a", 1))}},
        {"a": set(), "b": {"a"}},
    )
    again = clone(Several(graph, ["b"]))
    assert again.compute() == (3,)
    assert not names(again) & set(graph)


# --- bind -----------------------------------------------------------------------


def test_children_wait_for_parents(log):
    parents = several(log, "parent")
    child = lazy(log, "end", lazy(log, "begin"))
    assert bind(child, parents).compute() == "end"
    assert log.entries[-2:] == ["begin", "end"]
    assert len(log.entries) == 6


def test_parents_are_not_computed_again_for_themselves(log):
    first = lazy(log, "first")
    second = lazy(log, "second", first)
    bind(second, first).compute()
    assert log.entries == ["first", "first", "second"]
    log.entries.clear()
    bind(second, first, omit=first).compute()
    assert log.entries == ["first", "second"]


def test_what_is_above_the_omitted_waits(log):
    base = lazy(log, "base")
    child = lazy(log, "child", base)
    parents = several(log, "parent")
    bind(child, parents, omit=base).compute()
    assert log.after([f"parent{i}" for i in range(4)], ["child"])
    assert sorted(log.entries).count("base") == 1


def test_what_waits_calls_bind():
    child = Several({"x": (add, 1, 2), "y": "x"}, ["y"])
    graph = bind(child, delayed(1), seed=1).__dask_graph__()
    assert graph[clone_key("x", 1)][0] is chunks.bind
    assert graph[clone_key("y", 1)] == clone_key("x", 1)


def test_children_and_parents_in_structures(log):
    children = {"some": several(log, "child")}
    parents = [lazy(log, "one"), (several(log, "two"),)]
    (made,) = raskt.compute(bind(children, parents))
    assert made == {"some": ("child0", "child1", "child2", "child3")}
    assert log.after(["one", "two0", "two3"], [f"child{i}" for i in range(4)])


def test_without_parents_children_are_cloned():
    child = delayed(add)(1, 2)
    made = bind(child, [1, "nothing lazy"])
    assert made.compute() == 3
    assert len(made.dask) == len(child.dask)


def test_lazy_values_keep_their_length():
    pair = delayed(lambda: (1, 2), nout=2)()
    for made in (clone(pair), wait_on(pair), bind(pair, delayed(1))):
        first, second = made
        assert raskt.compute(first, second) == (1, 2)


def test_a_long_chain():
    value = delayed(0)
    for _ in range(20_000):
        value = value + 1
    assert clone(value).compute() == 20_000
    assert bind(value, delayed(1)).compute() == 20_000


# --- checkpoint and wait_on -----------------------------------------------------


def test_a_checkpoint_computes_everything(log):
    lazy_value = lazy(log, "value")
    made = checkpoint(several(log, "a"), {"x": [lazy_value, 5]}, several(log, "b", 1))
    assert made.compute() is None
    assert sorted(log.entries) == ["a0", "a1", "a2", "a3", "b0", "value"]
    assert checkpoint().compute() is None
    assert checkpoint(1, "nothing lazy").compute() is None


def test_a_checkpoint_has_the_same_key_for_the_same_parts(log):
    a, b = several(log, "a"), several(log, "b")
    assert checkpoint(a, b).key == checkpoint(a, b).key
    others = {checkpoint(a).key, checkpoint(b).key, checkpoint(a, b, split_every=2).key}
    assert len(others | {checkpoint(a, b).key}) == 4


def test_nothing_is_used_before_everything_is_computed(log):
    parts = several(log, "part")
    waits = wait_on(parts)
    used = [delayed(lambda x: log.note(f"use-{x}"))(part) for part in _parts(waits)]
    raskt.compute(*used)
    all_parts = [f"part{i}" for i in range(4)]
    assert log.after(all_parts, [f"use-{part}" for part in all_parts])
    assert len(log.entries) == 8


def _parts(collection):
    from raskt import _native

    return _native.from_graph(collection.__dask_graph__(), collection.__dask_keys__())


def test_several_wait_for_each_other(log):
    one, many = wait_on(lazy(log, "one"), {"many": several(log, "many")})
    uses = lazy(log, "use", one)
    assert raskt.compute(uses, many) == (
        "use",
        {"many": ("many0", "many1", "many2", "many3")},
    )
    assert log.after(["one", "many0", "many1", "many2", "many3"], ["use"])


@pytest.mark.parametrize(
    "split_every, tasks",
    [(2, 299), (3, 250), (8, 215), (None, 215), (8.9, 215), (1e9, 201), (False, 201)],
)
def test_how_many_parts_one_task_waits_for(split_every, tasks):
    graph = {("a", i): (add, 1, 1) for i in range(100)}
    parts = Several(graph, list(graph))
    made = checkpoint(parts, split_every=split_every)
    assert len(made.dask) == tasks
    assert made.compute() is None
    most = max(len(get_dependencies(made.dask, key)) for key in made.dask)
    assert most == (100 if tasks == 201 else int(split_every or 8))
    assert len(names(wait_on(parts, split_every=split_every))) == tasks + 100
    child = Several({"b": 1, "c": 2}, ["b", "c"])
    bound = bind(child, parts, split_every=split_every)
    assert len(names(bound)) == tasks + 2
    assert bound.compute() == (1, 2)


@pytest.mark.parametrize("split_every", [1, 1.9, 0, -2, True])
def test_one_task_must_wait_for_two_at_least(split_every):
    for call in (checkpoint, wait_on, lambda x, **kw: bind(x, x, **kw)):
        with pytest.raises(ValueError, match="at least 2"):
            call(delayed(1), split_every=split_every)


@pytest.mark.parametrize("split_every", [{0: 2}, "8", [2]])
def test_split_every_is_a_number(split_every):
    with pytest.raises(TypeError, match="must be a number or False"):
        checkpoint(delayed(1), split_every=split_every)
