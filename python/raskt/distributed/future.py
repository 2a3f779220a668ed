"""``Future``: the result of a task that runs on the cluster."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from raskt._native import Future
from raskt._tracebacks import shorten_traceback
from raskt.distributed import _payload
from raskt.distributed._waiting import off_loop, seconds, until

__all__ = ["Done", "Future", "resolved"]

logger = logging.getLogger(__name__)


class Done:
    """The end of a task, as something to wait for."""

    __slots__ = ("future",)

    def __init__(self, future: Future):
        self.future = future

    def wait(self, timeout: float | None) -> bool:
        """Wait in the calling thread; False if time is up."""
        return self.future._wait(timeout)

    def add_done_callback(self, callback: Callable[[Any], Any], /) -> None:
        """Call ``callback`` on a native thread when the task has ended."""
        self.future._on_done(callback)


async def ended(future: Future, timeout: float | None = None) -> None:
    """Pause until the task has ended.

    Raises
    ------
    TimeoutError
        If it has not within ``timeout`` seconds.
    """
    if not await until(Done(future), timeout):
        raise TimeoutError(f"the task {future.key!r} did not end within {timeout} s")


async def resolved(future: Future, timeout: float | None = None) -> Any:
    """Pause until the task has ended, and give its result or raise its error."""
    await ended(future, timeout)
    if future._is_here or future.status != "finished":
        return future._result()
    return await off_loop(future._result)


async def _exception(future: Future, timeout: float | None) -> BaseException | None:
    await ended(future, timeout)
    found = future._exception()
    return None if found is None else found[0]


async def _traceback(future: Future, timeout: float | None) -> TracebackType | None:
    error = await _exception(future, timeout)
    return None if error is None else error.__traceback__


def _new(
    cls: type, key: Any, client: Any = None, state: Any = None, _id: Any = None
) -> Future:
    """Give a future of a key that the scheduler knows."""
    return _rebound(key) if client is None else client._connection.future(key)


def _rebound(key: Any) -> Future:
    """Give a future of the client that is meant here."""
    from raskt.distributed import _current

    client = _current.default()
    if client is None:
        raise RuntimeError(
            f"the future of {key!r} is read where there is no client; make a Client "
            "first, or read it inside of a task"
        )
    return client._native.future(key)


class _FutureMethods:
    """The methods of futures that are written in Python."""

    key: Any
    status: str
    type_name: str
    client: Any
    _wait: Callable[[float | None], bool]
    _result: Callable[[], Any]

    @property
    def executor(self) -> Any:
        """The client, as futures of the standard library name it."""
        return self.client

    @property
    def type(self) -> type | None:
        """The type of the result, if it is known and can be found here."""
        return type_of(self.type_name)

    def done(self) -> bool:
        """Tell whether the task has ended: with a result, an error, or cancelled."""
        return self.status not in ("pending", "lost")

    def cancelled(self) -> bool:
        """Tell whether the task was cancelled."""
        return self.status == "cancelled"

    def result(self, timeout: float | str | None = None) -> Any:
        """Wait for the result, and give it.

        Parameters
        ----------
        timeout : number or str, optional
            How long to wait, in seconds.

        Raises
        ------
        TimeoutError
            If the task does not end in time.
        CancelledError
            If it was cancelled.
        Exception
            What the task raised.
        """
        timeout = seconds(timeout)
        if self.client.asynchronous:
            return resolved(self, timeout)
        with shorten_traceback():
            if not self._wait(timeout):
                raise TimeoutError(
                    f"the task {self.key!r} did not end within {timeout} s"
                )
            return self._result()

    def exception(self, timeout: float | str | None = None, **kwargs: Any) -> Any:
        """Wait for the end of the task, and give what it raised, or None."""
        return self.client._do(_exception(self, seconds(timeout)), **kwargs)

    def traceback(self, timeout: float | str | None = None, **kwargs: Any) -> Any:
        """Wait for the end of the task, and give the traceback of its error, or None.

        It can be looked at with the module :mod:`traceback`.
        """
        return self.client._do(_traceback(self, seconds(timeout)), **kwargs)

    def add_done_callback(self, fn: Callable[[Future], Any]) -> None:
        """Call ``fn(future)`` on a thread when the task has ended, however it did."""
        self._on_done(lambda future: _callback_thread().submit(_call, fn, future))

    def cancel(
        self, reason: str | None = None, msg: str | None = None, **kwargs: Any
    ) -> Any:
        """Do not compute it. See :meth:`Client.cancel`."""
        return self.client.cancel([self], reason=reason, msg=msg, **kwargs)

    def retry(self, **kwargs: Any) -> Any:
        """Compute it again if it failed. See :meth:`Client.retry`."""
        return self.client.retry([self], **kwargs)

    def bind_client(self, client: Any) -> None:
        """Do nothing: a future has its client from the beginning."""

    def __await__(self) -> Generator[Any, Any, Any]:
        return resolved(self).__await__()

    def __reduce__(self) -> tuple[Any, ...]:
        _payload.note_key(self.key)
        return _rebound, (self.key,)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return "Future", self.key

    def __repr__(self) -> str:
        name = self.type_name.removeprefix("builtins.")
        kind = f"type: {name}, " if name else ""
        return f"<Future: {self.status}, {kind}key: {self.key}>"

    def _repr_html_(self) -> str:
        from html import escape

        parts = {"status": self.status, "type": self.type_name, "key": str(self.key)}
        cells = "".join(
            f"<strong>{name}:</strong> <span>{escape(text)}</span>, "
            for name, text in parts.items()
            if text
        )
        return f"<strong>Future: </strong>{cells.rstrip(', ')}"


def _graft() -> None:
    """Give the native class the methods that are written in Python."""
    for name, value in vars(_FutureMethods).items():
        if not name.startswith("__") or name in (
            "__await__",
            "__reduce__",
            "__dask_tokenize__",
            "__repr__",
        ):
            setattr(Future, name, value)
    Future.__new__ = staticmethod(_new)  # type: ignore[method-assign,assignment]


def type_of(name: str) -> type | None:
    """Give the type of this name if it can be found without importing anything.

    Examples
    --------
    >>> type_of("int"), type_of("collections.OrderedDict"), type_of("no.such")
    (<class 'int'>, <class 'collections.OrderedDict'>, None)
    """
    import builtins
    import sys

    module, _, own = name.rpartition(".")
    home = sys.modules.get(module) if module else builtins
    found = getattr(home, own, None)
    return found if isinstance(found, type) else None


_callbacks: tuple[int, ThreadPoolExecutor] | None = None
_callbacks_lock = threading.Lock()


def _callback_thread() -> ThreadPoolExecutor:
    """Give the one thread of this process that calls back."""
    global _callbacks
    with _callbacks_lock:
        if _callbacks is None or _callbacks[0] != os.getpid():
            _callbacks = os.getpid(), ThreadPoolExecutor(1, "raskt-callbacks")
        return _callbacks[1]


def _call(fn: Callable[[Future], Any], future: Future) -> None:
    try:
        fn(future)
    except Exception:
        logger.exception("Error in callback %s of %s:", fn, future)


_graft()
