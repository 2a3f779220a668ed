"""Computing lazy collections: ``compute``, ``persist``, ``optimize``, ``visualize``."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from functools import partial
from typing import Any

from raskt import _native, config, local, threaded
from raskt._annotations import annotate, get_annotations
from raskt._engine import flat_keys, nested_get
from raskt._native import Delayed, unpack_collections
from raskt._tracebacks import shorten_traceback
from raskt.tokenize import normalize_token, tokenize

__all__ = [
    "DaskMethodsMixin",
    "annotate",
    "clone_key",
    "compute",
    "get_annotations",
    "get_collection_names",
    "get_name_from_key",
    "get_scheduler",
    "is_dask_collection",
    "normalize_token",
    "optimize",
    "persist",
    "replace_name_in_key",
    "tokenize",
    "unpack_collections",
    "visualize",
]


def compute(
    *args: Any,
    traverse: bool = True,
    optimize_graph: bool = True,
    scheduler: Any = None,
    get: Any = None,
    **kwargs: Any,
) -> tuple:
    """Compute lazy collections, all in one run: what they share is computed once.

    Parameters
    ----------
    *args : object
        Lazy collections, or anything in which there are some. What is not lazy is
        given back as it is.
    traverse : bool
        Look inside of lists, tuples, sets, dicts and dataclasses?
    optimize_graph : bool
        Let the collections optimize their graphs first?
    scheduler : str, callable or Executor, optional
        ``"threads"``, ``"processes"``, ``"synchronous"``, a function ``get(dsk,
        keys)``, or an executor. Default: the option ``scheduler``, or what suits the
        collections.
    **kwargs
        For the scheduler: ``num_workers``, ``pool`` ...

    Returns
    -------
    tuple
        One result for each argument.

    Raises
    ------
    Exception
        What a task raises, with a note that names the task.

    Examples
    --------
    >>> import raskt
    >>> a = raskt.delayed(1) + 5
    >>> raskt.compute(a, {"twice": [a * 2]}, "plain")
    (6, {'twice': [12]}, 'plain')
    """
    collections, repack = unpack_collections(*args, traverse=traverse)
    if not collections:
        return args
    schedule = get_scheduler(scheduler=scheduler, collections=collections, get=get)
    with shorten_traceback():
        results = _results(collections, schedule, optimize_graph, kwargs)
    return repack(results)


def persist(
    *args: Any,
    traverse: bool = True,
    optimize_graph: bool = True,
    scheduler: Any = None,
    **kwargs: Any,
) -> tuple:
    """Compute lazy collections, and give some of the same kind with the results.

    Arguments as for :func:`compute`.

    Examples
    --------
    >>> import raskt
    >>> (a,) = raskt.persist(raskt.delayed(1) + 5)
    >>> len(a.dask), a.compute()
    (1, 6)
    """
    collections, repack = unpack_collections(*args, traverse=traverse)
    if not collections:
        return args
    schedule = get_scheduler(scheduler=scheduler, collections=collections)

    def keep(values: list) -> list:
        client = getattr(schedule, "__self__", None)
        if hasattr(client, "_kept_values"):
            return client._kept_values(values, **kwargs)
        return _results(values, schedule, optimize_graph, kwargs)

    with shorten_traceback():
        return repack(persisted(collections, keep, optimize_graph))


def optimize(*args: Any, traverse: bool = True, **kwargs: Any) -> tuple:
    """Give collections that compute the same with optimized graphs.

    Examples
    --------
    >>> import raskt
    >>> (a,) = raskt.optimize(raskt.delayed(1) + 5)
    >>> a.compute()
    6
    """
    collections, repack = unpack_collections(*args, traverse=traverse)
    if not collections:
        return args
    lazy = [c for c in collections if isinstance(c, Delayed)]
    fuse = config.get("optimization.fuse.delayed", False)
    made = {id(c): c for c in lazy}
    if fuse and lazy:
        made.update(zip(map(id, lazy), _native.optimize(lazy), strict=True))
    for group in _by_optimizer(c for c in collections if not isinstance(c, Delayed)):
        graph, _ = _group_graph(group, True)
        made.update((id(c), _rebuilt(c, graph)) for c in group)
    return repack([made[id(c)] for c in collections])


def visualize(*args: Any, **kwargs: Any) -> Any:
    """Draw the graph of lazy collections. See :func:`raskt.visualize.visualize`."""
    from raskt._visualize import visualize as draw

    return draw(*args, **kwargs)


def is_dask_collection(x: Any) -> bool:
    """Tell whether ``x`` is a lazy collection.

    Examples
    --------
    >>> import raskt
    >>> is_dask_collection(raskt.delayed(1)), is_dask_collection([1, 2])
    (True, False)
    """
    if isinstance(x, Delayed):
        return True
    if isinstance(x, type) or not hasattr(type(x), "__dask_graph__"):
        return False
    # An expression is lazy; asking for its graph would make it.
    if hasattr(x, "expr") or hasattr(type(x), "_layer"):
        return True
    return x.__dask_graph__() is not None


is_raskt_collection = is_dask_collection


def _results(
    collections: list, schedule: Callable, optimize_graph: bool, kwargs: dict
) -> list:
    run = _runner_of(schedule)
    if run is not None:
        return run(lazy_values(collections, optimize_graph), **kwargs)
    values = lazy_values(collections, optimize_graph)
    keys = [value.key for value in values]
    return list(schedule(_native.to_graph(values), keys, **kwargs))


def _runner_of(schedule: Any) -> Callable | None:
    """Give what runs lazy values directly, if the scheduler is one of ours."""
    if isinstance(schedule, partial):
        run = _runner_of(schedule.func)
        return run and partial(run, *schedule.args, **schedule.keywords)
    client = getattr(schedule, "__self__", None)
    if hasattr(client, "_computed_values"):
        return client._computed_values
    return getattr(schedule, "run", None) if callable(schedule) else None


def persisted(
    collections: list, keep: Callable[[list], list], optimize_graph: bool
) -> list:
    """Give collections of the same kind whose parts are what ``keep`` gives.

    ``keep`` gets the lazy values of all parts, and gives results or futures.
    """
    lazy = [c for c in collections if isinstance(c, Delayed)]
    made = {}
    values = list(lazy)
    groups = []
    for group in _by_optimizer(c for c in collections if not isinstance(c, Delayed)):
        graph, keys = _group_graph(group, optimize_graph)
        groups.append((group, keys, len(values)))
        values += _native.from_graph(graph, keys)
    results = keep(values) if values else []
    for value, result in zip(lazy, results, strict=False):
        made[id(value)] = value._with_value(result)
    for group, keys, start in groups:
        graph = dict(zip(keys, results[start : start + len(keys)], strict=True))
        made.update((id(c), _rebuilt(c, _own_part(c, graph))) for c in group)
    return [made[id(c)] for c in collections]


def _own_part(collection: Any, graph: dict) -> dict:
    return {key: graph[key] for key in flat_keys(_keys(collection))}


def _rebuilt(collection: Any, graph: dict) -> Any:
    rebuild, extra = collection.__dask_postpersist__()
    return rebuild(graph, *extra)


def lazy_values(collections: Iterable, optimize_graph: bool = True) -> list[Delayed]:
    """Give one lazy value for each collection: what computing it gives."""
    collections = list(collections)
    if all(isinstance(c, Delayed) for c in collections):
        return collections
    made = {}
    for group in _by_optimizer(c for c in collections if not isinstance(c, Delayed)):
        graph, keys = _group_graph(group, optimize_graph)
        parts = dict(zip(keys, _native.from_graph(graph, keys), strict=True))
        made.update((id(c), _finalized(c, parts)) for c in group)
    return [made.get(id(c), c) for c in collections]


def finalize(collection: Any) -> Delayed:
    """Give the lazy value of what computing a collection gives."""
    return lazy_values([collection])[0]


def _finalized(collection: Any, parts: Mapping) -> Delayed:
    finish, extra = collection.__dask_postcompute__()
    nested = _as_lists(nested_get(_keys(collection), parts))
    lazy = _native.delayed(finish, None, None, None, False)
    name = f"finalize-{tokenize(collection)}"
    return lazy(nested, *extra, dask_key_name=name)


def _as_lists(nested: Any) -> Any:
    if isinstance(nested, tuple):
        return [_as_lists(part) for part in nested]
    return nested


def _keys(collection: Any) -> list:
    keys = collection.__dask_keys__()
    return keys if isinstance(keys, list) else [keys]


def _by_optimizer(collections: Iterable) -> list[list]:
    """Group collections that are optimized together."""
    groups: dict[Any, list] = {}
    for collection in collections:
        optimizer = getattr(collection, "__dask_optimize__", None)
        groups.setdefault(optimizer, []).append(collection)
    return list(groups.values())


def _group_graph(group: list, optimize_graph: bool) -> tuple[dict, list]:
    """Give the graph of collections with one optimizer, and all their keys."""
    keys = list(dict.fromkeys(key for c in group for key in flat_keys(_keys(c))))
    graphs = [c.__dask_graph__() for c in group]
    optimizer = getattr(group[0], "__dask_optimize__", None)
    if len(graphs) == 1 and (optimizer is None or not optimize_graph):
        return graphs[0], keys
    graph: dict = {}
    for part in graphs:
        graph.update(part)
    if optimizer is not None and optimize_graph:
        graph = optimizer(graph, [_keys(c) for c in group])
    return graph, keys


# --- schedulers -----------------------------------------------------------------


_NAMES = {
    "sync": "sync",
    "synchronous": "sync",
    "single-threaded": "sync",
    "threads": "threads",
    "threading": "threads",
    "processes": "processes",
    "multiprocessing": "processes",
}
_CLIENTS = ("distributed", "dask.distributed", "raskt.distributed")


def _named(name: str) -> Callable:
    kind = _NAMES.get(name.lower())
    if kind == "sync":
        return local.get_sync
    if kind == "threads":
        return threaded.get
    if kind == "processes":
        from raskt import multiprocessing

        return multiprocessing.get
    if name in _CLIENTS:
        client = _client()
        if client is None:
            raise RuntimeError(
                f"Requested {name} scheduler but no Client active: make one first, "
                "with raskt.distributed.Client()"
            )
        return _get_of(client)
    near = difflib.get_close_matches(name.lower(), _NAMES, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise ValueError(
        f"no scheduler is called {name!r}. {hint}Expected one of "
        f"{', '.join(sorted(_NAMES))}, a callable, or an executor"
    )


class _Schedulers(Mapping):
    """The schedulers by name."""

    def __getitem__(self, name: str) -> Callable:
        if name not in _NAMES:
            raise KeyError(name)
        return _named(name)

    def __iter__(self) -> Any:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


named_schedulers = _Schedulers()


def get_scheduler(
    get: Any = None,
    scheduler: Any = None,
    collections: Iterable | None = None,
    cls: Any = None,
) -> Callable | None:
    """Give the scheduler: asked for, configured, or what suits the collections.

    Parameters
    ----------
    scheduler : str, callable or Executor, optional
        See :func:`compute`.
    collections : iterable, optional
        Lazy collections; their own default must be the same.
    cls : type, optional
        A collection type whose default to use.

    Raises
    ------
    ValueError
        If there is no scheduler of that name, or the collections differ.
    TypeError
        If ``get=`` is used, or the scheduler is none.
    """
    if get is not None:
        raise TypeError(
            "The get= keyword has been removed. Please use the scheduler= keyword "
            "instead, with a function get(dsk, keys) or the name of a scheduler."
        )
    if scheduler is None:
        scheduler = config.get("scheduler", None)
    if scheduler is not None:
        return _scheduler(scheduler)
    client = _client()
    if client is not None:
        return _get_of(client)
    if cls is not None:
        return cls.__dask_scheduler__
    return _default_scheduler(collections) if collections else None


def _scheduler(scheduler: Any) -> Callable:
    if isinstance(scheduler, str):
        return _named(scheduler)
    if "Client" in type(scheduler).__name__ and hasattr(scheduler, "get"):
        return scheduler.get
    if hasattr(scheduler, "submit") and hasattr(scheduler, "shutdown"):
        if type(scheduler).__name__ == "ProcessPoolExecutor":
            return partial(_named("processes"), pool=scheduler)
        if type(scheduler).__name__ == "SynchronousExecutor":
            return local.get_sync
        return partial(threaded.get, pool=scheduler)
    if callable(scheduler):
        return scheduler
    if hasattr(scheduler, "get"):
        return scheduler.get
    raise TypeError(
        f"scheduler must be a name, a function or an executor, not {scheduler!r}"
    )


def _client() -> Any:
    """Give the client of a cluster that is meant here, or None."""
    # Without the module there is none; it is not imported for that.
    clients = sys.modules.get("raskt.distributed._current")
    return None if clients is None else clients.default()


def _get_of(client: Any) -> Callable:
    """Give the scheduler function of a client, which must not be asynchronous."""
    if not client.asynchronous:
        return client.get
    fallback = config.get("admin.async-client-fallback", None)
    if not fallback:
        raise RuntimeError(
            "Attempting to use an asynchronous Client in a synchronous context: "
            "use Client.compute and Client.gather"
        )
    warnings.warn(
        "Distributed Client detected but Client instance is asynchronous. Falling "
        f"back to `{fallback}` scheduler. To use an asynchronous Client, please use "
        "``Client.compute`` and ``Client.gather``",
        UserWarning,
    )
    return _scheduler(fallback)


def _ours(get: Callable) -> Callable:
    """Give our scheduler of the kind that a collection of Dask's names."""
    kinds = {"dask.threaded": "threads", "dask.local": "sync"}
    kinds["dask.multiprocessing"] = "processes"
    kind = kinds.get(getattr(get, "__module__", None) or "")
    return get if kind is None else _named(kind)


