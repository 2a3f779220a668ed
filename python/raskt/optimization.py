"""Making graphs smaller: ``cull``, ``inline``, ``fuse``. All give equal results.

Only tasks that are tuples are put into each other; task objects stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from raskt._fuse import (
    default_fused_keys_renamer,
    default_fused_linear_keys_renamer,
    fuse,
    fuse_linear,
)
from raskt._nodes import is_node, substitute, used_by_objects
from raskt.core import (
    get_dependencies,
    ishashable,
    istask,
    key_list,
    keys_in_tasks,
    reverse_dict,
    toposort,
)

__all__ = [
    "cull",
    "default_fused_keys_renamer",
    "default_fused_linear_keys_renamer",
    "functions_of",
    "fuse",
    "fuse_linear",
    "inline",
    "inline_functions",
    "unwrap_partial",
]


def cull(dsk: Mapping, keys: Any) -> tuple[dict, dict[Any, list]]:
    """Give only what is needed for some keys.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or nested list of keys
        What is wanted.

    Returns
    -------
    graph : dict
        Their tasks, and those that they need.
    dependencies : dict of lists
        For each key, those that it needs, each as often as it uses it.

    Raises
    ------
    KeyError
        If a key is missing.

    Examples
    --------
    >>> graph, dependencies = cull({"x": -1, "y": (abs, "x"), "z": (abs, "x")}, "y")
    >>> sorted(graph), dependencies
    (['x', 'y'], {'y': ['x'], 'x': []})
    """
    todo = dict.fromkeys(key_list(keys))
    graph: dict = {}
    dependencies: dict[Any, list] = {}
    while todo:
        key, _ = todo.popitem()
        graph[key] = dsk[key]
        dependencies[key] = keys_in_tasks(dsk, [dsk[key]], as_list=True)
        todo.update((k, None) for k in dependencies[key] if k not in graph)
    return graph, dependencies


def inline(
    dsk: Mapping,
    keys: Any = None,
    inline_constants: bool = True,
    dependencies: Mapping[Any, Iterable] | None = None,
) -> dict:
    """Put tasks in the place of references to them.

    They stay in the graph; :func:`cull` removes what nothing needs any more.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or collection of keys, optional
        Which tasks.
    inline_constants : bool
        Values and other names of keys, too?
    dependencies : mapping, optional
        For each key, those that it needs, if known.

    Examples
    --------
    >>> inline({"x": 1, "y": (max, "x", 2)})["y"]
    (<built-in function max>, 1, 2)
    """
    if dependencies is None:
        dependencies = {key: get_dependencies(dsk, key) for key in dsk}
    wanted = set(key_list(keys)) if keys is not None else set()
    if inline_constants:
        wanted.update(k for k, v in dsk.items() if _is_constant(dsk, v))
    result: dict = {}
    inlined: dict = {}
    for key in toposort(dsk, dependencies):
        value = dsk[key]
        if not is_node(value) and not inlined.keys().isdisjoint(dependencies[key]):
            value = substitute(value, inlined)
        result[key] = value
        if key in wanted and not is_node(value):
            inlined[key] = value
    return result


def inline_functions(
    dsk: Mapping,
    output: Any,
    fast_functions: Collection[Callable] | None = None,
    inline_constants: bool = False,
    dependencies: Mapping[Any, Iterable] | None = None,
) -> Mapping:
    """Put tasks of cheap functions into those that use them.

    They run again for each that uses them, instead of being kept.

    Parameters
    ----------
    dsk : mapping
        The graph.
    output : key or collection of keys
        Tasks that stay.
    fast_functions : collection of callables, optional
        The cheap functions.
    inline_constants, dependencies
        See :func:`inline`.

    Examples
    --------
    >>> graph = {"x": (abs, -1), "y": (sum, ["x", "x"])}
    >>> inline_functions(graph, "y", fast_functions=[abs])
    {'y': (<built-in function sum>, [(<built-in function abs>, -1), \
(<built-in function abs>, -1)])}
    """
    fast = set(fast_functions or ())
    if not fast:
        return dsk
    if dependencies is None:
        dependencies = {key: get_dependencies(dsk, key) for key in dsk}
    dependents = reverse_dict(dependencies)
    # Into task objects nothing can be put.
    kept = {*key_list(output), *used_by_objects(dsk.values())}
    cheap = {
        key
        for key, task in dsk.items()
        if type(task) is tuple
        and istask(task)
        and key not in kept
        and dependents[key]
        and _calls_only(task, fast)
    }
    if not cheap:
        return dsk
    result = inline(dsk, cheap, inline_constants, dependencies)
    return {key: task for key, task in result.items() if key not in cheap}


def functions_of(task: Any) -> set[Callable]:
    """Give the functions that a task calls.

    Examples
    --------
    >>> sorted(f.__name__ for f in functions_of((sum, [(abs, -1), "x"])))
    ['abs', 'sum']
    """
    found = set()
    todo = [task]
    while todo:
        item = todo.pop()
        if is_node(item) and istask(item):
            found.update([item.func] if hasattr(item, "func") else [])
            todo.extend(getattr(item, "args", ()))
        elif type(item) is tuple and istask(item):
            found.add(unwrap_partial(item[0]))
            todo.extend(item[1:])
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
    return found


def unwrap_partial(func: Callable) -> Callable:
    """Give the function under ``functools.partial`` and the like.

    Examples
    --------
    >>> from functools import partial
    >>> unwrap_partial(partial(max, 1))
    <built-in function max>
    """
    while callable(getattr(func, "func", None)):
        func = func.func  # type: ignore[attr-defined]
    return func


def _is_constant(dsk: Mapping, value: Any) -> bool:
    if is_node(value) or istask(value):
        return False
    return (ishashable(value) and value in dsk) or not keys_in_tasks(dsk, [value])


def _calls_only(task: Any, fast: set) -> bool:
    try:
        return functions_of(task) <= fast
    except TypeError:  # a callable that cannot be hashed is in no set
        return False
