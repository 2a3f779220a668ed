"""Changing when and how often parts of graphs run.

Some computations are held in memory only because two parts of a graph share them. These
functions make the second part wait, or compute again what was shared.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Literal, TypeVar

from raskt import _native
from raskt._containers import graph_dict
from raskt._nodes import renamed
from raskt.base import (
    clone_key,
    get_collection_names,
    get_name_from_key,
    unpack_collections,
)
from raskt.core import flatten, get_dependencies
from raskt.delayed import Delayed
from raskt.task_spec import Alias, Container, DataNode, Task, TaskRef
from raskt.tokenize import tokenize

__all__ = ["bind", "checkpoint", "clone", "wait_on"]

T = TypeVar("T")

_SPLIT_EVERY = 8


def checkpoint(
    *collections: Any, split_every: float | Literal[False] | None = None
) -> Delayed:
    """Give a lazy None that is computed when all parts of the collections have been.

    Parameters
    ----------
    *collections : object
        Lazy collections, or anything in which there are some.
    split_every : int >= 2 or False, optional
        How many parts one task waits for; with more parts, there are tasks that wait
        for those. Fewer mean fewer results held and less moved between machines, but
        more tasks. False: one task waits for all. Default: 8.

    Returns
    -------
    Delayed

    Raises
    ------
    ValueError
        If ``split_every`` is less than 2.
    TypeError
        If it is no number.

    Examples
    --------
    >>> import raskt
    >>> print(checkpoint(raskt.delayed(print)("computed")).compute())
    computed
    None
    """
    graph, key = _checkpoint(collections, _split_every(split_every))
    return _native.from_graph(graph, [key])[0]


def bind(
    children: T,
    parents: Any,
    *,
    omit: Any = None,
    seed: Hashable | None = None,
    assume_layers: bool = True,
    split_every: float | Literal[False] | None = None,
) -> T:
    """Give collections that are computed only after others have been.

    All tasks of the children get new keys, so that they run again even if the parents
    use them as well; but for those of ``omit``.

    Parameters
    ----------
    children : object
        A lazy collection, or anything in which there are some.
    parents : object
        What must be computed before.
    omit : object, optional
        Lazy collections whose tasks keep their keys, and do not wait.
    seed : hashable, optional
        What the new keys are made of, besides the old ones. Default: random.
    assume_layers : bool
        Accepted and ignored: graphs are always looked at key by key.
    split_every : int >= 2 or False, optional
        See :func:`checkpoint`.

    Returns
    -------
    Same as ``children``
        They compute to the same. What waits are the tasks that need no other new task.

    Examples
    --------
    >>> import raskt
    >>> first = raskt.delayed(print)("first")
    >>> raskt.delayed(print)("second").__class__.__name__
    'Delayed'
    >>> _ = bind(raskt.delayed(print)("second"), first).compute()
    first
    second
    """
    split = _split_every(split_every)
    collections, repack = unpack_collections(children)
    if not collections:
        return children
    blocker = _checkpoint((parents,), split) if unpack_collections(parents)[0] else None
    return repack(_cloned(collections, omit, seed, blocker))[0]


def clone(
    *collections: Any,
    omit: Any = None,
    seed: Hashable | None = None,
    assume_layers: bool = True,
) -> Any:
    """Give collections that compute the same with tasks of their own.

    What is used early and late in a computation is held all the time between; its clone
    is computed again instead.

    Parameters
    ----------
    *collections : object
        Lazy collections, or anything in which there are some.
    omit, seed, assume_layers
        See :func:`bind`.

    Returns
    -------
    Same as ``collections``
        For several, a tuple.

    Examples
    --------
    >>> import raskt
    >>> x = raskt.delayed([1, 2, 3])
    >>> total = raskt.delayed(sum)(x)
    >>> again = clone(total, omit=x)
    >>> total.key == again.key, again.compute()
    (False, 6)
    """
    found, repack = unpack_collections(*collections)
    result = repack(_cloned(found, omit, seed, None)) if found else collections
    return result[0] if len(result) == 1 else result


def wait_on(
    *collections: Any, split_every: float | Literal[False] | None = None
) -> Any:
    """Give collections of which nothing can be used before all of it has been computed.

    Parameters
    ----------
    *collections : object
        Lazy collections, or anything in which there are some.
    split_every : int >= 2 or False, optional
        See :func:`checkpoint`.

    Returns
    -------
    Same as ``collections``
        For several, a tuple; then they all wait for all.

    Examples
    --------
    >>> import raskt
    >>> x, y = wait_on(raskt.delayed(1), raskt.delayed(2))
    >>> (x + y).compute()
    3
    """
    split = _split_every(split_every)
    found, repack = unpack_collections(*collections)
    if not found:
        return collections[0] if len(collections) == 1 else collections
    graph, blocker = _checkpoint(found, split)

    def waiting(key: Any) -> Any:
        return _new_key(key, blocker, "wait_on")

    def wait(collection: Any) -> Any:
        keys = list(flatten(collection.__dask_keys__()))
        waits = {waiting(key): (chunks.bind, key, blocker) for key in keys}
        names = get_collection_names(collection)
        return _rebuilt(collection, {**graph, **waits}, {n: waiting(n) for n in names})

    result = repack([wait(collection) for collection in found])
    return result[0] if len(result) == 1 else result


class chunks:
    """The functions that the new tasks call."""

    @staticmethod
    def bind(node: T, *args: Any) -> T:
        """Give the first argument; the others are what had to be computed before."""
        return node

    @staticmethod
    def checkpoint(*args: Any) -> None:
        """Give nothing; the arguments are what had to be computed."""


def _split_every(given: Any) -> int | None:
    """Check the option; None means one task for all."""
    if given is None:
        return _SPLIT_EVERY
    if given is False:
        return None
    if not isinstance(given, (int, float)):
        raise TypeError(f"split_every must be a number or False, not {given!r}")
    if int(given) < 2:
        raise ValueError(f"split_every must be False or at least 2, not {given}")
    return int(given)


def _checkpoint(collections: Iterable, split_every: int | None) -> tuple[dict, Any]:
    """Give a graph, and its key that is computed after all keys of the collections."""
    found, _ = unpack_collections(*collections)
    graph: dict = {}
    parts: dict = {}
    for collection in found:
        graph.update(graph_dict(collection.__dask_graph__()))
        parts.update(dict.fromkeys(flatten(collection.__dask_keys__())))
    token = tokenize("checkpoint", list(parts), split_every)
    last = f"checkpoint-{token}"
    if len(parts) == 1:
        graph[last] = (chunks.checkpoint, *parts)
        return graph, last
    # Each part is let go where it is; what is waited for is nothing.
    marks: deque = deque()
    for i, part in enumerate(parts):
        marks.append((f"checkpoint_map-{token}", i))
        graph[marks[-1]] = (chunks.checkpoint, part)
    step = 0
    while split_every is not None and len(marks) > split_every:
        key = (f"checkpoint_reduce-{token}", step)
        graph[key] = (
            chunks.checkpoint,
            *[marks.popleft() for _ in range(split_every)],
        )
        marks.append(key)
        step += 1
    graph[last] = (chunks.checkpoint, *marks)
    return graph, last


def _cloned(
    collections: Iterable, omit: Any, seed: Any, blocker: tuple[dict, Any] | None
) -> list:
    seed = uuid.uuid4().hex if seed is None else seed
    kept: set = set()
    for collection in unpack_collections(omit)[0]:
        kept.update(graph_dict(collection.__dask_graph__()))

    def new_key(key: Any) -> Any:
        return _new_key(key, seed)

    return [_clone(collection, kept, new_key, blocker) for collection in collections]


def _clone(
    collection: Any, kept: set, new_key: Callable, blocker: tuple[dict, Any] | None
) -> Any:
    source = graph_dict(collection.__dask_graph__())
    outputs = list(flatten(collection.__dask_keys__()))
    needs, shared = _reach(source, outputs, kept)
    if not needs:
        return collection
    names = {key: new_key(key) for key in needs}
    graph = {key: source[key] for key in _reach(source, shared, set())[0]}
    for key, new in names.items():
        node = renamed(source[key], new, names)
        is_first = names.keys().isdisjoint(needs[key])
        graph[new] = _after(new, node, blocker[1]) if blocker and is_first else node
    if blocker:
        graph.update(blocker[0])
    rename = {get_name_from_key(key) for key in outputs if key in names}
    for key in outputs:
        if key not in names and get_name_from_key(key) in rename:
            graph[new_key(key)] = Alias(new_key(key), key)
    return _rebuilt(collection, graph, {name: new_key(name) for name in rename})


def _reach(graph: Mapping, keys: Iterable, kept: set) -> tuple[dict[Any, set], set]:
    """Visit what keys need, up to those to keep: give what each needs, and the kept."""
    needs: dict[Any, set] = {}
    border = set()
    todo = list(keys)
    while todo:
        key = todo.pop()
        if key in kept:
            border.add(key)
        elif key not in needs:
            needs[key] = get_dependencies(graph, key)
            todo.extend(needs[key])
    return needs, border


def _new_key(key: Any, seed: Any, prefix: str | None = None) -> Any:
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return (_new_key(key[0], seed, prefix), *key[1:])
    if isinstance(key, str) and prefix is None:
        return clone_key(key, seed)
    return f"{prefix or 'clone'}-{tokenize(key, seed)}"


def _after(key: Any, node: Any, blocker: Any) -> Any:
    """Give a node that runs after the task ``blocker``."""
    if isinstance(node, (Task, Container)):
        return Task(key, chunks.bind, node, TaskRef(blocker))
    if isinstance(node, Alias):
        return Task(key, chunks.bind, TaskRef(node.target), TaskRef(blocker))
    if isinstance(node, DataNode):
        return Task(key, chunks.bind, node.value, TaskRef(blocker))
    return (chunks.bind, node, blocker)


def _rebuilt(collection: Any, graph: dict, rename: dict[str, str]) -> Any:
    rebuild, extra = collection.__dask_postpersist__()
    return rebuild(graph, *extra, rename=rename)
