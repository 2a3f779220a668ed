"""The part of a client that has things computed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import Queue
from typing import Any

from raskt import _native, base
from raskt._engine import flat_keys
from raskt.distributed._client_base import ClientPart
from raskt.distributed._terms import terms_of
from raskt.distributed.future import Future
from raskt.tokenize import tokenize
from raskt.utils import funcname

__all__ = ["TaskMethods"]


class TaskMethods(ClientPart):
    """``submit``, ``map``, ``compute``, ``persist``, ``get``, ``cancel``, ``retry``."""

    gather: Callable[..., Any]

    def submit(
        self,
        func: Callable[..., Any],
        *args: Any,
        key: Any = None,
        workers: Any = None,
        resources: dict[str, float] | None = None,
        retries: int | None = None,
        priority: Any = 0,
        fifo_timeout: Any = "100 ms",
        allow_other_workers: bool = False,
        actor: bool = False,
        actors: bool = False,
        pure: bool = True,
        **kwargs: Any,
    ) -> Future:
        """Have a function called on the cluster.

        Parameters
        ----------
        func : callable
            What to call. A coroutine function is awaited on the worker.
        *args, **kwargs
            With what. Futures and lazy values in them, also inside of containers, are
            replaced by their results.
        key : str, optional
            The name of the task. Default: the name of the function and a token.
        workers : str or iterable of str, optional
            Workers that may run it, by address, name or host.
        resources : dict, optional
            What it holds of each resource while it runs.
        retries : int, optional
            How often it is tried again after an error.
        priority : number
            Greater goes first.
        fifo_timeout : str
            Accepted and ignored: tasks have the order in which they are submitted.
        allow_other_workers : bool
            May others run it if none of ``workers`` is there?
        actor, actors : bool
            Does the result stay on its worker as an :class:`Actor`?
        pure : bool
            Does it always give the same for the same arguments? Then a second call
            gives the same task.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     a = client.submit(pow, 2, 10)
        ...     client.submit(str, a).result()
        '1024'
        """
        if not callable(func):
            raise TypeError("First input to submit must be a callable function")
        _check_workers(workers, allow_other_workers)
        actor = actor or actors
        if key is None:
            if pure and not actor:
                key = f"{funcname(func)}-{tokenize(func, kwargs, *args)}"
            else:
                key = f"{funcname(func)}-{uuid.uuid4()}"
        terms = terms_of(
            workers, allow_other_workers, resources, retries, priority, actor
        )
        if actor:
            func = _actor_maker(func, key)
        return self._connection.submit(func, key, args, kwargs, terms)

    def map(
        self,
        func: Callable[..., Any],
        *iterables: Any,
        key: Any = None,
        workers: Any = None,
        retries: int | None = None,
        resources: dict[str, float] | None = None,
        priority: Any = 0,
        allow_other_workers: bool = False,
        fifo_timeout: str = "100 ms",
        actor: bool = False,
        actors: bool = False,
        pure: bool = True,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> list[Future]:
        """Have a function called for each of some arguments.

        Parameters
        ----------
        func : callable
            What to call.
        *iterables : sequences
            One for each argument; the shortest one counts.
        key : str or list, optional
            What keys begin with, or all keys.
        batch_size : int, optional
            How many tasks to send at once; all by default.
        **kwargs
            The same for all calls; sent once.
        workers, retries, resources, priority, allow_other_workers, fifo_timeout, \
