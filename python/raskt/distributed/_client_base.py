"""What the parts of a client ask of the whole."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any


class ClientPart:
    """The seams between the parts of :class:`raskt.distributed.Client`."""

    name: str
    id: str
    status: str
    asynchronous: bool
    cluster: Any
    security: Any
    _timeout: float | None
    _asynchronous: bool
    _native: Any
    _connection: Any
    _do: Callable[..., Any]
    _request: Callable[..., Coroutine[Any, Any, Any]]


def one_or_many(value: Any) -> list[Any]:
    """Give a list of what may also be given alone.

    Examples
    --------
    >>> one_or_many("x"), one_or_many(("x", "y")), one_or_many(None)
    (['x'], ['x', 'y'], [])
    """
    if value is None:
        return []
    if isinstance(value, list | set | tuple | frozenset):
        return list(value)
    return [value]


def names_of_workers(workers: Any) -> list[str]:
    """Give workers as the scheduler knows them: by address, name or host.

    Examples
    --------
    >>> names_of_workers("alice"), names_of_workers([("127.0.0.1", 80), 3])
    (['alice'], ['127.0.0.1:80', '3'])
    """
    if isinstance(workers, tuple) and len(workers) == 2 and isinstance(workers[1], int):
        workers = [workers]
    return [
        f"{worker[0]}:{worker[1]}" if isinstance(worker, tuple) else str(worker)
        for worker in one_or_many(workers)
    ]
