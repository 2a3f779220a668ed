"""Names for values: equal inputs give equal tokens, in every process and every run.

`tokenize` writes its arguments as bytes and hashes them. The bytes are unambiguous:
everything says where it ends, and what has no order is sorted by its bytes. Scalars and
builtin containers are written directly. Other objects are taken apart first, by a
function registered with `normalize_token`, by their own ``__raskt_tokenize__`` or
``__dask_tokenize__``, or else by what pickle would store (see `raskt._normalize`).
"""

from __future__ import annotations

import datetime
import decimal
import pathlib
import sys
import threading
import types
from functools import partial
from hashlib import sha256
from typing import Any

from raskt._dispatch import Dispatch
from raskt._normalize import (
    _ENSURE_DETERMINISTIC,  # noqa: F401 - Dask has it here
    HANDLERS,
    Handler,
    ModuleGlobal,
    Parts,
    TokenizationError,
    cannot,
    is_strict,
    name_of,
    own_method,
    reduced,
    strictness,
    unstable,
)
from raskt._token_writer import SCALARS, Writer, write_flat

__all__ = ["TokenizationError", "normalize_token", "tokenize"]


def tokenize(
    *args: Any, ensure_deterministic: bool | None = None, **kwargs: Any
) -> str:
    """Name the arguments by their content.

    Equal arguments get the same token, in this process or another one; different ones
    get different tokens. Types count: ``1``, ``1.0`` and ``True`` differ. The order of
    dictionaries and sets does not.

    Parameters
    ----------
    *args, **kwargs
        What to name: any objects.
    ensure_deterministic : bool, optional
        What to do with an object that has no form which is the same in each process,
        such as a lock. If true, raise an error; if false, give it a new token every
        time. By default, the option ``tokenize.ensure-deterministic`` decides.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    TokenizationError
        If an object has no deterministic form and one is asked for.

    Examples
    --------
    >>> from raskt.tokenize import tokenize
    >>> tokenize([1, 2]) == tokenize([1, 2])
    True
    >>> tokenize([1, 2]) == tokenize((1, 2))
    False
    >>> tokenize({"x": 1, "y": 2}) == tokenize({"y": 2, "x": 1})
    True
    """
    if ensure_deterministic is None:
        return _token(args, kwargs)
    with strictness(ensure_deterministic):
        return _token(args, kwargs)


class Normalizer(Dispatch):
    """Give a plain form to any object, by functions registered for types.

    What a registered function returns is used in place of the object; it may again
    hold anything. Such a function comes before the object's own method
    ``__raskt_tokenize__`` or ``__dask_tokenize__``, and both before what is built in.
    Plain values and builtin containers, subclasses apart, are taken as they are.

    Examples
    --------
    >>> from raskt.tokenize import normalize_token, tokenize
    >>> class Point:
    ...     def __init__(self, x, y):
    ...         self.x, self.y = x, y
    >>> @normalize_token.register(Point)
    ... def normalize_point(point):
    ...     return point.x, point.y
    >>> tokenize(Point(1, 2)) == tokenize(Point(1, 2))
    True
    >>> normalize_token([1, "a"])
    ('builtins.list', 1, 'a')
    """

    def __init__(self) -> None:
        super().__init__("normalize_token")
        self._builtin: set[Handler] = set()

    def __call__(self, x: Any) -> Any:
        """Return nested tuples of plain values that stand for the object."""
        kind = type(x)
        if kind in _PLAIN:
            return x
        seen, key = _SEEN, id(x)
        if key in seen.path:
            seen.markers += 1
            return "__seen__", len(seen.path) - seen.path[key]
        known = seen.done.get(key)
        if known is not None:
            return known[1]
        markers = seen.markers
        seen.path[key] = len(seen.path)
        try:
            form = self._form(x, kind)
        finally:
            del seen.path[key]
            if not seen.path:
                seen.done.clear()
        # A form that refers to what is around it is good in this place only.
        if seen.path and seen.markers == markers:
            seen.done[key] = x, form
        return form

    def register_builtin(self, handlers: dict[type, Handler]) -> None:
        """Register functions that return parts; what is registered already stays."""
        self._builtin.update(handlers.values())
        for cls, handler in handlers.items():
            if cls not in self._registered:
                self.register(cls, handler)

    def parts(self, x: Any) -> Parts:
        """Take an object apart, one level deep; the first part is a name."""
        handler = self.dispatch(type(x))
        if handler not in self._builtin:
            form = handler(x)
            return reduced(x) if form is x else (name_of(x), form)
        method = own_method(x)
        return handler(x) if method is None else (name_of(x), method())

    def _form(self, x: Any, kind: type) -> Any:
        if kind is tuple:
            return tuple(map(self, x))
        if kind is list:
            return "builtins.list", *map(self, x)
        if kind is set or kind is frozenset:
            return name_of(x), *sorted(map(self, x), key=_write_again)
        if kind is dict:
            items = [(self(key), value) for key, value in x.items()]
            items.sort(key=lambda item: _write_again(item[0]))
            return "builtins.dict", *[(key, self(value)) for key, value in items]
        if kind is ModuleGlobal:
            try:
                with strictness(True):
                    return self(x.value)
            except TokenizationError:
                return "global", x.name
        return tuple(map(self, self.parts(x)))


