"""One way to write operations that may be waited for or awaited.

Operations are coroutines that pause only in :func:`until`. With an asynchronous client
they are awaited on the caller's event loop. Otherwise :func:`run_blocking` drives them
in the calling thread: there is no loop, a pause is a wait that lets go of the
interpreter.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from raskt.utils import parse_timedelta

__all__ = [
    "Pending",
    "all_of",
    "first_of",
    "is_blocking",
    "off_loop",
    "run_blocking",
    "seconds",
    "until",
]

T = TypeVar("T")


class Pending(Protocol):
    """Something that happens once: an answer, the end of a task."""

    def wait(self, timeout: float | None) -> bool:
        """Wait in the calling thread; False if time is up."""

    def add_done_callback(self, callback: Callable[[Any], Any], /) -> None:
        """Call ``callback`` from some thread when it has happened."""


_thread = threading.local()


class _Pause:
    """What a coroutine waits for, and for how long."""

    __slots__ = ("pending", "timeout")

    def __init__(self, pending: Pending, timeout: float | None):
        self.pending = pending
        self.timeout = timeout

    def __await__(self) -> Generator[Any, Any, bool]:
        if is_blocking():
            return (yield self)
        return (yield from self._on_loop().__await__())

    async def _on_loop(self) -> bool:
        loop = asyncio.get_running_loop()
        happened = loop.create_future()

        def tell(_: Any) -> None:
            # If the loop was closed, nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, happened, True)

        self.pending.add_done_callback(tell)
        timer = None
        if self.timeout is not None:
            timer = loop.call_later(max(self.timeout, 0), _settle, happened, False)
        try:
            return await happened
        finally:
            if timer is not None:
                timer.cancel()


def _settle(happened: asyncio.Future[bool], outcome: bool) -> None:
    if not happened.done():
        happened.set_result(outcome)


async def until(pending: Pending, timeout: float | None = None) -> bool:
    """Pause until something has happened.

    Returns
    -------
    bool
        False if it has not happened within ``timeout`` seconds.
    """
    return await _Pause(pending, timeout)


def run_blocking(operation: Coroutine[Any, Any, T]) -> T:
    """Do an operation in the calling thread and give its result.

    Examples
    --------
    >>> async def double(x):
    ...     return 2 * x
    >>> run_blocking(double(21))
    42
    """
    step: Callable[[Any], Any] = operation.send
    given: Any = None
    while True:
        before = getattr(_thread, "is_blocking", False)
        _thread.is_blocking = True
        try:
            pause = step(given)
        except StopIteration as end:
            return end.value
        finally:
            _thread.is_blocking = before
        try:
            given = pause.pending.wait(pause.timeout)
            step = operation.send
        except BaseException as error:
            # Ctrl-C, for one: the operation must hear of it where it waits.
            step, given = operation.throw, error


class Gathered:
    """Several things of which all, or one, must happen.

    Parameters
    ----------
    parts : iterable of Pending
        What must happen.
    needed : int, optional
        How many of them are enough; all by default.
    """

    def __init__(self, parts: Iterable[Pending], needed: int | None = None):
        parts = list(parts)
        self._left = len(parts) if needed is None else min(needed, len(parts))
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._callbacks: list[Callable[[Any], Any]] = []
        if self._left <= 0:
            self._done.set()
        for part in parts:
            part.add_done_callback(self._count)

    def _count(self, _: Any) -> None:
        with self._lock:
            self._left -= 1
            if self._left or self._done.is_set():
                return
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def wait(self, timeout: float | None) -> bool:
        """Wait in the calling thread; False if time is up."""
        return self._done.wait(timeout)

    def add_done_callback(self, callback: Callable[[Any], Any], /) -> None:
        """Call ``callback`` when enough have happened."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self)


def all_of(parts: Iterable[Pending]) -> Gathered:
    """Give what happens when all of these have happened."""
    return Gathered(parts)


def first_of(parts: Iterable[Pending]) -> Gathered:
    """Give what happens when one of these has happened."""
    return Gathered(parts, 1)


def seconds(time: float | str | timedelta | None) -> float | None:
    """Give a duration in seconds, as users may write it.

    Examples
    --------
    >>> seconds("100 ms"), seconds(3), seconds(None)
    (0.1, 3, None)
    """
    if time is None or isinstance(time, int | float):
        return time
    return parse_timedelta(time)


async def off_loop(function: Callable[..., T], *args: Any) -> T:
    """Call what may block: here if that is allowed, else on a thread of the loop."""
    if is_blocking():
        return function(*args)
    return await asyncio.to_thread(function, *args)


def is_blocking() -> bool:
    """Tell whether a pause would be a wait of the calling thread."""
    return getattr(_thread, "is_blocking", False)
