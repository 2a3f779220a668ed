"""Types of keys, graphs and collections, for annotations and ``isinstance``."""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

__all__ = [
    "CollType",
    "CollType_co",
    "DaskCollection",
    "Graph",
    "HLGDaskCollection",
    "Key",
    "NestedKeys",
    "PostComputeCallable",
    "PostPersistCallable",
    "SchedulerGetCallable",
]

CollType = TypeVar("CollType", bound="DaskCollection")
CollType_co = TypeVar("CollType_co", bound="DaskCollection", covariant=True)

# The key of a task.
Key: TypeAlias = str | int | float | tuple["Key", ...]

# Keys in nested lists.
NestedKeys: TypeAlias = list["Key | NestedKeys"]

# A graph: keys and tasks.
Graph: TypeAlias = Mapping[Key, Any]

# What finishes the results of a collection's keys.
PostComputeCallable: TypeAlias = Callable


class SchedulerGetCallable(Protocol):
    """What computes keys of a graph."""

    def __call__(self, dsk: Graph, keys: Sequence[Key] | Key, **kwargs: Any) -> Any:
        """Compute the keys.

        Parameters
        ----------
        dsk : mapping
            The graph.
        keys : key or list of keys
            What to compute.
        **kwargs
            For the scheduler.
        """
        raise NotImplementedError("a scheduler defines __call__(dsk, keys, **kwargs)")


class PostPersistCallable(Protocol[CollType_co]):
    """What makes a collection of a graph that has its keys."""

    def __call__(
        self, dsk: Graph, *args: Any, rename: Mapping[str, str] | None = None
    ) -> CollType_co:
        """Make the collection.

        Parameters
        ----------
        dsk : mapping
            The graph.
        *args
            As ``__dask_postpersist__`` gave them.
        rename : mapping of str, optional
            The names of collections in the keys that are replaced by others.
        """
        raise NotImplementedError("a rebuild function defines __call__(dsk, *args)")


@runtime_checkable
class DaskCollection(Protocol):
    """A lazy collection: what can be computed.

    Examples
    --------
    >>> import raskt
    >>> isinstance(raskt.delayed(1), DaskCollection), isinstance(1, DaskCollection)
    (True, False)
    """

    # Optimizes graphs of such collections: (dsk, keys) -> graph. May be None.
    __dask_optimize__: Any

    # The scheduler that fits best.
    __dask_scheduler__: Any

    @abc.abstractmethod
    def __dask_graph__(self) -> Graph:
        """Give the graph."""

    @abc.abstractmethod
    def __dask_keys__(self) -> NestedKeys:
        """Give the keys of the results."""

    @abc.abstractmethod
    def __dask_postcompute__(self) -> tuple[PostComputeCallable, tuple]:
        """Give what is called with the results, and its other arguments."""

    @abc.abstractmethod
    def __dask_postpersist__(self) -> tuple[PostPersistCallable, tuple]:
        """Give what is called with a graph of the keys, and its other arguments."""

    @abc.abstractmethod
    def __dask_tokenize__(self) -> Hashable:
        """Give what tells the collection from others."""

    @abc.abstractmethod
    def compute(self, **kwargs: Any) -> Any:
        """Compute the collection."""

    @abc.abstractmethod
    def persist(self, **kwargs: Any) -> Any:
        """Give a collection of the same kind that holds the results."""

    @abc.abstractmethod
    def visualize(
        self,
        filename: str = "mydask",
        format: str | None = None,
        optimize_graph: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Draw the graph."""


@runtime_checkable
class HLGDaskCollection(DaskCollection, Protocol):
    """A lazy collection that knows the layers of its graph."""

    @abc.abstractmethod
    def __dask_layers__(self) -> Sequence[str]:
        """Give the names of the layers that have the collection's keys."""
