"""Graphs in layers."""

from __future__ import annotations

from collections.abc import Set
from operator import add

import pytest
import raskt
from hypothesis import given
from hypothesis import strategies as st
from raskt import delayed
from raskt.highlevelgraph import HighLevelGraph, Layer, MaterializedLayer


def small():
    return HighLevelGraph(
        {
            "a": {("a", 0): 1, ("a", 1): (add, ("a", 0), 1), ("a", 2): 5},
            "b": {("b", 0): (add, ("a", 0), 10), ("b", 1): (add, ("a", 1), 10)},
            "c": {"c": (sum, [("b", 0), ("b", 1)])},
        },
        {"a": set(), "b": {"a"}, "c": {"b"}},
    )


def test_it_is_the_mapping_of_all_tasks():
    graph = small()
    tasks = {
        key: task for layer in graph.layers.values() for key, task in layer.items()
    }
    assert dict(graph) == graph.to_dict() == tasks
    assert len(graph) == 6
    assert isinstance(graph.keys(), Set)
    assert list(graph.items()) == list(tasks.items())
    assert all(isinstance(layer, Layer) for layer in graph.layers.values())
    assert raskt.get(graph, "c") == 23


def test_keys_are_found_wherever_they_are():
    graph = HighLevelGraph(
        {"a": {"b": 1, ("b", 0): 2}, "b": {"x": 3}}, {"a": (), "b": ()}
    )
    assert [graph[key] for key in ("b", ("b", 0), "x")] == [1, 2, 3]
    for key in ("a", ("a", 0), (), 5):
        assert key not in graph
        with pytest.raises(KeyError):
            graph[key]
    with pytest.raises(TypeError):
        graph[[]]


def test_layers_on_top_of_collections():
    x = delayed(add)(1, 2, dask_key_name="x")
    graph = HighLevelGraph.from_collections("y", {"y": (add, "x", 1)}, [x])
    graph.validate()
    assert raskt.get(graph, "y") == 4
    assert graph.dependencies == {"x": set(), "y": {"x"}}
    assert HighLevelGraph.from_collections("z", {"z": 1}).dependencies == {"z": set()}
    with pytest.raises(TypeError, match="no lazy collection"):
        HighLevelGraph.from_collections("z", {"z": 1}, [5])


def test_merge():
    graph = HighLevelGraph.merge(small(), {"y": (add, "c", 1)}, {"z": 2})
    assert raskt.get(graph, ["y", "z"]) == (24, 2)
    assert len(graph.layers) == 5
    assert HighLevelGraph.merge().to_dict() == {}


def test_dependencies():
    graph = small()
    assert graph.dependents == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert graph.get_all_external_keys() == set(graph)
    assert graph.get_all_dependencies()["c"] == {("b", 0), ("b", 1)}
    assert graph.get_all_dependencies().keys() == set(graph)


def test_a_copy_is_another_graph():
    graph = small()
    graph.get_all_dependencies()
    copy = graph.copy()
    for name in ("layers", "dependencies", "key_dependencies"):
        assert getattr(copy, name) == getattr(graph, name)
        assert getattr(copy, name) is not getattr(graph, name)


@given(st.sets(st.sampled_from(sorted(small(), key=str)), min_size=1))
def test_cull_keeps_what_is_needed(keys):
    graph = small()
    culled = graph.cull(keys)
    culled.validate()
    assert set(culled) == set(raskt.optimization.cull(graph.to_dict(), keys)[0])
    assert raskt.get(culled, list(keys)) == raskt.get(graph, list(keys))
    assert culled.key_dependencies.keys() == set(culled)


def test_culled_graphs_can_be_merged():
    graph = small()
    parts = [graph.cull(key) for key in (("a", 2), ("b", 0))]
    assert set(HighLevelGraph.merge(*parts)) == {("a", 2), ("a", 0), ("b", 0)}
    assert graph.cull([["c"], [("a", 2)]]).layers == graph.layers


def test_cull_layers():
    graph = small()
    culled = graph.cull_layers(["b"])
    assert list(culled.layers) == ["a", "b"]
    assert culled.layers["a"] is graph.layers["a"]
    assert culled.dependencies["b"] is graph.dependencies["b"]


@pytest.mark.parametrize(
    "layers, dependencies, message",
    [
        ({"a": {}}, {"a": {"x"}}, "needs 'x'"),
        ({"a": {}, "b": {}}, {"a": ()}, "'b' is in layers or in dependencies"),
        ({"a": {"x": 1}, "b": {"y": (abs, "x")}}, {"a": (), "b": ()}, "uses 'x'"),
    ],
)
def test_what_does_not_fit_is_found(layers, dependencies, message):
    with pytest.raises(ValueError, match=message):
        HighLevelGraph(layers, dependencies).validate()


def test_annotations():
    with raskt.annotate(priority=3):
        layer = MaterializedLayer({"x": 1, "y": 2})
    assert layer.annotations == {"priority": 3}
    assert layer.cull(["x"], [])[0].annotations == {"priority": 3}
    assert MaterializedLayer({}).annotations is None
    assert MaterializedLayer({}, {"retries": 1}).annotations == {"retries": 1}
