"""What a function accepts, and what kind of thing an object of another library is."""

from __future__ import annotations

import functools
import importlib
import inspect
import numbers
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ONE_ARITY_BUILTINS: frozenset[Any] = frozenset(
    {
        abs,
        all,
        any,
        ascii,
        bin,
        bool,
        bytearray,
        bytes,
        callable,
        chr,
        classmethod,
        complex,
        dict,
        dir,
        enumerate,
        eval,
        float,
        format,
        frozenset,
        hash,
        hex,
        id,
        int,
        iter,
        len,
        list,
        max,
        memoryview,
        min,
        next,
        oct,
        open,
        ord,
        range,
        repr,
        reversed,
        round,
        set,
        slice,
        sorted,
        staticmethod,
        str,
        sum,
        tuple,
        type,
        vars,
        zip,
    }
)
"""Builtins that work with one argument; many of them cannot be inspected."""

MULTI_ARITY_BUILTINS: frozenset[Any] = frozenset(
    {
        compile,
        delattr,
        divmod,
        filter,
        getattr,
        hasattr,
        isinstance,
        issubclass,
        map,
        pow,
        setattr,
    }
)
"""Builtins that need several arguments."""


def getargspec(func: Callable[..., Any]) -> inspect.FullArgSpec:
    """Return the arguments of a function as it was written.

    Wrappers, also partial functions, are looked through; of a class it is the
    constructor.

    Parameters
    ----------
    func
        The function.

    Examples
    --------
    >>> getargspec(lambda x, y=1: x).args
    ['x', 'y']
    """
    while isinstance(func, functools.partial):
        func = func.func
    func = inspect.unwrap(func)
    if isinstance(func, type):
        func = func.__init__  # type: ignore[misc]
    return inspect.getfullargspec(func)


def takes_multiple_arguments(func: Callable[..., Any], varargs: bool = True) -> bool:
    """Whether a function needs more than one argument.

    Parameters
    ----------
    func
        The function.
    varargs
        The answer for functions that accept any number.

    Examples
    --------
    >>> takes_multiple_arguments(lambda x, y: x), takes_multiple_arguments(sum)
    (True, False)
    """
    if func in ONE_ARITY_BUILTINS:
        return False
    if func in MULTI_ARITY_BUILTINS:
        return True
    try:
        spec = getargspec(func)
    except (TypeError, ValueError):
        return getattr(func, "nin", 1) > 1  # a NumPy function, or not known
    if spec.varargs:
        return varargs
    needed = len(spec.args) - len(spec.defaults or ())
    return needed - (isinstance(func, type) or inspect.ismethod(func)) > 1


def has_keyword(func: Callable[..., Any], keyword: str) -> bool:
    """Whether a function has an argument of this name.

    Parameters
    ----------
    func
        The function.
    keyword
        The name.

    Examples
    --------
    >>> has_keyword(print, "sep"), has_keyword(lambda **kwargs: 0, "sep")
    (True, False)
    """
    try:
        return keyword in inspect.signature(func).parameters
    except (TypeError, ValueError):
        return False


def get_named_args(func: Callable[..., Any]) -> list[str]:
    """Return the names of a function's arguments, other than ``*`` and ``**``.

    Parameters
    ----------
    func
        The function.

    Examples
    --------
    >>> get_named_args(lambda x, *args, y=1, **kwargs: x)
    ['x', 'y']
    """
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(func).parameters.values()
    return [p.name for p in parameters if p.kind not in several]


def import_required(mod_name: str, error_msg: str) -> ModuleType:
    """Import a module, or say why it is needed.

    Parameters
    ----------
    mod_name
        The module.
    error_msg
        What to tell those who do not have it.

    Raises
    ------
    RuntimeError
        If the module cannot be imported.

    Examples
    --------
    >>> import_required("no_such_module", "Install it first")
    Traceback (most recent call last):
    ...
    RuntimeError: Install it first
    """
    try:
        return importlib.import_module(mod_name)
    except ImportError as error:
        raise RuntimeError(error_msg) from error