actor, actors, pure
            As for :meth:`submit`.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     client.gather(client.map(pow, [1, 2, 3], [2, 2, 2]))
        [1, 4, 9]
        """
        if not callable(func):
            raise TypeError("First input to map must be a callable function")
        if iterables and all(isinstance(it, Queue | Iterator) for it in iterables):
            raise TypeError(
                "raskt does not map over iterators or queues: use a for loop and submit"
            )
        _check_workers(workers, allow_other_workers)
        actor = actor or actors
        columns = [it if isinstance(it, list) else list(it) for it in iterables]
        keys = _keys_of_map(func, columns, key, pure and not actor, kwargs)
        terms = terms_of(
            workers, allow_other_workers, resources, retries, priority, actor
        )
        if actor:
            return [
                self._connection.submit(_actor_maker(func, k), k, args, kwargs, terms)
                for k, *args in zip(keys, *columns, strict=False)
            ]
        size = batch_size if batch_size and batch_size > 1 else len(keys)
        futures: list[Future] = []
        for start in range(0, len(keys), size or 1):
            part = slice(start, start + size)
            futures += self._connection.map(
                func, keys[part], [column[part] for column in columns], kwargs, terms
            )
        return futures

    def compute(
        self,
        collections: Any,
        sync: bool = False,
        optimize_graph: bool = True,
        workers: Any = None,
        allow_other_workers: bool = False,
        resources: dict[str, float] | None = None,
        retries: int = 0,
        priority: Any = 0,
        fifo_timeout: str = "60s",
        actors: Any = None,
        traverse: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Compute lazy collections, each to one result.

        Parameters
        ----------
        collections : lazy collection, or sequence of them
            What to compute. What is not lazy is given back as it is.
        sync : bool
            Give the results, and not futures?
        optimize_graph : bool
            Let the collections optimize their graphs first?
        traverse : bool
            Look inside of lists, tuples, sets and dicts among the collections?
        workers, allow_other_workers, resources, retries, priority, fifo_timeout, actors
            As for :meth:`submit`.

        Returns
        -------
        Future, or list of futures

        Examples
        --------
        >>> import raskt
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     client.compute(raskt.delayed(1) + 2).result()
        3
        """
        single = not isinstance(collections, list | tuple | set | frozenset)
        parts = [collections] if single else list(collections)
        if traverse:
            parts = [_made_lazy(part) for part in parts]
        lazy = [part for part in parts if base.is_dask_collection(part)]
        terms = terms_of(
            workers, allow_other_workers, resources, retries or None, priority
        )
        futures = iter(
            self._connection.compute(
                base.lazy_values(lazy, optimize_graph), terms, _actor_terms(actors)
            )
            if lazy
            else ()
        )
        results: Any = [
            next(futures) if base.is_dask_collection(part) else part for part in parts
        ]
        if single:
            results = results[0]
        return self.gather(results) if sync else results

    def persist(
        self,
        collections: Any,
        optimize_graph: bool = True,
        workers: Any = None,
        allow_other_workers: bool | None = None,
        resources: dict[str, float] | None = None,
        retries: int | None = None,
        priority: Any = 0,
        fifo_timeout: str = "60s",
        actors: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Start to compute lazy collections, and give some whose parts are futures.

        Arguments as for :meth:`compute`.

        Examples
        --------
        >>> import raskt
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     x = client.persist(raskt.delayed(1) + 2)
        ...     (x * 2).compute()
        6
        """
        single = not isinstance(collections, list | tuple | set | frozenset)
        parts = [collections] if single else list(collections)
        for part in parts:
            if not base.is_dask_collection(part):
                raise TypeError(f"only lazy collections can be persisted, not {part!r}")
        terms = terms_of(workers, allow_other_workers, resources, retries, priority)
        kept = base.persisted(
            parts, lambda values: self._compute(values, terms, actors), optimize_graph
        )
        return kept[0] if single else kept

    def get(
        self,
        dsk: Any,
        keys: Any,
        workers: Any = None,
        allow_other_workers: bool | None = None,
        resources: dict[str, float] | None = None,
        sync: bool = True,
        asynchronous: bool | None = None,
        direct: bool | None = None,
        retries: int | None = None,
        priority: Any = 0,
        fifo_timeout: str = "60s",
        actors: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Compute keys of a graph.

        Parameters
        ----------
        dsk : mapping
            Tasks by key.
        keys : key, or nested lists of keys
            What to compute.
        sync : bool
            Give results, and not futures?
        workers, allow_other_workers, resources, retries, priority, fifo_timeout, actors
            As for :meth:`submit`.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     client.get({"x": (abs, -1), "y": (pow, "x", 2)}, ["x", ["y"]])
        [1, [1]]
        """
        flat = list(flat_keys([keys]))
        terms = terms_of(workers, allow_other_workers, resources, retries, priority)
        futures = self._compute(_native.from_graph(dsk, flat), terms, actors)
        packed = _packed(keys, iter(futures))
        if not sync:
            return packed
        if self.asynchronous if asynchronous is None else asynchronous:
            return self.gather(packed, asynchronous=True)
        return self._results(packed, futures)

    def _compute(self, values: Any, terms: dict, actors: Any = None) -> list[Future]:
        return self._connection.compute(values, terms, _actor_terms(actors))

    def _computed_values(self, values: list, **kwargs: Any) -> list:
        """Compute lazy values for :func:`raskt.compute`, which knows this method."""
        futures = self._kept_values(values, **kwargs)
        return self._results(futures, futures)

    def _results(self, packed: Any, futures: list[Future]) -> Any:
        """Wait for results that nobody needs afterwards."""
        try:
            with _beside_other_tasks():
                return self.gather(packed, asynchronous=False)
        finally:
            # An error refers to this frame, and must not keep them.
            for future in futures:
                future.release()

    def _kept_values(self, values: list, **kwargs: Any) -> list[Future]:
        """Start to compute lazy values for :func:`raskt.persist`."""
        names = ("workers", "allow_other_workers", "resources", "retries", "priority")
        terms = terms_of(**{name: kwargs.get(name) for name in names})
        return self._compute(values, terms, kwargs.get("actors"))

    def normalize_collection(self, collection: Any) -> Any:
        """Give the collection: tasks that are known are found by the scheduler."""
        return collection

    async def _cancel(
        self, futures: list[Future], force: bool, reason: str | None, msg: str | None
    ) -> None:
        text = reason or "cancelled by the client"
        self._connection.cancel(futures, force, f"{text}\n{msg}" if msg else text)

    def cancel(
        self,
        futures: Any,
        asynchronous: bool | None = None,
        force: bool = False,
        reason: str | None = None,
        msg: str | None = None,
    ) -> Any:
        """Do not compute tasks, nor what depends on them.

        Tasks that run are not stopped, but their results are dropped.

        Parameters
        ----------
        futures : futures, or collections of them
            Which tasks.
        force : bool
            Also if other clients want them?
        reason, msg : str, optional
            What those who wait for them are told.
        """
        from raskt.distributed.wait import futures_of

        operation = self._cancel(futures_of(futures), force, reason, msg)
        return self._do(operation, asynchronous)

    async def _retry(self, futures: list[Future]) -> None:
        self._connection.retry(futures)

    def retry(self, futures: Any, asynchronous: bool | None = None) -> Any:
        """Try failed tasks again.

        Parameters
        ----------
        futures : futures, or collections of them
            Which tasks.
        """
        from raskt.distributed.wait import futures_of

        return self._do(self._retry(futures_of(futures)), asynchronous)


def _check_workers(workers: Any, allow_other_workers: Any) -> None:
    if allow_other_workers not in (True, False, None):
        raise TypeError("allow_other_workers= must be True or False")
    if allow_other_workers and workers is None:
        raise ValueError("Only use allow_other_workers= if using workers=")


def _keys_of_map(
    func: Callable, columns: list[list], key: Any, pure: bool, kwargs: dict
) -> list:
    count = min(map(len, columns), default=0)
    if isinstance(key, Iterable) and not isinstance(key, str):
        keys = list(key)
        if len(keys) < count:
            raise ValueError(f"{len(keys)} keys were given for {count} tasks")
        return keys[:count]
    name = key or funcname(func)
    if not pure:
        mark = uuid.uuid4()
        return [f"{name}-{mark}-{i}" for i in range(count)]
    head = tokenize(func, kwargs)
    return [f"{name}-{tokenize(head, *args)}" for args in zip(*columns, strict=False)]


def _actor_maker(func: Callable, key: Any) -> Callable:
    from raskt.distributed.actor import ActorMaker

    return ActorMaker(func, key)


def _actor_terms(actors: Any) -> dict | None:
    """Give the terms of single tasks that the argument ``actors`` asks for."""
    if isinstance(actors, Mapping):
        return {key: {"actor": True} for key, is_one in actors.items() if is_one}
    return None


def _made_lazy(part: Any) -> Any:
    if isinstance(part, list | set | tuple | dict | Iterator):
        return _native.delayed(part, None, None, None, True)
    return part


def _packed(keys: Any, futures: Iterator[Future]) -> Any:
    if isinstance(keys, list):
        return [_packed(key, futures) for key in keys]
    return next(futures)


class _beside_other_tasks:
    """While a task waits for others, its thread is free for them."""

    def __enter__(self) -> None:
        task = _native.current_task()
        self._left = task is not None and not task.get("is_seceded", False)
        if self._left:
            _native.secede()

    def __exit__(self, *exc: Any) -> None:
        if self._left:
            _native.rejoin()
