"""What travels between clients and workers beside tasks: pickled bytes.

The scheduler never reads them. Futures in them stay futures: they are written as their
key, and whoever keeps the bytes must know the keys, so that the results are kept, too.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["dumps", "dumps_with_keys", "loads", "noted_keys"]

_noted: ContextVar[list[Any] | None] = ContextVar("noted_keys", default=None)


def dumps(value: Any) -> bytes:
    """Write ``value``; what pickle cannot write is left to cloudpickle.

    Examples
    --------
    >>> loads(dumps({"x": [1, 2]}))
    {'x': [1, 2]}
    >>> loads(dumps(lambda x: x + 1))(1)
    2
    """
    try:
        data = pickle.dumps(value, protocol=5)
        # Another process has another ``__main__``.
        if b"__main__" not in data:
            return data
    except Exception:
        pass
    import cloudpickle

    return cloudpickle.dumps(value, protocol=5)


loads = pickle.loads


def dumps_with_keys(value: Any) -> tuple[bytes, list[Any]]:
    """Write ``value``, and list the keys of the futures in it."""
    with noted_keys() as keys:
        data = dumps(value)
    return data, list(dict.fromkeys(keys))


@contextmanager
def noted_keys() -> Iterator[list[Any]]:
    """Collect the keys of futures that are pickled meanwhile."""
    keys: list[Any] = []
    token = _noted.set(keys)
    try:
        yield keys
    finally:
        _noted.reset(token)


def note_key(key: Any) -> None:
    """Tell whoever collects keys that a future is being pickled."""
    keys = _noted.get()
    if keys is not None:
        keys.append(key)
