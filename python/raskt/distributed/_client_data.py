"""The part of a client that moves data: to workers, from them, between them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

from raskt._tracebacks import shorten_traceback
from raskt.distributed._client_base import ClientPart, names_of_workers
from raskt.distributed._current import worker_here
from raskt.distributed._waiting import Gathered, is_blocking, off_loop, seconds, until
from raskt.distributed.future import Done, Future
from raskt.tokenize import tokenize

__all__ = ["DataMethods"]

no_default: Any = "__no_default__"


class DataMethods(ClientPart):
    """``gather``, ``scatter``, ``replicate``, ``rebalance``."""

    def gather(
        self,
        futures: Any,
        errors: str = "raise",
        direct: bool | None = None,
        asynchronous: bool | None = None,
    ) -> Any:
        """Wait for results, and bring them here.

        Parameters
        ----------
        futures : Future, or containers of them
            What to bring: lists, tuples, sets and dicts of any depth. An iterator
            gives an iterator.
        errors : str
            ``"raise"`` what a task raised, or ``"skip"`` failed tasks: they are left
            out of a list, and are None elsewhere.
        direct, asynchronous : bool, optional
            Accepted and ignored; give a coroutine?

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     x = client.submit(abs, -1)
        ...     client.gather({"x": x, "all": [x, x]})
        {'x': 1, 'all': [1, 1]}
        """
        if isinstance(futures, Queue):
            raise TypeError(
                "raskt does not gather from queues: use a for loop and gather"
            )
        if errors not in ("raise", "skip"):
            raise ValueError(f"Bad value, `errors={errors}`")
        if isinstance(futures, Iterator):
            return (self.gather(f, errors, direct, asynchronous) for f in futures)
        with shorten_traceback():
            return self._do(self._gather(futures, errors), asynchronous)

    async def _gather(self, futures: Any, errors: str) -> Any:
        wanted: dict[Any, Future] = {}
        _collect(futures, wanted)
        found = list(wanted.values())
        strangers = [future for future in found if future.client is not self]
        if strangers:
            raise ValueError(
                "Cannot gather Futures created by another client: "
                f"{[future.key for future in strangers]}"
            )
        bad: set[Any] = set()
        if errors == "skip":
            await until(Gathered(map(Done, found)))
            bad = {future.key for future in found if future.status != "finished"}
            found = [future for future in found if future.key not in bad]
        elif not is_blocking():
            await until(_AllOrFailed(found))
            for future in found:
                if future.status in ("error", "cancelled"):
                    future._result()
        here = all(future._is_here for future in found)
        fetch = self._connection.gather
        values = (
            fetch(found, "raise") if here else await off_loop(fetch, found, "raise")
        )
        results = dict(zip((future.key for future in found), values, strict=True))
        if bad and isinstance(futures, list):
            futures = [
                f for f in futures if not (isinstance(f, Future) and f.key in bad)
            ]
        results.update(dict.fromkeys(bad))
        return _replaced(futures, results)

    def scatter(
        self,
        data: Any,
        workers: Any = None,
        broadcast: bool | int = False,
        direct: bool | None = None,
        hash: bool = True,
        timeout: Any = no_default,
        asynchronous: bool | None = None,
    ) -> Any:
        """Bring data to the workers.

        Parameters
        ----------
        data : object, list, tuple, set or dict
            What to bring. Each item of a container is one future; a dict gives the
            keys.
        workers : str or iterable of str, optional
            Where to, by address, name or host.
        broadcast : bool or int
            To all workers, or to so many?
        direct : bool, optional
            Accepted and ignored: data always goes to workers directly.
        hash : bool
            Is the key the token of the data? Otherwise it is unlike any other.
        timeout : number or str, optional
            How long to wait for workers, if there are none.
        asynchronous : bool, optional
            Give a coroutine?

        Returns
        -------
        Future, or a container of futures of the kind of ``data``

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     words = client.scatter(["to", "be"])
        ...     client.submit(" ".join, words).result()
        'to be'
        """
        limit = self._timeout if timeout is no_default else seconds(timeout)
        names = names_of_workers(workers)
        if not names and not broadcast:
            names = _own_worker()
        return self._do(
            self._scatter(data, names, broadcast, hash, limit), asynchronous
        )

    async def _scatter(
        self,
        data: Any,
        workers: list[str],
        broadcast: bool | int,
        hash: bool,
        timeout: float | None,
    ) -> Any:
        keys, values, repack = _items(data, hash)
        try:
            await self._request("wait_for_workers", count=1, timeout=timeout or 0.0)
        except TimeoutError:
            raise TimeoutError("No valid workers found") from None
        unique = dict(zip(keys, values, strict=True))
        futures = await off_loop(
            self._connection.scatter,
            list(unique.values()),
            list(unique),
            workers,
            broadcast is True,
        )
        if broadcast and broadcast is not True:
            await self._replicate(futures, int(broadcast), workers)
        by_key = dict(zip(unique, futures, strict=True))
        return repack([by_key[key] for key in keys])

    async def _replicate(
        self, futures: list[Future], copies: int, workers: list[str]
    ) -> None:
        await until(Gathered(map(Done, futures)))
        keys = [future.key for future in futures]
        await self._request("replicate", keys=keys, copies=copies, workers=workers)

    def replicate(
        self,
        futures: Any,
        n: int | None = None,
        workers: Any = None,
        branching_factor: int = 2,
        **kwargs: Any,
    ) -> Any:
        """Copy results to several workers.

        Parameters
        ----------
        futures : futures, or collections of them
            Which results.
        n : int, optional
            On how many workers each is to be; on all by default.
        workers : str or iterable of str, optional
            On which.
        branching_factor : int
            Accepted and ignored: the scheduler chooses.
        """
        from raskt.distributed.wait import futures_of

        names = names_of_workers(workers)
        operation = self._replicate(futures_of(futures), n or 0, names)
        return self._do(operation, kwargs.get("asynchronous"))

    async def _rebalance(self, futures: list[Future], workers: list[str]) -> None:
        await until(Gathered(map(Done, futures)))
        keys = [future.key for future in futures]
        await self._request("rebalance", keys=keys, workers=workers)

    def rebalance(self, futures: Any = None, workers: Any = None, **kwargs: Any) -> Any:
        """Even out the memory of workers by moving results between them.

        Parameters
        ----------
        futures : futures, or collections of them, optional
            Which results; any by default.
        workers : str or iterable of str, optional
            Between which workers; all by default.
        """
        from raskt.distributed.wait import futures_of

        found = [] if futures is None else futures_of(futures)
        operation = self._rebalance(found, names_of_workers(workers))
        return self._do(operation, kwargs.get("asynchronous"))


class _AllOrFailed:
    """The end of all tasks, or of the first one that has no result."""

    def __init__(self, futures: list[Future]):
        self._futures = futures

    def wait(self, timeout: float | None) -> bool:
        """Wait in the calling thread; False if time is up."""
        return Gathered(map(Done, self._futures)).wait(timeout)

    def add_done_callback(self, callback: Callable[[Any], Any], /) -> None:
        """Call ``callback`` when all have ended, or one failed."""

        def look(future: Future) -> None:
            if future.status not in ("finished", "pending", "lost"):
                callback(self)

        Gathered(map(Done, self._futures)).add_done_callback(callback)
        for future in self._futures:
            future._on_done(look)


def _collect(part: Any, found: dict[Any, Future]) -> None:
    """List the futures in containers, each once."""
    if isinstance(part, Future):
        found.setdefault(part.key, part)
    elif isinstance(part, list | tuple | set | frozenset):
        for item in part:
            _collect(item, found)
    elif isinstance(part, dict):
        for item in part.values():
            _collect(item, found)


def _replaced(part: Any, results: dict[Any, Any]) -> Any:
    """Give containers with results in place of futures."""
    if isinstance(part, Future):
        return results[part.key]
    kind = type(part)
    if kind in (list, set, frozenset, tuple):
        return kind(_replaced(item, results) for item in part)
    if isinstance(part, dict):
        return {name: _replaced(item, results) for name, item in part.items()}
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return kind(*(_replaced(item, results) for item in part))
    return part


def _items(data: Any, hash: bool) -> tuple[list, list, Callable[[list], Any]]:
    """Give keys and values to scatter, and what makes the answer of futures."""
    if isinstance(data, range | Iterator):
        data = list(data)
    kind = type(data)
    if kind is dict:
        keys = list(data)
        return keys, list(data.values()), lambda fs: dict(zip(keys, fs, strict=True))
    is_named = isinstance(data, tuple) and hasattr(data, "_fields")
    if kind not in (list, tuple, set, frozenset) and not is_named:
        keys, values, _ = _items([data], hash)
        return keys, values, lambda fs: fs[0]
    values = list(data)
    keys = [
        f"{type(x).__name__}-{tokenize(x) if hash else uuid.uuid4().hex}"
        for x in values
    ]
    return keys, values, lambda fs: kind(*fs) if is_named else kind(fs)


def _own_worker() -> list[str]:
    """Give the worker whose task asks: data of a task stays with it."""
    worker = worker_here()
    return [] if worker is None else [worker.address]