def get_meta_library(like: Any) -> ModuleType:
    """Return the library that makes the chunks or partitions of a collection.

    Parameters
    ----------
    like
        A collection, one of its pieces, or the type of one.

    Examples
    --------
    >>> import numpy
    >>> get_meta_library(numpy.ones(1)) is get_meta_library(numpy.ndarray) is numpy
    True
    """
    piece = getattr(like, "_meta", like)
    cls = piece if isinstance(piece, type) else type(piece)
    return importlib.import_module(cls.__module__.partition(".")[0])


def is_arraylike(x: Any) -> bool:
    """Whether an object is an array: of NumPy, of ours, or of a library like these.

    Parameters
    ----------
    x
        The object.

    Examples
    --------
    >>> import numpy
    >>> is_arraylike(numpy.ones((2, 3))), is_arraylike([1, 2]), is_arraylike(1)
    (True, False, False)
    """
    cls = type(x)
    protocols = ("__array_function__", "__array_ufunc__")
    return (
        any(hasattr(cls, name) for name in protocols)
        and hasattr(x, "dtype")
        and not is_dataframe_like(x)  # with a column of that name
        and isinstance(getattr(x, "shape", None), tuple)
        # Lazy frames have a shape, but a lazy one.
        and all(isinstance(length, numbers.Number) for length in x.shape)
    )


def is_dataframe_like(df: Any) -> bool:
    """Whether an object is a frame: of pandas, of ours, or of a library like these.

    Parameters
    ----------
    df
        The object.

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"x": [1]})
    >>> is_dataframe_like(frame), is_dataframe_like(frame.x)
    (True, False)
    """
    return _has(df, "columns", "dtypes", "groupby", "head", "mean", "merge") and not (
        _has(df, "name") or _has(df, "dtype")
    )


def is_series_like(s: Any) -> bool:
    """Whether an object is a column: of pandas, of ours, or of a library like these.

    Parameters
    ----------
    s
        The object.
    """
    return _has(s, "name", "dtype", "groupby") and not _is_named_index(s)


def is_index_like(s: Any) -> bool:
    """Whether an object is an index: of pandas, of ours, or of a library like these.

    Parameters
    ----------
    s
        The object.
    """
    return _has(s, "name", "dtype") and _is_named_index(s)


def is_cupy_type(x: Any) -> bool:
    """Whether an object comes from CuPy.

    Parameters
    ----------
    x
        The object.
    """
    return "cupy" in type(x).__module__


def is_namedtuple_instance(obj: Any) -> bool:
    """Whether an object is a named tuple.

    Parameters
    ----------
    obj
        The object.
    """
    return isinstance(obj, tuple) and hasattr(obj, "_fields")


def is_integer(i: Any) -> bool:
    """Whether an object is a whole number, whatever its type.

    Parameters
    ----------
    i
        The object.

    Examples
    --------
    >>> is_integer(3), is_integer(3.0), is_integer(3.5)
    (True, True, False)
    """
    if isinstance(i, numbers.Integral):
        return True
    return isinstance(i, numbers.Real) and bool(i == i // 1)


def is_empty(obj: Any) -> bool:
    """Whether a container, dense or sparse, has nothing in it.

    Parameters
    ----------
    obj
        The object. What has no length counts by its number of stored values, or
        by its shape.

    Examples
    --------
    >>> is_empty([]), is_empty((1,)), is_empty(object())
    (True, False, False)
    """
    try:
        return len(obj) == 0
    except TypeError:
        pass
    if hasattr(obj, "nnz"):
        return bool(obj.nnz == 0)
    shape = getattr(obj, "shape", None)
    return isinstance(shape, tuple | list) and 0 in shape


def _has(obj: Any, *names: str) -> bool:
    # Of the type, so that nothing lazy is computed to answer.
    return all(hasattr(type(obj), name) for name in names)


def _is_named_index(obj: Any) -> bool:
    return "index" in type(obj).__name__.lower()