def _default_scheduler(collections: Iterable) -> Callable:
    found: list = []
    for collection in collections:
        get = _ours(getattr(collection, "__dask_scheduler__", threaded.get))
        if get not in found:
            found.append(get)
    if len(found) != 1:
        raise ValueError(
            "Compute called on multiple collections with differing default "
            "schedulers. Please specify a scheduler=` parameter explicitly or "
            "globally with `raskt.config.set(scheduler=...)`."
        )
    return found[0]


# --- keys -------------------------------------------------------------------------


def get_name_from_key(key: Hashable) -> str:
    """Give the name of the collection that a key belongs to.

    Examples
    --------
    >>> get_name_from_key(("x-123", 0, 1)), get_name_from_key("y")
    ('x-123', 'y')
    """
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return key[0]
    if isinstance(key, str):
        return key
    raise TypeError(f"Expected str or a tuple starting with str, got {key!r}")


def replace_name_in_key(key: Any, rename: Mapping[str, str]) -> Any:
    """Give the key with its collection's name replaced, if ``rename`` has it.

    Examples
    --------
    >>> replace_name_in_key(("x", 0), {"x": "y"})
    ('y', 0)
    """
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return (rename.get(key[0], key[0]), *key[1:])
    if isinstance(key, str):
        return rename.get(key, key)
    raise TypeError(f"Expected str or a tuple starting with str, got {key!r}")


