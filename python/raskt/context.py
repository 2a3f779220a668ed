"""Methods that the configuration can replace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from raskt import config

__all__ = ["globalmethod"]


class globalmethod:
    """A function of a class that an option replaces where it is set.

    It gets no ``self``: it is looked up on an instance and called as it is.

    Parameters
    ----------
    default : callable, optional
        The function. Without it, a decorator with the other arguments.
    key : str
        The option.
    falsey : callable, optional
        What to use where the option is set to something false.

    Examples
    --------
    >>> import raskt
    >>> class Collection:
    ...     optimize = globalmethod(sorted, key="example.optimize")
    >>> Collection.optimize([2, 1])
    [1, 2]
    >>> with raskt.config.set({"example.optimize": list}):
    ...     Collection.optimize([2, 1])
    [2, 1]
    """

    def __new__(
        cls,
        default: Callable | None = None,
        key: str | None = None,
        falsey: Callable | None = None,
    ) -> Any:
        """Make the method, or what decorates it."""
        if default is None:
            return partial(cls, key=key, falsey=falsey)
        return super().__new__(cls)

    def __init__(
        self,
        default: Callable | None = None,
        key: str | None = None,
        falsey: Callable | None = None,
    ):
        self._default = default
        self._key = key
        self._falsey = falsey

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        chosen = config.get(self._key, None) if self._key else None
        if chosen:
            return chosen
        if chosen is not None and self._falsey:
            return self._falsey
        return self._default
