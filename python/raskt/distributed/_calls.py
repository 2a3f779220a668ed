"""Calling functions of users: what they want to be given, what they give."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["called", "has_parameter"]


def has_parameter(function: Callable[..., Any], name: str) -> bool:
    """Tell whether a function has a parameter of this name.

    Examples
    --------
    >>> has_parameter(lambda x, dask_worker=None: x, "dask_worker")
    True
    >>> has_parameter(len, "dask_worker")
    False
    """
    try:
        return name in inspect.signature(function).parameters
    except (ValueError, TypeError):
        return False


async def called(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function, and await what it gives if that is awaitable."""
    result = function(*args, **kwargs)
    if inspect.isawaitable(result):
        return await result
    return result
