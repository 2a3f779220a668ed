"""``as_completed``: futures in the order in which their tasks end."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any

from raskt.distributed._current import default_client
from raskt.distributed._waiting import off_loop, run_blocking, seconds, until
from raskt.distributed.future import Future

__all__ = ["AsCompleted", "as_completed"]


class _Arrivals:
    """Futures that have ended, in order, and those who wait for the next one."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ended: deque[Future] = deque()
        self._callbacks: list[Callable[[Any], Any]] = []

    def put(self, future: Future) -> None:
        """Add a future, and tell whoever waits."""
        with self.changed:
            self.ended.append(future)
            self.changed.notify_all()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def wait(self, timeout: float | None) -> bool:
        """Wait in the calling thread until there is one; False if time is up."""
        with self.changed:
            return self.changed.wait_for(lambda: bool(self.ended), timeout)

    def add_done_callback(self, callback: Callable[[Any], Any], /) -> None:
        """Call ``callback`` when there is one."""
        with self.changed:
            if not self.ended:
                self._callbacks.append(callback)
                return
        callback(self)


class as_completed:
    """Iterate over futures in the order in which their tasks end.

    More futures may be added meanwhile. Works with ``for`` and ``async for``.

    Parameters
    ----------
    futures : iterable of Future, optional
        To begin with.
    loop : object, optional
        Accepted and ignored.
    with_results : bool
        Give pairs of future and result?
    raise_errors : bool
        Raise the error of a task when its turn comes? Otherwise the pair has a tuple
        ``(type, error, traceback)`` in place of the result. Needs ``with_results``.
        For cancelled tasks, the result is a CancelledError, which is not raised.
    timeout : number or str, optional
        How long all may take, in seconds; then TimeoutError is raised.

    Examples
    --------
    >>> from raskt.distributed import Client, as_completed
    >>> with Client(processes=False, n_workers=1) as client:
    ...     squares = client.map(lambda x: x**2, range(3))
    ...     sorted(result for _, result in as_completed(squares, with_results=True))
    [0, 1, 4]
    """

    def __init__(
        self,
        futures: Iterable[Future] | None = None,
        loop: Any = None,
        with_results: bool = False,
        raise_errors: bool = True,
        *,
        timeout: Any = None,
    ):
        self.futures: Counter[Future] = Counter()
        self.with_results = with_results
        self.raise_errors = raise_errors
        timeout = seconds(timeout)
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._arrivals = _Arrivals()
        self.loop = loop
        if futures is None:
            default_client()
        else:
            self.update(futures)

    @property
    def condition(self) -> threading.Condition:
        """What is notified when a future is there."""
        return self._arrivals.changed

    def update(self, futures: Iterable[Future]) -> None:
        """Add several futures."""
        futures = list(futures)
        for future in futures:
            if not isinstance(future, Future):
                raise TypeError(f"Input must be a future, got {future}")
        with self.condition:
            self.futures.update(futures)
        for future in futures:
            future._on_done(self._ended)

    def add(self, future: Future) -> None:
        """Add a future."""
        self.update((future,))

    def _ended(self, future: Future) -> None:
        with self.condition:
            if not self.futures[future]:
                del self.futures[future]
                return  # It was cleared.
            self.futures[future] -= 1
            if not self.futures[future]:
                del self.futures[future]
            self._arrivals.put(future)

    def is_empty(self) -> bool:
        """Tell whether all futures have been given."""
        return not self.count()

    def has_ready(self) -> bool:
        """Tell whether a future is there to be given at once."""
        return bool(self._arrivals.ended)

    def count(self) -> int:
        """Give the number of futures that have not been given."""
        with self.condition:
            return sum(self.futures.values()) + len(self._arrivals.ended)

    def clear(self) -> None:
        """Forget all futures."""
        with self.condition:
            self.futures.clear()
            self._arrivals.ended.clear()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.is_empty():
            raise StopIteration
        return run_blocking(self._next())

    next = __next__

    async def __anext__(self) -> Any:
        if self.is_empty():
            raise StopAsyncIteration
        return await self._next()

    async def _next(self) -> Any:
        while True:
            await self._wait()
            with self.condition:
                if self._arrivals.ended:
                    future = self._arrivals.ended.popleft()
                    break
        return await self._item(future)

    async def _wait(self) -> None:
        left = None
        if self._deadline is not None:
            left = max(self._deadline - time.monotonic(), 0)
        if not await until(self._arrivals, left):
            raise TimeoutError(f"{self.count()} tasks did not end in time")

    async def _item(self, future: Future) -> Any:
        if not self.with_results:
            return future
        try:
            if future._is_here or future.status != "finished":
                return future, future._result()
            return future, await off_loop(future._result)
        except CancelledError as error:
            return future, error
        except Exception as error:
            if self.raise_errors:
                raise
            return future, (type(error), error, error.__traceback__)

    def next_batch(self, block: bool = True) -> list[Any]:
        """Give all futures that are there.

        Parameters
        ----------
        block : bool
            Wait until there is at least one?
        """
        batch = [next(self)] if block else []
        while self.has_ready():
            batch.append(next(self))
        return batch

    def batches(self) -> Iterator[list[Any]]:
        """Iterate over lists of all futures that are there.

        Examples
        --------
        >>> from raskt.distributed import Client, as_completed
        >>> with Client(processes=False, n_workers=1) as client:
        ...     futures = client.map(abs, range(-3, 0))
        ...     sum(len(batch) for batch in as_completed(futures).batches())
        3
        """
        while not self.is_empty():
            yield self.next_batch(block=True)

    def __repr__(self) -> str:
        waiting = sum(self.futures.values())
        return f"<as_completed: waiting={waiting} done={len(self._arrivals.ended)}>"


def AsCompleted(*args: Any, **kwargs: Any) -> as_completed:
    """Give :class:`as_completed`, by its old name."""
    return as_completed(*args, **kwargs)
