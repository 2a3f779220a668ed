"""Task objects of any kind: telling them from values, and giving them other keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from raskt._native import Alias, Container, DataNode, Task, TaskRef

_PLAIN = frozenset({str, int, float, bool, bytes, tuple, list, dict, set, type(None)})


def is_node(obj: Any) -> bool:
    """Tell whether an object is a task object, ours or Dask's.

    Examples
    --------
    >>> from raskt.task_spec import DataNode
    >>> is_node(DataNode("x", 1)), is_node((sum, [1, 2]))
    (True, False)
    """
    kind = type(obj)
    return kind not in _PLAIN and _kind_of(kind) in ("task", "data")


def is_data(obj: Any) -> bool:
    """Tell whether an object is a task object that only holds a value."""
    return _kind_of(type(obj)) == "data"


def is_reference(obj: Any) -> bool:
    """Tell whether an object refers to a task, without being one."""
    kind = type(obj)
    return kind not in _PLAIN and _kind_of(kind) == "reference"


@lru_cache(maxsize=1024)
def _kind_of(kind: type) -> str | None:
    if issubclass(kind, TaskRef):
        return "reference"
    if issubclass(kind, DataNode):
        return "data"
    if issubclass(kind, (Task, Alias, Container)):
        return "task"
    # Dask is not imported for this: whoever has such an object has imported it.
    bases = [b.__name__ for b in kind.__mro__ if b.__module__ == "dask._task_spec"]
    if not bases:
        return None
    if "DataNode" in bases:
        return "data"
    return "task" if "GraphNode" in bases else "reference"


def substitute(task: Any, values: Mapping) -> Any:
    """Give a task of tuples, lists and dicts with references replaced.

    Task objects inside stay as they are.

    Examples
    --------
    >>> substitute((max, "x", ["y", (min, "x")]), {"x": 1})
    (<built-in function max>, 1, ['y', (<built-in function min>, 1)])
    """
    return _replaced(task, values, lambda obj: obj)


def used_by_objects(tasks: Iterable) -> set:
    """Give the keys that task objects refer to, those inside of tuples as well."""
    keys: set = set()
    todo = list(tasks)
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind is tuple or kind is list:
            todo.extend(item)
        elif kind is dict:
            todo.extend(item.values())
        elif is_node(item):
            keys.update(item.dependencies)
        elif is_reference(item):
            keys.add(item.key)
    return keys


def renamed(node: Any, key: Any, names: Mapping) -> Any:
    """Give a node of a graph with other keys.

    Parameters
    ----------
    node : object
        A task, a value, or a task object.
    key : hashable
        The node's new key.
    names : mapping
        For each key that it may refer to, the new one.

    Examples
    --------
    >>> renamed(("plain", "x"), "b", {"x": "y"})
    ('plain', 'x')
    >>> renamed([1, "x"], "b", {"x": "y"})
    [1, 'y']
    """
    if isinstance(node, DataNode):
        return DataNode(key, node.value)
    if isinstance(node, Alias):
        return Alias(key, names.get(node.target, node.target))
    if isinstance(node, Task):
        args = [_argument(arg, names) for arg in node.args]
        kwargs = {name: _argument(arg, names) for name, arg in node.kwargs.items()}
        return Task(key, node.func, *args, **kwargs)
    if isinstance(node, Container):
        return _argument(node, names)
    if is_node(node):
        own = {old: names[old] for old in node.dependencies if old in names}
        return node.substitute(own, key=key)
    return _replaced(node, names, lambda obj: _argument(obj, names))


def _argument(arg: Any, names: Mapping) -> Any:
    if is_reference(arg):
        return type(arg)(names.get(arg.key, arg.key))
    if isinstance(arg, Container):
        make, (kind, items, *rest) = arg.__reduce__()
        return make(kind, tuple(_argument(item, names) for item in items), *rest)
    return renamed(arg, arg.key, names) if is_node(arg) else arg


def _replaced(task: Any, values: Mapping, replace_object: Callable) -> Any:
    def inner(item: Any) -> Any:
        return _replaced(item, values, replace_object)

    kind = type(task)
    if kind is list:
        return [inner(item) for item in task]
    if kind is dict:
        return {name: inner(item) for name, item in task.items()}
    if kind is tuple and task and callable(task[0]):
        return (task[0], *map(inner, task[1:]))
    if is_node(task) or is_reference(task):
        return replace_object(task)
    try:
        return values.get(task, task)
    except TypeError:  # what cannot be hashed is no key
        return task
