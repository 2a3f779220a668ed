"""Small tools that collections, schedulers and other libraries share.

The names are those of Dask's ``utils``. What needs some lines has a module of its own,
by subject; the rest, mostly on nested lists, is here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import nullcontext as noop_context
from contextlib import suppress as ignoring
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn

from raskt._dispatch import (
    Dispatch,
    IndexCallable,
    M,
    MethodCache,
    apply,
    itemgetter,
    methodcaller,
    partial_by_order,
)
from raskt._docs import (
    _deprecated,
    _deprecated_kwarg,
    derived_from,
    extra_titles,
    skip_doctest,
    unsupported_arguments,
)
from raskt._inspect import (
    MULTI_ARITY_BUILTINS,
    ONE_ARITY_BUILTINS,
    get_meta_library,
    get_named_args,
    getargspec,
    has_keyword,
    import_required,
    is_arraylike,
    is_cupy_type,
    is_dataframe_like,
    is_empty,
    is_index_like,
    is_integer,
    is_namedtuple_instance,
    is_series_like,
    takes_multiple_arguments,
)
from raskt._locks import SerializableLock, get_scheduler_lock
from raskt._names import (
    funcname,
    hex_pattern,
    key_split,
    natural_sort_key,
    stringify,
    typename,
)
from raskt._tempfiles import (
    changed_cwd,
    ensure_not_exists,
    filetext,
    filetexts,
    tmp_cwd,
    tmpdir,
    tmpfile,
)
from raskt._text import (
    asciitable,
    byte_sizes,
    ensure_bytes,
    ensure_unicode,
    format_bytes,
    format_time,
    format_time_ago,
    maybe_pluralize,
    memory_repr,
    parse_bytes,
    parse_timedelta,
    put_lines,
    system_encoding,
    tds2,
    timedelta_sizes,
)
from raskt._tracebacks import shorten_traceback
from raskt._versions import show_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence, Set

__all__ = [
    "MULTI_ARITY_BUILTINS",
    "ONE_ARITY_BUILTINS",
    "Dispatch",
    "IndexCallable",
    "M",
    "MethodCache",
    "SerializableLock",
    "_deprecated",
    "_deprecated_kwarg",
    "apply",
    "asciitable",
    "byte_sizes",
    "cached_cumsum",
    "cached_max",
    "cached_property",
    "changed_cwd",
    "concrete",
    "deepmap",
    "derived_from",
    "digit",
    "ensure_bytes",
    "ensure_dict",
    "ensure_not_exists",
    "ensure_set",
    "ensure_unicode",
    "extra_titles",
    "filetext",
    "filetexts",
    "format_bytes",
    "format_time",
    "format_time_ago",
    "funcname",
    "get_meta_library",
    "get_named_args",
    "get_scheduler_lock",
    "getargspec",
    "has_keyword",
    "hex_pattern",
    "homogeneous_deepmap",
    "ignoring",
    "import_required",
    "insert",
    "is_arraylike",
    "is_cupy_type",
    "is_dataframe_like",
    "is_empty",
    "is_index_like",
    "is_integer",
    "is_namedtuple_instance",
    "is_series_like",
    "itemgetter",
    "iter_chunks",
    "key_split",
    "maybe_pluralize",
    "memory_repr",
    "methodcaller",
    "natural_sort_key",
    "ndeepmap",
    "ndimlist",
    "noop_context",
    "parse_bytes",
    "parse_timedelta",
    "partial_by_order",
    "pseudorandom",
    "put_lines",
    "random_state_data",
    "shorten_traceback",
    "show_versions",
    "skip_doctest",
    "stringify",
    "system_encoding",
    "takes_multiple_arguments",
    "tds2",
    "timedelta_sizes",
    "tmp_cwd",
    "tmpdir",
    "tmpfile",
    "typename",
    "unsupported_arguments",
    "unzip",
]


class cached_property(functools.cached_property[Any]):
    """A property that is computed once and cannot be set.

    Parameters
    ----------
    func
        The method that computes it.

    Examples
    --------
    >>> class Square:
    ...     @cached_property
    ...     def area(self):
    ...         return 9
    >>> square = Square()
    >>> square.area
    9
    >>> square.area = 10
    Traceback (most recent call last):
    ...
    AttributeError: 'area' is computed and cannot be set
    """

    def __set__(self, instance: object, value: object) -> NoReturn:
        raise AttributeError(f"{self.attrname!r} is computed and cannot be set")


def deepmap(func: Callable[..., Any], *seqs: Any) -> Any:
    """Apply a function to the items of lists nested to any depth.

    Parameters
    ----------
    func
        The function; it gets one item of each list.
    *seqs
        Lists of the same form.

    Examples
    --------
    >>> deepmap(lambda x: x + 1, [[1, 2], [3]])
    [[2, 3], [4]]
    """
    if isinstance(seqs[0], list | Iterator):
        return [deepmap(func, *items) for items in zip(*seqs, strict=False)]
    return func(*seqs)


def homogeneous_deepmap(func: Callable[[Any], Any], seq: Any) -> Any:
    """Apply a function to the items of a list nested to the same depth everywhere.

    Parameters
    ----------
    func
        The function.
    seq
        The list.

    Examples
    --------
    >>> homogeneous_deepmap(lambda x: x + 1, [[1, 2], [3]])
    [[2, 3], [4]]
    """
    return ndeepmap(ndimlist(seq), func, seq)


def ndeepmap(n: int, func: Callable[[Any], Any], seq: Any) -> Any:
    """Apply a function to the items of a list nested to a given depth.

    Parameters
    ----------
    n
        The depth. With 0 the function is applied to the one item itself.
    func
        The function.
    seq
        The list.

    Examples
    --------
    >>> ndeepmap(2, lambda x: x + 1, [[1, 2], [3]])
    [[2, 3], [4]]
    >>> ndeepmap(0, lambda x: x + 1, [1])
    2
    """
    if n > 0:
        return [ndeepmap(n - 1, func, item) if n > 1 else func(item) for item in seq]
    return func(seq[0] if isinstance(seq, list) else seq)


def ndimlist(seq: Any) -> int:
    """Return how deep a list is nested, along its first items.

    Parameters
    ----------
    seq
        The list or tuple.

    Examples
    --------
    >>> ndimlist([[1, 2], [3]]), ndimlist([]), ndimlist(1)
    (2, 1, 0)
    """
    depth = 0
    while isinstance(seq, list | tuple):
        depth += 1
        if not seq:
            break
        seq = seq[0]
    return depth


def concrete(seq: Any) -> Any:
    """Turn iterators and tuples inside of each other into lists.

    Parameters
    ----------
    seq
        What may hold them.

    Examples
    --------
    >>> concrete([1, iter([2, (3, 4)])])
    [1, [2, [3, 4]]]
    """
    if isinstance(seq, list | tuple | Iterator):
        return [concrete(item) for item in seq]
    return seq


def unzip(ls: Iterable[Sequence[Any]], nout: int) -> list[tuple[Any, ...]]:
    """Turn a list of tuples into a list of columns, also if it is empty.

    Parameters
    ----------
    ls
        The tuples.
    nout
        Their length.

    Examples
    --------
    >>> unzip([(1, "a"), (2, "b")], 2), unzip([], 2)
    ([(1, 2), ('a', 'b')], [(), ()])
    """
    return list(zip(*ls, strict=True)) or [()] * nout


def insert(tup: Sequence[Any], loc: int, val: Any) -> tuple[Any, ...]:
    """Return a tuple with one item replaced.

    Parameters
    ----------
    tup
        The tuple.
    loc
        The item's place.
    val
        Its new value.

    Examples
    --------
    >>> insert(("a", "b", "c"), 0, "x")
    ('x', 'b', 'c')
    """
    items = list(tup)
    items[loc] = val
    return tuple(items)


def digit(n: int, k: int, base: int) -> int:
    """Return one digit of a number.

    Parameters
    ----------
    n
        The number.
    k
        Which digit, counted from the last.
    base
        The base that the number is written in.

    Examples
    --------
    >>> [digit(123, k, base=10) for k in range(4)]
    [3, 2, 1, 0]
    """
    return int(n // base**k % base)


def iter_chunks(sizes: Iterable[float], max_size: float) -> Iterator[list[float]]:
    """Group consecutive sizes, so that no group's sum exceeds a limit.

    Parameters
    ----------
    sizes
        The sizes.
    max_size
        The limit.

    Raises
    ------
    ValueError
        If one size alone exceeds it.

    Examples
    --------
    >>> list(iter_chunks([5, 5, 3, 9, 1], 10))
    [[5, 5], [3], [9, 1]]
    """
    chunk: list[float] = []
    total = 0.0
    for size in sizes:
        if size > max_size:
            raise ValueError(
                f"one item of {size} does not fit into chunks of {max_size}"
            )
        if total + size > max_size:
            yield chunk
            chunk, total = [], 0.0
        chunk.append(size)
        total += size
    if chunk:
        yield chunk


def cached_cumsum(seq: Iterable[Any], initial_zero: bool = False) -> tuple[Any, ...]:
    """Return the running sums of a sequence.

    Parameters
    ----------
    seq
        The numbers.
    initial_zero
        Whether to start with 0.

    Examples
    --------
    >>> cached_cumsum((1, 2, 3)), cached_cumsum((1, 2, 3), initial_zero=True)
    ((1, 3, 6), (0, 1, 3, 6))
    """
    return tuple(accumulate(seq, initial=0 if initial_zero else None))


def cached_max(seq: Iterable[Any]) -> Any:
    """Return the greatest item of a sequence.

    Parameters
    ----------
    seq
        The numbers.

    Examples
    --------
    >>> cached_max((1, 3, 2))
    3
    """
    return max(seq)


def ensure_dict(d: Mapping[Any, Any], *, copy: bool = False) -> dict[Any, Any]:
    """Return a mapping as a plain dict.

    Parameters
    ----------
    d
        The mapping.
    copy
        Whether to make a new one if it already is a dict.

    Examples
    --------
    >>> from collections import OrderedDict
    >>> ensure_dict(OrderedDict(x=1))
    {'x': 1}
    """
    return d if type(d) is dict and not copy else dict(d)


def ensure_set(s: Set[Any], *, copy: bool = False) -> set[Any]:
    """Return a set as a plain set.

    Parameters
    ----------
    s
        The set.
    copy
        Whether to make a new one if it already is a plain set.

    Examples
    --------
    >>> ensure_set(frozenset({1}))
    {1}
    """
    return s if type(s) is set and not copy else set(s)


def random_state_data(n: int, random_state: Any = None) -> list[Any]:
    """Return data that initialises independent random generators.

    Parameters
    ----------
    n
        How many are wanted. The first ones do not depend on that.
    random_state
        A seed, or a generator of NumPy that has a method ``bytes``.

    Returns
    -------
    list
        Arrays of 624 numbers each, which :class:`numpy.random.RandomState` accepts.
    """
    import numpy as np

    if not all(hasattr(random_state, name) for name in ("bytes", "random")):
        random_state = np.random.RandomState(random_state)
    data = random_state.bytes(624 * n * 4)
    return list(np.frombuffer(data, dtype=np.uint32).reshape((n, 624)))


def pseudorandom(n: int, p: Sequence[float], random_state: Any = None) -> Any:
    """Return an array of random numbers below ``len(p)``, with these probabilities.

    Parameters
    ----------
    n
        How many.
    p
        The probability of each.
    random_state
        A seed, or a :class:`numpy.random.RandomState`.

    Examples
    --------
    >>> pseudorandom(5, [0.5, 0.5], random_state=123)
    array([1, 0, 0, 1, 1], dtype=int8)
    """
    import numpy as np

    limits = np.cumsum(p)
    if len(limits) == 0 or min(p) < 0 or not np.isclose(limits[-1], 1):
        raise ValueError(f"probabilities are not negative and sum to 1, unlike {p}")
    if not isinstance(random_state, np.random.RandomState):
        random_state = np.random.RandomState(random_state)
    # Without the last limit: rounding may have made it less than 1.
    chosen = np.searchsorted(limits[:-1], random_state.random_sample(n), side="right")
    return chosen.astype(np.min_scalar_type(-max(1, len(p) - 1)))