class _Seen(threading.local):
    """What `normalize_token` is inside of, for each thread."""

    def __init__(self) -> None:
        self.path: dict[int, int] = {}  # id -> depth
        self.done: dict[int, tuple[Any, Any]] = {}  # id -> object (kept alive), form
        self.markers = 0

    def __bool__(self) -> bool:
        return bool(self.path)


_SEEN = _Seen()

# What `normalize_token` returns as it is.
_PLAIN = SCALARS | {
    bytes,
    slice,
    range,
    decimal.Decimal,
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
    type(pathlib.Path()),
}

normalize_token = Normalizer()
normalize_token.register_builtin(HANDLERS)


def _register_package(name: str) -> None:
    from raskt import _normalize_lazy

    normalize_token.register_builtin(_normalize_lazy.PACKAGES[name]())


for _name in ("numpy", "pandas", "pyarrow", "scipy", "numba", "toolz", "cytoolz"):
    normalize_token.register_lazy(_name, partial(_register_package, _name))


def _token(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    code = None if kwargs else write_flat(args)
    if code is None:
        code = _write_call(args, kwargs)
    return sha256(code).hexdigest()[:32]


def _write_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    if _SEEN.path:
        # A token does not depend on who asks for it: in a method that normalize_token
        # called, start afresh.
        outer = _SEEN.path, _SEEN.done
        _SEEN.path, _SEEN.done = {}, {}
        try:
            return _write_call(args, kwargs)
        finally:
            _SEEN.path, _SEEN.done = outer
    try:
        return _write(args) + (b"K" + _write(kwargs) if kwargs else b"")
    except RecursionError:
        return _write(unstable(args, "Cannot tokenize what is nested too deeply."))


def _write(x: Any) -> bytes:
    writer = Writer(normalize_token.parts)
    code = writer.write(x)
    if writer.reduced and is_strict():
        _check_repeatable(x, code, writer.reduced)
    return code


def _check_repeatable(x: Any, code: bytes, suspects: list[Any]) -> None:
    """Raise an error if an object's ``__reduce__`` says another thing every time."""
    if _write_again(x) == code:
        return
    for suspect in suspects:
        if _write_again(suspect) != _write_again(suspect):
            x = suspect
            break
    raise TokenizationError(cannot(x))


def _write_again(x: Any) -> bytes:
    return Writer(normalize_token.parts).write(x)


class _CallableModule(types.ModuleType):
    """Lets ``raskt.tokenize`` be both the function and the module of that name."""

    def __call__(
        self, *args: Any, ensure_deterministic: bool | None = None, **kwargs: Any
    ) -> str:
        return tokenize(*args, ensure_deterministic=ensure_deterministic, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
