"""Which client is meant where none is named.

A client that was made current wins, then the one of the worker whose task asks, then
the default client that was made last.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from raskt import _native, config

if TYPE_CHECKING:
    from raskt.distributed.client import Client

__all__ = ["as_current", "default", "default_client", "forget", "remember"]

_current: ContextVar[Client | None] = ContextVar("current_client", default=None)
_host: ContextVar[Any] = ContextVar("worker_here", default=None)
_defaults: weakref.WeakValueDictionary[int, Client] = weakref.WeakValueDictionary()
_numbers = itertools.count()
_lock = threading.Lock()


def default() -> Client | None:
    """Give the client that computes what nobody gave a scheduler for, or None."""
    client = _current.get()
    if client is not None and client.status != "closed":
        return client
    worker = worker_here()
    if worker is not None:
        return worker.get_client()
    return last_default()


def worker_here() -> Any:
    """Give the worker whose task or plugin asks, or None outside of workers."""
    task = _native.current_task()
    return _host.get() if task is None else task["host"]


@contextmanager
def inside(worker: Any) -> Iterator[None]:
    """Let code be part of a worker that is no task: plugins, actors."""
    token = _host.set(worker)
    try:
        yield
    finally:
        _host.reset(token)


def last_default() -> Client | None:
    """Give the current client, or the default client that was made last, or None."""
    client = _current.get()
    if client is not None and client.status != "closed":
        return client
    with _lock:
        numbers = sorted(_defaults, reverse=True)
        found = [c for c in map(_defaults.get, numbers) if c is not None]
    return next((c for c in found if c.status != "closed"), None)


def current_only() -> Client | None:
    """Give the client that was made current, or None."""
    return _current.get()


def remember(client: Client) -> None:
    """Make a client the default one."""
    with _lock:
        _defaults[next(_numbers)] = client


def forget(client: Client) -> None:
    """Let a client be the default one no more."""
    with _lock:
        for number in [n for n, c in _defaults.items() if c is client]:
            del _defaults[number]


@contextmanager
def as_current(client: Client) -> Iterator[Client]:
    """Let a client be the current one for a while."""
    token = _current.set(client)
    try:
        with config.set(scheduler="distributed"):
            yield client
    finally:
        _current.reset(token)


def default_client(c: Any = None) -> Client:
    """Give ``c`` if it is a client, or the default client.

    Raises
    ------
    ValueError
        If there is none.
    TypeError
        If ``c`` is something else.
    """
    from raskt.distributed.client import Client

    if c is not None:
        if not isinstance(c, Client):
            raise TypeError(f"Expected a client, got {c!r}")
        return c
    client = last_default()
    if client is None:
        raise ValueError(
            "No clients found\n"
            "Start a client and point it to the scheduler address\n"
            "  from raskt.distributed import Client\n"
            "  client = Client('ip-addr-of-scheduler:8786')\n"
        )
    return client
