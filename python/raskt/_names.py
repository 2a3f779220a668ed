"""Short names of functions, types and task keys."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container

hex_pattern = re.compile("[a-f]+")

_NUMBER = re.compile(r"(\d+)")
_TOKEN = re.compile("[0-9a-f]{32}")


def funcname(func: Any) -> str:
    """Return a short name of a function, also of one without a ``__name__``.

    Parameters
    ----------
    func
        Anything that can be called.

    Examples
    --------
    >>> import functools
    >>> funcname(functools.partial(sorted, reverse=True)), funcname(lambda x: x)
    ('sorted', 'lambda')
    """
    while isinstance(func, functools.partial):
        func = func.func
    module, _, _ = getattr(type(func), "__module__", "").partition(".")
    kind = type(func).__name__
    if kind == "methodcaller" and hasattr(func, "method"):
        name = func.method
    elif kind == "curry" and module in ("toolz", "cytoolz"):
        return funcname(func.func)
    elif kind == "Dispatcher" and module == "multipledispatch":
        name = func.name
    elif kind == "vectorize" and module == "numpy":
        name = f"vectorize_{funcname(func.pyfunc)}"
    else:
        name = getattr(func, "__name__", None)
    if not isinstance(name, str):
        # An address would make a name that is another one in the next process.
        name = kind if type(func).__repr__ is object.__repr__ else str(func)
    return "lambda" if name == "<lambda>" else name[:50]


def typename(typ: Any, short: bool = False) -> str:
    """Return the full name of a type.

    Parameters
    ----------
    typ
        A type, or an object whose type is meant.
    short
        Leave out the modules inside the package.

    Examples
    --------
    >>> from decimal import Decimal
    >>> typename(Decimal), typename(Decimal(1)), typename(int)
    ('decimal.Decimal', 'decimal.Decimal', 'int')
    >>> import logging.handlers
    >>> typename(logging.handlers.HTTPHandler, short=True)
    'logging.HTTPHandler'
    """
    cls = typ if isinstance(typ, type) else type(typ)
    module = cls.__module__
    if not module or module == "builtins":
        return cls.__name__
    if short:
        module = module.split(".", 1)[0]
    return f"{module}.{cls.__name__}"


def key_split(s: Any) -> str:
    """Return the part of a task's key that says what the task does.

    Parameters
    ----------
    s
        A key: text, bytes, or a tuple that starts with one.

    Examples
    --------
    >>> key_split("read-csv-9a3c1d2e-0"), key_split(("sum-2", 1)), key_split("x-1-2")
    ('read-csv', 'sum', 'x')
    >>> key_split("ae05086432ca935f6eba409a8ecd4896"), key_split(None)
    ('data', 'Other')
    """
    while isinstance(s, tuple) and s:
        s = s[0]
    if isinstance(s, bytes):
        s = s.decode(errors="replace")
    if not isinstance(s, str):
        return "Other"
    first, *others = s.split("-")
    if not first[:1].isalpha():
        # A tuple that was made text: ('name-1', 0)
        first = first.split(",")[0].strip("_'()\"")
    words = [first]
    for word in others:
        # Letters only, but not the start of a token that happens to have no digits.
        if not word.isalpha() or (len(word) == 8 and hex_pattern.fullmatch(word)):
            break
        words.append(word)
    name = "-".join(words)
    if _TOKEN.fullmatch(name):
        return "data"
    if name.startswith("<"):
        # The repr of an object: <package.module.Name object at 0x...>
        path, *_ = name.strip("<>").split() or [""]
        name = path.rpartition(".")[2]
    return name if first and name else "Other"


def stringify(obj: Any, exclusive: Container[Any] | None = None) -> Any:
    """Turn keys into text, also those inside of a task.

    Parameters
    ----------
    obj
        A key, which becomes text, or with `exclusive` a task, whose keys do.
    exclusive
        The keys; everything else stays as it is.

    Examples
    --------
    >>> stringify(("x", 1))
    "('x', 1)"
    >>> stringify((sum, [("x", 1), 5]), exclusive={("x", 1)})
    (<built-in function sum>, ["('x', 1)", 5])
    """
    if isinstance(obj, str | bytes):
        return obj
    if exclusive is None:
        return str(obj)
    if type(obj) is tuple and obj and callable(obj[0]):
        return (obj[0], *(stringify(x, exclusive) for x in obj[1:]))
    if type(obj) is list:
        return [stringify(x, exclusive) for x in obj]
    if type(obj) is dict:
        return {k: stringify(v, exclusive) for k, v in obj.items()}
    try:
        return str(obj) if obj in exclusive else obj
    except TypeError:
        # What cannot be hashed is no key.
        return obj


def natural_sort_key(s: str) -> list[str | int]:
    """Return a sort key that compares numbers inside of text by their value.

    Parameters
    ----------
    s
        The text.

    Examples
    --------
    >>> sorted(["f10", "f2", "f1"], key=natural_sort_key)
    ['f1', 'f2', 'f10']
    """
    return [int(x) if x.isdecimal() else x for x in _NUMBER.split(s)]
