"""Single lazy values made of bags: :class:`Item`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from raskt import _native, multiprocessing
from raskt.bag._optimize import optimize
from raskt.bag._steps import Step
from raskt.base import DaskMethodsMixin, is_dask_collection
from raskt.delayed import Delayed, delayed, single_key
from raskt.highlevelgraph import HighLevelGraph
from raskt.tokenize import tokenize
from raskt.utils import funcname, key_split


class Collection(DaskMethodsMixin):
    """What bags and items have in common."""

    __dask_scheduler__ = staticmethod(multiprocessing.get)
    __dask_optimize__ = staticmethod(optimize)

    dask: HighLevelGraph

    def __dask_graph__(self) -> HighLevelGraph:
        return self.dask


class Item(Collection):
    """A lazy value made of a bag, such as a sum.

    Parameters
    ----------
    dsk : mapping
        A graph.
    key : key
        Which of its results it is.
    layer : str, optional
        The layer of the graph that has the key. Default: it is named as the key is.
    """

    def __init__(self, dsk: Mapping, key: Any, layer: str | None = None):
        self.key = key
        self.layer = layer or key
        self.dask = layered(dsk, self.layer)

    @property
    def name(self) -> Any:
        """The key."""
        return self.key

    def __dask_tokenize__(self) -> Any:
        return self.key

    def __dask_keys__(self) -> list:
        return [self.key]

    def __dask_layers__(self) -> tuple[str]:
        return (self.layer,)

    def __dask_postcompute__(self) -> tuple[Callable, tuple]:
        return single_key, ()

    def __dask_postpersist__(self) -> tuple[Callable, tuple]:
        return _rebuilt, (self.key,)

    def __repr__(self) -> str:
        return f"raskt.bag.Item<{key_split(self.key)}>"

    @staticmethod
    def from_delayed(value: Any) -> Item:
        """Make an item of a lazy value.

        Examples
        --------
        >>> import raskt
        >>> Item.from_delayed(raskt.delayed(5)).compute(scheduler="sync")
        5
        """
        if not isinstance(value, Delayed):
            if not is_dask_collection(value):
                raise TypeError(f"{type(value).__name__} is no lazy value")
            value = delayed(value)
        return Item(value.dask, value.key, *value.__dask_layers__())

    def to_delayed(self, optimize_graph: bool = True) -> Delayed:
        """Make a lazy value of the item."""
        (value,) = as_delayed(self, optimize_graph)
        return value

    def apply(self, func: Callable) -> Item:
        """Call a function with the item.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> rb.range(5, npartitions=2).sum().apply(str).compute(scheduler="sync")
        '10'
        """
        key = f"{funcname(func)}-{tokenize(self, func, 'apply')}"
        return Item(on_top(key, {key: (Step(func), self.key)}, [self]), key)

    def __bool__(self) -> bool:
        return bool(self.compute())

    def __int__(self) -> int:
        return int(self.compute())

    def __float__(self) -> float:
        return float(self.compute())

    def __complex__(self) -> complex:
        return complex(self.compute())


def _rebuilt(graph: Mapping, key: Any, *, rename: Mapping | None = None) -> Item:
    return Item(graph, (rename or {}).get(key, key))


def layered(graph: Mapping, name: str) -> HighLevelGraph:
    """Give a graph in layers: itself, or one of a single layer."""
    if isinstance(graph, HighLevelGraph):
        return graph
    return HighLevelGraph({name: graph}, {name: ()})


def on_top(name: str, layer: Mapping, below: Iterable[Any]) -> HighLevelGraph:
    """Give the graph of a new layer on top of lazy collections."""
    return HighLevelGraph.from_collections(name, layer, below)


def as_delayed(collection: Any, optimize_graph: bool) -> list[Delayed]:
    """Give a lazy value for each key of a collection."""
    graph, keys = collection.dask, collection.__dask_keys__()
    if optimize_graph:
        graph = optimize(graph, keys)
    return list(_native.from_graph(graph, keys))
