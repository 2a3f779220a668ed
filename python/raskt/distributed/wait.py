"""``wait``, ``fire_and_forget``, ``futures_of``: about several futures at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from raskt.base import is_dask_collection
from raskt.distributed._current import default_client
from raskt.distributed._waiting import Gathered, seconds, until
from raskt.distributed.future import Done, Future

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "DoneAndNotDoneFutures",
    "fire_and_forget",
    "futures_of",
    "wait",
]

ALL_COMPLETED = "ALL_COMPLETED"
FIRST_COMPLETED = "FIRST_COMPLETED"


class DoneAndNotDoneFutures(NamedTuple):
    """Futures whose tasks have ended, and the others."""

    done: set[Future]
    not_done: set[Future]


def wait(fs: Any, timeout: Any = None, return_when: str = ALL_COMPLETED) -> Any:
    """Wait until tasks have ended.

    Parameters
    ----------
    fs : futures, or collections of them
        What to wait for.
    timeout : number or str, optional
        How long to wait, in seconds.
    return_when : str
        ``"ALL_COMPLETED"`` or ``"FIRST_COMPLETED"``.

    Returns
    -------
    DoneAndNotDoneFutures
        Two sets. (A coroutine that gives it if the client is asynchronous.)

    Raises
    ------
    TimeoutError
        If not enough have ended in time.
    CancelledError
        If one was cancelled.
    """
    if timeout is not None and not isinstance(timeout, int | float | str):
        raise TypeError(
            f"timeout= is for the duration in seconds, got {type(timeout).__name__}"
        )
    if return_when not in (ALL_COMPLETED, FIRST_COMPLETED):
        raise NotImplementedError(
            f"return_when must be {ALL_COMPLETED!r} or {FIRST_COMPLETED!r}, "
            f"not {return_when!r}"
        )
    futures = futures_of(fs)
    client = futures[0].client if futures else default_client()
    return client._do(_wait(futures, seconds(timeout), return_when))


class _Ended:
    """The end of all of some tasks, or of the first one."""

    def __init__(self, futures: list[Future], first: bool):
        self._futures = futures
        self._first = first

    def wait(self, timeout: float | None) -> bool:
        """Wait in the calling thread; False if time is up."""
        client = self._futures[0].client
        return client._native.wait_many(self._futures, timeout, self._first)

    def add_done_callback(self, callback: Any, /) -> None:
        """Call ``callback`` when enough have ended."""
        needed = 1 if self._first else None
        Gathered(map(Done, self._futures), needed).add_done_callback(callback)


async def _wait(
    futures: list[Future], timeout: float | None, return_when: str
) -> DoneAndNotDoneFutures:
    from raskt.distributed.exceptions import FutureCancelledError

    if futures:
        first = return_when == FIRST_COMPLETED
        if not await until(_Ended(futures, first), timeout):
            left = sum(not future.done() for future in futures)
            raise TimeoutError(f"{left} of {len(futures)} tasks did not end in time")
    for future in futures:
        if future.cancelled():
            raise FutureCancelledError(future.key, future._reason)
    done = {future for future in futures if future.done()}
    return DoneAndNotDoneFutures(done, set(futures) - done)


def futures_of(o: Any, client: Any = None) -> list[Future]:
    """List the futures in an object: a collection, or containers of any depth.

    Parameters
    ----------
    o : object
        A future, a lazy collection that was persisted, or lists, tuples, sets and
        dicts of these.
    client : Client, optional
        If given, futures that were cancelled are an error.

    Examples
    --------
    >>> futures_of([1, {"x": (2, 3)}])
    []
    """
    found: dict[Future, None] = {}
    todo = [o]
    while todo:
        x = todo.pop()
        if isinstance(x, Future):
            found.setdefault(x)
        else:
            todo.extend(list(_within(x))[::-1])
    futures = list(found)
    if client is not None:
        lost = [future.key for future in futures if future.cancelled()]
        if lost:
            from raskt.distributed.exceptions import CancelledError

            raise CancelledError(lost)
    return futures


def _within(x: Any) -> Iterable[Any]:
    """Give what an object consists of, as far as futures may be in it."""
    if type(x) in (tuple, set, list):
        return x
    if type(x) is dict:
        return x.values()
    if is_dask_collection(x):
        graph = x.__dask_graph__()
        return [] if graph is None else graph.values()
    if type(x).__name__ in ("Task", "Container", "DataNode", "Alias"):
        parts = [
            getattr(x, name, None) for name in ("args", "kwargs", "items", "value")
        ]
        return [part for part in parts if part is not None and not callable(part)]
    return ()


def fire_and_forget(obj: Any) -> None:
    """Let tasks run even if nobody keeps their futures.

    Parameters
    ----------
    obj : futures, or collections of them
        What to run; the results are dropped when they are there.
    """
    for future in futures_of(obj):
        # The callback holds the future until the task has ended.
        future._on_done(partial(_let_go, future))


def _let_go(kept: Future, _: Future) -> None:
    """Do nothing but hold a future until this is called."""
