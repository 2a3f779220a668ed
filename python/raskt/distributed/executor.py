"""``ClientExecutor``: a cluster in the form of ``concurrent.futures``."""

from __future__ import annotations

import concurrent.futures as cf
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from raskt.distributed._waiting import seconds
from raskt.distributed.future import Future, _callback_thread

__all__ = ["ClientExecutor"]

_OPTIONS = frozenset(
    {
        "pure",
        "workers",
        "resources",
        "allow_other_workers",
        "retries",
        "priority",
        "fifo_timeout",
    }
)


class ClientExecutor(cf.Executor):
    """Runs functions on a cluster, with the interface of the standard library.

    Parameters
    ----------
    client : Client
        The client of the cluster.
    **kwargs
        For :meth:`Client.submit`.
    """

    def __init__(self, client: Any, **kwargs: Any):
        unknown = sorted(set(kwargs) - _OPTIONS)
        if unknown:
            raise TypeError(
                f"unsupported arguments to ClientExecutor: {unknown}; "
                f"there are {sorted(_OPTIONS)}"
            )
        self._client = client
        self._kwargs = kwargs
        self._futures: weakref.WeakSet[Future] = weakref.WeakSet()
        self._is_shut = False

    def submit(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> cf.Future:
        """Have a function called on the cluster.

        Raises
        ------
        RuntimeError
            If the executor was shut down.
        """
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        options = {**self._kwargs, **kwargs}
        future = self._client.submit(fn, *args, **options)
        self._futures.add(future)
        return _standard(future)

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Any,
        timeout: Any = None,
        chunksize: int = 1,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Give the results of a function for each of some arguments, in order.

        Parameters
        ----------
        fn : callable
            What to call.
        *iterables : iterables
            One for each argument.
        timeout : number or str, optional
            How long each result may take from now on, in seconds.
        chunksize : int
            Accepted and ignored: tasks are sent in blocks anyway.
        """
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        limit = seconds(timeout)
        end = None if limit is None else time.monotonic() + limit
        options = {**self._kwargs, **kwargs}
        futures = self._client.map(fn, *map(list, iterables), **options)
        self._futures.update(futures)
        return _results(futures, end)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more functions.

        Parameters
        ----------
        wait : bool
            Wait for those that were taken? Otherwise they are cancelled.
        cancel_futures : bool
            Cancel those that have not ended, and wait for the others?
        """
        if self._is_shut:
            return
        self._is_shut = True
        futures = list(self._futures)
        if cancel_futures or not wait:
            self._client.cancel([f for f in futures if not f.done()])
        if wait:
            for future in futures:
                future._wait(None)

    def __exit__(self, *exc: Any) -> None:
        self.shutdown(wait=True)


def _results(futures: list[Future], end: float | None) -> Iterator[Any]:
    try:
        while futures:
            left = None if end is None else max(end - time.monotonic(), 0)
            if not futures[0]._wait(left):
                raise TimeoutError
            yield futures.pop(0)._result()
    finally:
        if futures:
            futures[0].client._connection.cancel(futures, False, "not wanted any more")


def _standard(future: Future) -> cf.Future:
    """Give a future of the standard library that follows one of the cluster."""
    follower: cf.Future = cf.Future()

    def end(_: Future) -> None:
        if future.cancelled():
            follower.cancel()
        if not follower.set_running_or_notify_cancel():
            return
        try:
            follower.set_result(future._result())
        except BaseException as error:
            follower.set_exception(error)

    def follow(_: Future) -> None:
        _callback_thread().submit(end, future)

    def let_go(_: cf.Future) -> None:
        if follower.cancelled() and not future.done():
            future.client._connection.cancel([future], False, "cancelled")

    follower.add_done_callback(let_go)
    future._on_done(follow)
    return follower
