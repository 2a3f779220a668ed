"""Graphs in layers: :class:`HighLevelGraph`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raskt._annotations import get_annotations
from raskt.core import (
    flatten,
    get_dependencies,
    key_list,
    keys_in_tasks,
    reverse_dict,
    toposort,
)
from raskt.tokenize import tokenize

__all__ = ["HighLevelGraph", "Layer", "MaterializedLayer"]


class Layer(Mapping):
    """A part of a graph: keys and tasks.

    Parameters
    ----------
    annotations : dict, optional
        What schedulers should know of its tasks. Default: the annotations in force.
    collection_annotations : dict, optional
        What is known of the collection that the layer makes.
    """

    annotations: Mapping | None
    collection_annotations: Mapping | None

    def __init__(
        self,
        annotations: Mapping | None = None,
        collection_annotations: Mapping | None = None,
    ):
        self.annotations = annotations or get_annotations() or None
        self.collection_annotations = collection_annotations

    def is_materialized(self) -> bool:
        """Tell whether all tasks have been made."""
        return True

    def get_output_keys(self) -> set:
        """Give the keys that other layers may use."""
        return set(self)

    def get_dependencies(self, key: Any, all_hlg_keys: Any) -> set:
        """Give the keys, of ``all_hlg_keys``, that a task of the layer needs."""
        return keys_in_tasks(all_hlg_keys, [self[key]])

    def cull(self, keys: Iterable, all_hlg_keys: Any) -> tuple[Layer, dict[Any, set]]:
        """Give only what is needed for some keys.

        Parameters
        ----------
        keys : iterable
            Keys of the layer.
        all_hlg_keys : collection
            All keys of the graph that the layer is a part of.

        Returns
        -------
        layer : Layer
            Their tasks, and those of the layer that they need.
        dependencies : dict of sets
            For each key, those that it needs, in this layer or another one.
        """
        known = {*all_hlg_keys, *self}
        dependencies: dict[Any, set] = {}
        todo = [key for key in keys if key in self]
        while todo:
            key = todo.pop()
            if key not in dependencies:
                dependencies[key] = self.get_dependencies(key, known)
                todo.extend(k for k in dependencies[key] if k in self)
        if len(dependencies) == len(self):
            return self, dependencies
        part = {key: self[key] for key in self if key in dependencies}
        notes = self.annotations, self.collection_annotations
        return MaterializedLayer(part, *notes), dependencies


class MaterializedLayer(Layer):
    """A layer whose tasks have been made: a dict of them.

    Examples
    --------
    >>> layer = MaterializedLayer({"x": -1, "y": (abs, "x")})
    >>> part, dependencies = layer.cull(["x"], [])
    >>> dict(part), dependencies
    ({'x': -1}, {'x': set()})
    """

    def __init__(
        self,
        mapping: Mapping,
        annotations: Mapping | None = None,
        collection_annotations: Mapping | None = None,
    ):
        super().__init__(annotations, collection_annotations)
        self.mapping = mapping

    def __getitem__(self, key: Any) -> Any:
        return self.mapping[key]

    def __contains__(self, key: Any) -> bool:
        return key in self.mapping

    def __iter__(self) -> Iterator:
        return iter(self.mapping)

    def __len__(self) -> int:
        return len(self.mapping)


class HighLevelGraph(Mapping):
    """A graph in layers. It is the mapping of all their keys and tasks, too.

    Parameters
    ----------
    layers : mapping of str
        Name and tasks of each layer.
    dependencies : mapping of str
        For each layer, the names of those that it needs.
    key_dependencies : mapping, optional
        For each key, those that it needs, as far as known.

    Examples
    --------
    >>> graph = HighLevelGraph(
    ...     {"numbers": {"x": -1}, "positive": {"y": (abs, "x")}},
    ...     {"numbers": set(), "positive": {"numbers"}},
    ... )
    >>> import raskt
    >>> sorted(graph), raskt.get(graph, "y")
    (['x', 'y'], 1)
    """

    layers: dict[str, Layer]
    dependencies: dict[str, set[str]]
    key_dependencies: dict[Any, set]

    def __init__(
        self,
        layers: Mapping[str, Mapping],
        dependencies: Mapping[str, Iterable[str]],
        key_dependencies: Mapping[Any, set] | None = None,
    ):
        self.layers = {
            name: layer if isinstance(layer, Layer) else MaterializedLayer(layer)
            for name, layer in layers.items()
        }
        self.dependencies = {
            name: needs if isinstance(needs, set) else set(needs)
            for name, needs in dependencies.items()
        }
        self.key_dependencies = dict(key_dependencies or {})

    @classmethod
    def from_collections(
        cls, name: str, layer: Mapping, dependencies: Iterable = ()
    ) -> HighLevelGraph:
        """Give the graph of a new layer on top of lazy collections.

        Parameters
        ----------
        name : str
            The name of the layer.
        layer : mapping
            Its tasks.
        dependencies : iterable
            The lazy collections that it needs.

        Raises
        ------
        TypeError
            If one of them is no lazy collection.

        Examples
        --------
        >>> import raskt
        >>> x = raskt.delayed(-1, name="x")
        >>> HighLevelGraph.from_collections("y", {"y": (abs, "x")}, [x]).dependencies
        {'x': set(), 'y': {'x'}}
        """
        from raskt.base import is_dask_collection

        layers: dict[str, Mapping] = {}
        needs: dict[str, set] = {}
        direct: set[str] = set()
        for collection in dependencies:
            if not is_dask_collection(collection):
                raise TypeError(f"{collection!r} is no lazy collection")
            below = _layered(collection)
            layers.update(below.layers)
            needs.update(below.dependencies)
            direct.update(_names(collection, below))
        return cls({**layers, name: layer}, {**needs, name: direct})

    @classmethod
    def merge(cls, *graphs: Mapping) -> HighLevelGraph:
        """Give one graph of several.

        Parameters
        ----------
        *graphs : mapping
            Graphs in layers, or plain ones, each of which becomes a layer.

        Examples
        --------
        >>> len(HighLevelGraph.merge({"x": 1}, {"y": 2}).layers)
        2
        """
        layers: dict[str, Mapping] = {}
        dependencies: dict[str, Iterable] = {}
        for graph in graphs:
            if isinstance(graph, HighLevelGraph):
                layers.update(graph.layers)
                dependencies.update(graph.dependencies)
            else:
                name = f"graph-{tokenize(list(graph))}"
                layers[name] = graph
                dependencies[name] = ()
        return cls(layers, dependencies)

    # --- as a mapping -----------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        # Mostly, a layer is named as its keys are.
        name = key[0] if isinstance(key, tuple) and key else key
        likely = self.layers.get(name)
        if likely is not None and key in likely:
            return likely[key]
        for layer in self.layers.values():
            if key in layer:
                return layer[key]
        raise KeyError(key)

    def __contains__(self, key: Any) -> bool:
        return any(key in layer for layer in self.layers.values())

    def __iter__(self) -> Iterator:
        return iter(self.to_dict())

    def __len__(self) -> int:
        return len(self.to_dict())

    def to_dict(self) -> dict:
        """Give all keys and tasks as a plain dict."""
        tasks: dict = {}
        for layer in self.layers.values():
            tasks.update(layer)
        return tasks

    def __repr__(self) -> str:
        layers = ", ".join(f"{name} ({len(self.layers[name])})" for name in self.layers)
        return f"<{type(self).__name__} of {layers or 'no layers'}>"

    def copy(self) -> HighLevelGraph:
        """Give a graph that can be changed without changing this one."""
        return type(self)(
            dict(self.layers), dict(self.dependencies), dict(self.key_dependencies)
        )

    # --- what needs what --------------------------------------------------------

    @property
    def dependents(self) -> dict[str, set[str]]:
        """For each layer, the names of those that need it."""
        return reverse_dict(self.dependencies)

    def get_all_external_keys(self) -> set:
        """Give the keys of all layers that others may use."""
        keys: set = set()
        for layer in self.layers.values():
            keys |= layer.get_output_keys()
        return keys

    def get_all_dependencies(self) -> dict[Any, set]:
        """Give, for each key, those that it needs."""
        tasks = self.to_dict()
        for key in tasks:
            if key not in self.key_dependencies:
                self.key_dependencies[key] = get_dependencies(tasks, key)
        return self.key_dependencies

    def _toposort_layers(self) -> list[str]:
        return toposort(self.dependencies, self.dependencies)

    def validate(self) -> None:
        """Check that layers and dependencies fit together.

        Raises
        ------
        ValueError
            If they do not; the message says where.
        """
        for name, needs in self.dependencies.items():
            missing = sorted(map(str, needs - self.layers.keys()))
            if missing:
                raise ValueError(f"layer {name!r} needs {missing[0]!r}: missing")
        if self.layers.keys() != self.dependencies.keys():
            odd = sorted(map(str, self.layers.keys() ^ self.dependencies.keys()))
            raise ValueError(f"{odd[0]!r} is in layers or in dependencies, not in both")
        tasks = self.to_dict()
        for name, layer in self.layers.items():
            above = keys_in_tasks(tasks, [layer[key] for key in layer]) - set(layer)
            for needed in self.dependencies[name]:
                above -= set(self.layers[needed])
            if above:
                raise ValueError(
                    f"layer {name!r} uses {next(iter(above))!r}, which is in no layer "
                    "that it depends on"
                )

    # --- parts ------------------------------------------------------------------

    def cull(self, keys: Any) -> HighLevelGraph:
        """Give only what is needed for some keys.

        A layer that loses tasks gets a new name, so that graphs can be merged.

        Parameters
        ----------
        keys : key, set or nested list of keys
            What is wanted.

        Examples
        --------
        >>> graph = HighLevelGraph({"a": {"x": 1, "y": 2}}, {"a": set()})
        >>> dict(graph.cull("x"))
        {'x': 1}
        """
        wanted = set(key_list(keys))
        known = self.get_all_external_keys()
        layers: dict[str, Layer] = {}
        needed: dict[Any, set] = {}
        names: dict[str, str] = {}
        for name in reversed(self._toposort_layers()):
            layer = self.layers[name]
            here = wanted.intersection(layer.get_output_keys())
            if not here:
                continue
            part, dependencies = layer.cull(here, known)
            needed.update(dependencies)
            wanted.update(*dependencies.values())
            is_whole = len(part) == len(layer)
            token = "" if is_whole else f"-{tokenize(sorted(part, key=str))}"
            names[name] = f"{name}{token}"
            layers[name] = part
        return type(self)(
            {names[name]: layers[name] for name in self.layers if name in names},
            {
                names[name]: {names[n] for n in needs if n in names}
                for name, needs in self.dependencies.items()
                if name in names
            },
            needed,
        )

    def cull_layers(self, layers: Iterable[str]) -> HighLevelGraph:
        """Give only some layers, and those that they need; none is changed."""
        todo = list(layers)
        kept: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in kept:
                kept.add(name)
                todo.extend(self.dependencies[name])
        return type(self)(
            {name: self.layers[name] for name in self.layers if name in kept},
            {name: self.dependencies[name] for name in self.layers if name in kept},
        )


def _layered(collection: Any) -> HighLevelGraph:
    graph = collection.__dask_graph__()
    if isinstance(graph, HighLevelGraph):
        return graph
    if hasattr(graph, "layers") and hasattr(graph, "dependencies"):
        return HighLevelGraph(graph.layers, graph.dependencies)
    if hasattr(collection, "__dask_layers__"):
        name = "-".join(map(str, collection.__dask_layers__()))
    else:
        name = f"graph-{tokenize(list(flatten(collection.__dask_keys__())))}"
    return HighLevelGraph({name: graph}, {name: ()})


def _names(collection: Any, graph: HighLevelGraph) -> Iterable[str]:
    """Give the names of the layers that have the collection's keys."""
    if hasattr(collection, "__dask_layers__"):
        named = [name for name in collection.__dask_layers__() if name in graph.layers]
        if named:
            return named
    return list(graph.layers)
