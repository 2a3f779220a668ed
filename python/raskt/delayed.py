"""Lazy function calls: ``delayed``."""

from __future__ import annotations

from functools import partial
from typing import Any

from raskt import _native, threaded
from raskt._native import Delayed, DelayedAttr, DelayedLeaf
from raskt.base import DaskMethodsMixin, replace_name_in_key

__all__ = ["Delayed", "DelayedAttr", "DelayedLeaf", "delayed"]

_missing: Any = object()


def delayed(
    obj: Any = _missing,
    name: str | None = None,
    pure: bool | None = None,
    nout: int | None = None,
    traverse: bool = True,
) -> Any:
    """Make a function or an object lazy.

    A lazy function does not run when it is called: it gives a :class:`Delayed`, whose
    graph remembers the call. Lazy values may be anywhere in the arguments of other lazy
    calls, inside lists, tuples, sets, dicts, slices and dataclasses as well.

    Parameters
    ----------
    obj : object
        What to make lazy. Without it, a decorator with the other arguments.
    name : str, optional
        The key of the result.
    pure : bool, optional
        Does the function always give the same for the same arguments? Then equal
        calls have equal keys and are made once. Default: the option
        ``delayed_pure``, or False.
    nout : int, optional
        How many values the result can be unpacked into.
    traverse : bool
        Look for lazy values inside containers?

    Returns
    -------
    Delayed

    Examples
    --------
    >>> import raskt
    >>> @raskt.delayed
    ... def add(x, y):
    ...     return x + y
    >>> total = add(add(1, 2), 3)
    >>> total.compute()
    6

    Lazy values have the operators, attributes and methods of what they stand for:

    >>> words = raskt.delayed("to be or not to be").split()
    >>> (words.count("be") + 1).compute()
    3
    """
    if nout is not None and (type(nout) is not int or nout < 0):
        raise ValueError(f"nout must be None or a non-negative integer, got {nout}")
    if obj is _missing:
        return partial(delayed, name=name, pure=pure, nout=nout, traverse=traverse)
    return _native.delayed(obj, name, pure, nout, traverse)


def single_key(results: Any) -> Any:
    """Give the one result of a lazy value."""
    return results[0]


def _rebuild(key: Any, graph: dict, length: int | None) -> Delayed:
    (value,) = _native.from_graph(graph, [key])
    return value if length is None else value._with_length(length)


def _rebuild_leaf(
    obj: Any, key: Any, pure: bool | None, nout: int | None, traverse: bool
) -> Delayed:
    return _native.delayed(obj, key, pure, nout, traverse)


def rebuild(
    dsk: dict, key: Any, length: int | None, *, rename: dict | None = None
) -> Delayed:
    """Make a lazy value of a graph that has its key, or what replaces it."""
    return _rebuild(replace_name_in_key(key, rename or {}), dsk, length)


class _DelayedMethods(DaskMethodsMixin):
    """The methods of lazy values that are written in Python."""

    __dask_scheduler__ = staticmethod(threaded.get)
    __dask_optimize__ = None

    def __dask_postcompute__(self) -> tuple[Any, tuple]:
        return single_key, ()

    def __dask_postpersist__(self) -> tuple[Any, tuple]:
        return rebuild, (self.key, self._length)

    def explain(self) -> str:
        """Say in words what will be computed.

        Examples
        --------
        >>> import raskt
        >>> print(raskt.delayed(abs)(-1).explain())  # doctest: +ELLIPSIS
        1 task, 0 edges, longest path 1, 1 output
                 1 x call abs
        """
        return _native.explain([self]).rstrip()


def _graft() -> None:
    """Give the native class the methods that are written in Python."""
    for owner in (DaskMethodsMixin, _DelayedMethods):
        for name, value in vars(owner).items():
            if not name.startswith("__") or name.startswith(("__dask", "__await")):
                setattr(Delayed, name, value)


_graft()
