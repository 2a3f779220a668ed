"""The scheduler that runs tasks one after the other on the calling thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raskt._engine import get_values, nested_get, run_values

__all__ = ["get_sync", "nested_get"]


def get_sync(dsk: Mapping, keys: Any, **kwargs: Any) -> Any:
    """Compute the results of ``keys`` in the graph ``dsk``, on the calling thread.

    The order is always the same, and debuggers work. Arguments, result and errors as in
    :func:`raskt.threaded.get`.

    Examples
    --------
    >>> from operator import add
    >>> get_sync({"x": 1, "y": (add, "x", 10)}, "y")
    11
    """
    return get_values(run, dsk, keys, **kwargs)


def run(values: list, **kwargs: Any) -> list:
    """Compute lazy values on the calling thread."""
    return run_values(values, "sync", **kwargs)


get_sync.run = run  # type: ignore[attr-defined]


def __getattr__(name: str) -> Any:
    # Rarely needed, and what it is built on takes long to import.
    if name in ("SynchronousExecutor", "synchronous_executor"):
        from raskt import _executors

        return getattr(_executors, name)
    raise AttributeError(f"module 'raskt.local' has no attribute {name!r}")
