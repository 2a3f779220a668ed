"""Task graphs as objects: the format of graphs that raskt reads and gives.

A graph is a dict of keys and nodes. A node is a :class:`Task`, a :class:`DataNode` or
an :class:`Alias`; inside the arguments of a task, :class:`TaskRef` refers to the result
of another one, and :func:`List`, :func:`Tuple`, :func:`Set` and :func:`Dict` are
containers in which there are references.

Examples
--------
>>> import operator
>>> import raskt
>>> from raskt.task_spec import DataNode, Task, TaskRef
>>> graph = {
...     "x": DataNode("x", 1),
...     "y": Task("y", operator.add, TaskRef("x"), 10),
... }
>>> raskt.get(graph, "y")
11
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raskt._native import Alias, Container, DataNode, Task, TaskRef

__all__ = [
    "Alias",
    "Container",
    "DataNode",
    "Dict",
    "List",
    "Set",
    "Task",
    "TaskRef",
    "Tuple",
    "convert_legacy_graph",
]


def List(*items: Any) -> Container:
    """Make a list of literals and references."""
    return Container("list", items)


def Tuple(*items: Any) -> Container:
    """Make a tuple of literals and references."""
    return Container("tuple", items)


def Set(*items: Any) -> Container:
    """Make a set of literals and references."""
    return Container("set", items)


def Dict(*args: Any, **kwargs: Any) -> Container:
    """Make a dict of literals and references; arguments as for ``dict``."""
    pairs = args[0] if args else {}
    pairs = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    flat = [part for pair in [*pairs, *kwargs.items()] for part in pair]
    return Container("dict", tuple(flat))


def convert_legacy_graph(dsk: Mapping, all_keys: Any = None) -> dict[Any, Any]:
    """Give a graph of tuples ``(callable, *args)`` as one of task objects.

    Parameters
    ----------
    dsk : mapping
        The graph.
    all_keys : iterable, optional
        The keys that are wanted. Default: all.

    Examples
    --------
    >>> import operator
    >>> convert_legacy_graph({"x": 1, "y": (operator.add, "x", 2)})["y"]
    <Task 'y' add(TaskRef('x'), 2)>
    """
    from raskt import _native

    keys = list(dsk if all_keys is None else all_keys)
    return _native.to_graph(_native.from_graph(dsk, keys))


def _rebuild_task(
    key: Any, func: Any, args: tuple, kwargs: dict, annotations: dict | None = None
) -> Task:
    task = Task(key, func, *args, **kwargs)
    return task._annotated(annotations) if annotations else task
