"""One event loop on a thread of its own, for coroutines that need a real loop.

Operations of a client do not need it (see :mod:`raskt.distributed._waiting`); deploying
clusters, asynchronous tasks and plugins of users do.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["in_foreign_loop", "loop_thread", "run_anywhere"]

T = TypeVar("T")

_lock = threading.Lock()
_running: tuple[int, asyncio.AbstractEventLoop] | None = None


def loop_thread() -> asyncio.AbstractEventLoop:
    """Give the loop, which runs on a daemon thread of this process."""
    global _running
    with _lock:
        if _running is None or _running[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(
                target=loop.run_forever, name="raskt-loop", daemon=True
            ).start()
            _running = os.getpid(), loop
        return _running[1]


def is_on_loop_thread() -> bool:
    """Tell whether this is called on the loop's own thread."""
    try:
        return _running is not None and asyncio.get_running_loop() is _running[1]
    except RuntimeError:
        return False


def run_anywhere(operation: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """Run a coroutine on the loop, and wait for its result in the calling thread.

    Examples
    --------
    >>> async def double(x):
    ...     await asyncio.sleep(0)
    ...     return 2 * x
    >>> run_anywhere(double(21))
    42
    """
    if is_on_loop_thread():
        operation.close()
        raise RuntimeError("this would wait for the loop on its own thread; await it")
    future = asyncio.run_coroutine_threadsafe(operation, loop_thread())
    try:
        return future.result(timeout)
    except BaseException:
        future.cancel()
        raise


def in_foreign_loop(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Tell whether ``loop`` runs, but not on this thread."""
    if loop is None:
        return False
    try:
        return asyncio.get_running_loop() is not loop
    except RuntimeError:
        return loop.is_running()