def clone_key(key: Any, seed: Hashable) -> Any:
    """Give a key like ``key`` that depends on ``seed`` as well.

    Examples
    --------
    >>> clone_key(("x-0123456789abcdef0123456789abcdef", 1), 7)[1]
    1
    >>> clone_key("x", 7) == clone_key("x", 7) != clone_key("x", 8)
    True
    """
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return (clone_key(key[0], seed), *key[1:])
    if isinstance(key, str):
        from raskt.utils import key_split

        return f"{key_split(key)}-{tokenize(key, seed)}"
    raise TypeError(f"Expected str or a tuple starting with str, got {key!r}")


def get_collection_names(collection: Any) -> set[str]:
    """Give the names of a collection: those of its keys.

    Examples
    --------
    >>> import raskt
    >>> get_collection_names(raskt.delayed(1, name="one"))
    {'one'}
    """
    if not is_dask_collection(collection):
        raise TypeError(f"Expected a lazy collection, got {type(collection).__name__}")
    return {get_name_from_key(key) for key in flat_keys(_keys(collection))}


# --- for collections ------------------------------------------------------------


class DaskMethodsMixin:
    """The methods of lazy collections, for classes that have the protocol."""

    __slots__ = ("__weakref__",)

    def compute(self, **kwargs: Any) -> Any:
        """Compute the collection. See :func:`raskt.compute` for the arguments."""
        (result,) = compute(self, traverse=False, **kwargs)
        return result

    def persist(self, **kwargs: Any) -> Any:
        """Compute, and keep the results in a collection of the same kind."""
        (result,) = persist(self, traverse=False, **kwargs)
        return result

    def __await__(self) -> Generator[Any, Any, Any]:
        return _awaited(self).__await__()

    def visualize(
        self,
        filename: str | None = "mydask",
        format: str | None = None,
        optimize_graph: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Draw the graph. See :func:`raskt.visualize` for the arguments."""
        return visualize(
            self,
            filename=filename,
            format=format,
            optimize_graph=optimize_graph,
            **kwargs,
        )


async def _awaited(collection: Any) -> Any:
    """Wait for the futures of a collection that was persisted, and give it."""
    futures = sys.modules.get("raskt.distributed.wait")
    if futures is not None and futures.futures_of(collection):
        await futures.wait(collection)
    return collection


def dont_optimize(dsk: Any, keys: Any, **kwargs: Any) -> Any:
    """Give the graph as it is."""
    return dsk


def compute_as_if_collection(
    cls: Any, dsk: Mapping, keys: Any, scheduler: Any = None, get: Any = None, **kw: Any
) -> Any:
    """Compute keys of a graph the way a collection of type ``cls`` would."""
    schedule = get_scheduler(scheduler=scheduler, cls=cls, get=get)
    optimizer = getattr(cls, "__dask_optimize__", None)
    if optimizer is not None and kw.pop("optimize_graph", True):
        dsk = optimizer(dsk, keys)
    return schedule(dsk, keys, **kw)  # type: ignore[misc]


def wait(x: Any, timeout: Any = None, return_when: str = "ALL_COMPLETED") -> Any:
    """Wait until ``x`` is computed; local collections already are."""
    futures = sys.modules.get("raskt.distributed.wait")
    if futures is not None and futures.futures_of(x):
        futures.wait(x, timeout, return_when)
    return x
