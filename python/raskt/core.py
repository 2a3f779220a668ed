"""Graphs as plain data: what is a task, what depends on what, in which order.

A graph is a mapping of keys and nodes. A node is a value, another key, a task as a
tuple ``(callable, *args)``, a list or dict of these, or an object of
:mod:`raskt.task_spec`.
Nothing here recurses along a chain of tasks, however long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from raskt._native import DataNode
from raskt._nodes import is_data, is_node, is_reference, substitute

__all__ = [
    "flatten",
    "get",
    "get_dependencies",
    "get_deps",
    "getcycle",
    "has_tasks",
    "isdag",
    "ishashable",
    "iskey",
    "istask",
    "keys_in_tasks",
    "literal",
    "preorder_traversal",
    "quote",
    "reverse_dict",
    "subs",
    "toposort",
    "unquote",
    "validate_key",
]

no_default: Any = object()


def get(dsk: Mapping, out: Any, cache: Any = None) -> Any:
    """Compute keys of a graph, one task after the other.

    Parameters
    ----------
    dsk : mapping
        The graph.
    out : key or nested list of keys
        What to compute.
    cache : mutable mapping, optional
        Results of keys that are not in the graph. Those of ``out`` are added.

    Examples
    --------
    >>> from operator import add
    >>> get({"x": 1, "y": (add, "x", 10)}, ["x", "y"])
    (1, 11)
    """
    from raskt.local import get_sync, nested_get

    if cache is None:
        return get_sync(dsk, out)
    known = {key: DataNode(key, result) for key, result in cache.items()}
    keys = key_list(out)
    cache.update(zip(keys, get_sync({**known, **dsk}, keys), strict=True))
    return nested_get(out, cache)


def istask(x: Any) -> bool:
    """Tell whether ``x`` is something to run: a tuple that begins with a callable.

    Examples
    --------
    >>> istask((abs, -1)), istask((1, 2)), istask(abs)
    (True, False, False)
    """
    if type(x) is tuple:
        return bool(x) and callable(x[0])
    return is_node(x) and not is_data(x)


def has_tasks(dsk: Mapping, x: Any) -> bool:
    """Tell whether there is a task or a key of the graph in ``x``.

    Examples
    --------
    >>> graph = {"x": 1}
    >>> has_tasks(graph, [1, ["x"]]), has_tasks(graph, [1, (abs, 2)])
    (True, True)
    >>> has_tasks(graph, [1, "y"])
    False
    """
    todo = [x]
    while todo:
        item = todo.pop()
        if istask(item) or is_reference(item) or (ishashable(item) and item in dsk):
            return True
        if isinstance(item, list):
            todo.extend(item)
    return False


# --- dependencies ---------------------------------------------------------------


def keys_in_tasks(keys: Collection, tasks: Iterable, as_list: bool = False) -> Any:
    """Give those of ``keys`` that ``tasks`` refer to.

    Arguments of tasks, items of lists and values of dicts are searched.

    Parameters
    ----------
    keys : collection
        The keys of the graph.
    tasks : iterable
        Where to look.
    as_list : bool
        Give a list, in which a key is as often as it is used? Default: a set.

    Examples
    --------
    >>> keys_in_tasks({"x", "y"}, [(max, "x", ["x", "z"])], as_list=True)
    ['x', 'x']
    """
    found = []
    todo = list(tasks)
    while todo:
        inner: list = []
        for item in todo:
            kind = type(item)
            if kind is tuple and item and callable(item[0]):
                inner.extend(item[1:])
            elif kind is list:
                inner.extend(item)
            elif kind is dict:
                inner.extend(item.values())
            elif is_node(item):
                found.extend(key for key in item.dependencies if key in keys)
            elif is_reference(item):
                found.extend([item.key] if item.key in keys else [])
            else:
                try:
                    if item in keys:
                        found.append(item)
                except TypeError:  # what cannot be hashed is no key
                    pass
        todo = inner
    return found if as_list else set(found)


def get_dependencies(
    dsk: Mapping, key: Any = None, task: Any = no_default, as_list: bool = False
) -> Any:
    """Give the keys that a task needs directly.

    Parameters
    ----------
    dsk : mapping
        The graph.
    key : key, optional
        The task's key.
    task : object, optional
        The task itself, instead of its key.
    as_list : bool
        Give a list, in which a key is as often as it is used? Default: a set.

    Raises
    ------
    ValueError
        If there is neither a key nor a task.

    Examples
    --------
    >>> from operator import add
    >>> get_dependencies({"x": 1, "y": (add, "x", 1)}, "y")
    {'x'}
    """
    if key is not None:
        task = dsk[key]
    elif task is no_default:
        raise ValueError("say which task: give key= or task=")
    return keys_in_tasks(dsk, [task], as_list=as_list)


def get_deps(dsk: Mapping) -> tuple[dict[Any, set], dict[Any, set]]:
    """Give the dependencies and the dependents of all keys.

    Examples
    --------
    >>> from operator import add
    >>> get_deps({"x": 1, "y": (add, "x", 1)})
    ({'x': set(), 'y': {'x'}}, {'x': {'y'}, 'y': set()})
    """
    dependencies = {key: keys_in_tasks(dsk, [task]) for key, task in dsk.items()}
    return dependencies, reverse_dict(dependencies)


def reverse_dict(d: Mapping[Any, Iterable]) -> dict[Any, set]:
    """Turn the arrows of a graph round: ``{key: others}`` becomes ``{other: keys}``.

    Examples
    --------
    >>> reverse_dict({"y": ["x"], "x": []})
    {'y': set(), 'x': {'y'}}
    """
    reverse: dict[Any, set] = {key: set() for key in d}
    for key, others in d.items():
        for other in others:
            reverse.setdefault(other, set()).add(key)
    return reverse


# --- order ----------------------------------------------------------------------


def toposort(dsk: Mapping, dependencies: Mapping | None = None) -> list:
    """Give all keys of a graph, each after those that it needs.

    Raises
    ------
    RuntimeError
        If there is a cycle; the message shows it.

    Examples
    --------
    >>> toposort({"y": (abs, "x"), "x": -1})
    ['x', 'y']
    """
    order, cycle = _visit(dsk, dsk, dependencies)
    if cycle:
        raise RuntimeError(f"Cycle detected in the graph: {'->'.join(map(str, cycle))}")
    return order


def getcycle(d: Mapping, keys: Any) -> list:
    """Give keys of which each needs the next one, the last one being the first again.

    Empty if there is no cycle among what ``keys`` need.

    Examples
    --------
    >>> getcycle({"x": (abs, "z"), "y": (abs, "x"), "z": (abs, "y")}, "x")
    ['x', 'z', 'y', 'x']
    """
    _, cycle = _visit(d, key_list(keys), None)
    if len(cycle) <= 2:
        return cycle
    # What was found need not be the shortest.
    inside = dict.fromkeys(cycle)
    steps = {key: keys_in_tasks(inside, [d[key]]) for key in inside}
    return _way_back(steps, cycle[0])


def isdag(d: Mapping, keys: Any) -> bool:
    """Tell whether what ``keys`` need has no cycle.

    Examples
    --------
    >>> isdag({"x": 1, "y": (abs, "x")}, "y"), isdag({"x": (abs, "x")}, "x")
    (True, False)
    """
    return not getcycle(d, keys)


def _visit(dsk: Mapping, keys: Iterable, dependencies: Mapping | None) -> tuple:
    """Visit all that keys need, depth first: give the order of leaving, or a cycle."""

    def needs(key: Any) -> Iterator:
        if dependencies is None:
            return iter(keys_in_tasks(dsk, [dsk[key]]))
        return (other for other in dependencies[key] if other in dsk)

    done: dict = {}
    for start in keys:
        if start in done:
            continue
        path = [(start, needs(start))]
        on_path = {start}
        while path:
            key, others = path[-1]
            other = next((k for k in others if k not in done), no_default)
            if other is no_default:
                done[key] = None
                on_path.remove(key)
                path.pop()
            elif other in on_path:
                cycle = [key for key, _ in path]
                return [], [*cycle[cycle.index(other) :], other]
            else:
                path.append((other, needs(other)))
                on_path.add(other)
    return list(done), []


def _way_back(steps: Mapping[Any, Iterable], start: Any) -> list:
    """Give the shortest cycle through ``start``."""
    came_from: dict = {}
    todo = deque([start])
    while start not in came_from:
        key = todo.popleft()
        for other in steps[key]:
            if other not in came_from:
                came_from[other] = key
                todo.append(other)
    cycle = [start, came_from[start]]
    while cycle[-1] != start:
        cycle.append(came_from[cycle[-1]])
    return cycle[::-1]


# --- keys and values ------------------------------------------------------------


def ishashable(x: Any) -> bool:
    """Tell whether ``x`` can be hashed.

    Examples
    --------
    >>> ishashable(1), ishashable([1])
    (True, False)
    """
    try:
        hash(x)
    except TypeError:
        return False
    return True


def iskey(key: object) -> bool:
    """Tell whether ``key`` may be a key: a str, int, float, or a tuple of keys.

    Examples
    --------
    >>> iskey(("x", 0)), iskey(["x", 0]), iskey(None)
    (True, False, False)
    """
    if type(key) is tuple:
        return all(map(iskey, key))
    return type(key) in (str, int, float)


def validate_key(key: object) -> None:
    """Refuse what cannot be a key.

    Raises
    ------
    TypeError
        If it is no str, int, float, or tuple of keys.

    Examples
    --------
    >>> validate_key(("x", 0))
    """
    if iskey(key):
        return
    if type(key) is not tuple:
        raise TypeError(f"Unexpected key type {type(key)} (key={key!r})")
    index = next(i for i, part in enumerate(key) if not iskey(part))
    raise TypeError(f"Composite key has unexpected key type at index={index} ({key=})")


def flatten(seq: Any, container: type | tuple[type, ...] = list) -> Iterator:
    """Give the items of nested lists.

    Parameters
    ----------
    seq : iterable
        The outermost one may be of any kind.
    container : type
        What is looked into.

    Examples
    --------
    >>> list(flatten([[1, [2]], (3, 4)]))
    [1, 2, (3, 4)]
    """
    if isinstance(seq, str):
        yield seq
        return
    for item in seq:
        if isinstance(item, container):
            yield from flatten(item, container=container)
        else:
            yield item


def key_list(keys: Any) -> list:
    """Give the keys of one key, a nested list of keys, or a set of them."""
    return list(flatten(keys)) if isinstance(keys, (list, set, frozenset)) else [keys]


def subs(task: Any, key: Any, val: Any) -> Any:
    """Give a task with a key replaced by a value or another task.

    Examples
    --------
    >>> subs((max, "x", ["x", 2]), "x", 1)
    (<built-in function max>, 1, [1, 2])
    """
    return substitute(task, {key: val})


def preorder_traversal(task: Any) -> Iterator:
    """Give the parts of a task, the outer ones first; a list announces itself.

    Examples
    --------
    >>> list(preorder_traversal((max, (abs, -1), [2, 3])))[2:]
    [-1, <class 'list'>, 2, 3]
    """
    todo = [iter(task)]
    while todo:
        for part in todo[-1]:
            if isinstance(part, list):
                yield list
            if isinstance(part, list) or (type(part) is tuple and istask(part)):
                todo.append(iter(part))
                break
            yield part
        else:
            todo.pop()


class literal:
    """A value that is no task, whatever it looks like; calling it gives the value.

    Examples
    --------
    >>> literal((abs, -1))()
    (<built-in function abs>, -1)
    """

    __slots__ = ("data",)

    def __init__(self, data: Any):
        self.data = data

    def __call__(self) -> Any:
        """Give the value."""
        return self.data

    def __repr__(self) -> str:
        return f"literal<type={type(self.data).__name__}>"

    def __reduce__(self) -> tuple:
        return literal, (self.data,)


def quote(x: Any) -> Any:
    """Give a task whose result is ``x``, even if ``x`` looks like a task.

    Examples
    --------
    >>> get({"x": quote((abs, -1))}, "x")
    (<built-in function abs>, -1)
    """
    return (literal(x),) if istask(x) or type(x) in (list, dict) else x


def unquote(expr: Any) -> Any:
    """Give back what was given to :func:`quote`.

    Examples
    --------
    >>> unquote(quote([1, 2]))
    [1, 2]
    """
    if type(expr) is tuple and len(expr) == 1 and isinstance(expr[0], literal):
        return expr[0].data
    return expr
