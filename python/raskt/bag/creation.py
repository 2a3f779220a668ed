"""Making bags of other things: sequences, numbers, lazy values."""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable
from typing import Any

from raskt._native import Future
from raskt.bag._steps import Step, concrete
from raskt.bag.core import Bag
from raskt.bag.item import on_top
from raskt.base import is_dask_collection
from raskt.core import literal
from raskt.delayed import Delayed, delayed
from raskt.tokenize import tokenize


def from_sequence(
    seq: Iterable[Any],
    partition_size: int | None = None,
    npartitions: int | None = None,
) -> Bag:
    """Make a bag of items that are in memory.

    Large data is better read by the tasks: make a bag of file names, and map the
    function that reads them.

    Parameters
    ----------
    seq : iterable
        The items.
    partition_size : int, optional
        How many of them a partition has.
    npartitions : int, optional
        How many partitions there are at most, if `partition_size` is not given.
        Default: as many as there are items up to 100, and then slowly more.

    Raises
    ------
    ValueError
        If one of the numbers is less than 1.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> rb.from_sequence(["a", "b", "c"], partition_size=2)
    raskt.bag<from_sequence, npartitions=2>
    """
    items = list(seq)
    for name, number in [
        ("partition_size", partition_size),
        ("npartitions", npartitions),
    ]:
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
    if partition_size is not None:
        size = partition_size
    elif npartitions is not None:
        size = math.ceil(len(items) / npartitions)
    else:
        size = math.ceil(math.sqrt(len(items)) / 10)
    size = max(1, size)
    name = f"from_sequence-{tokenize(items, size)}"
    # There is a partition even if there is no item.
    starts = builtins.range(0, max(1, len(items)), size)
    graph = {
        # What looks like a task or a key is none.
        (name, place): (literal(items[start : start + size]),)
        for place, start in enumerate(starts)
    }
    return Bag(graph, name, len(graph))


def range(n: int, npartitions: int) -> Bag:
    """Make a bag of the numbers from zero up to, and without, `n`.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> rb.range(5, npartitions=2).compute(scheduler="sync")
    [0, 1, 2, 3, 4]
    """
    if npartitions < 1:
        raise ValueError(f"npartitions must be at least 1, not {npartitions}")
    name = f"range-{tokenize('range', n, npartitions)}"
    bounds = [place * n // npartitions for place in builtins.range(npartitions + 1)]
    graph = {
        (name, place): (
            Step(builtins.range, *bounds[place : place + 2], gives_items=True),
        )
        for place in builtins.range(npartitions)
    }
    return Bag(graph, name, npartitions)


def from_delayed(values: Any) -> Bag:
    """Make a bag of lazy values that give lists or other iterables: its partitions.

    Parameters
    ----------
    values : Delayed or iterable of Delayed
        One value for each partition.

    Raises
    ------
    TypeError
        If one of them is not lazy.

    Examples
    --------
    >>> import raskt
    >>> import raskt.bag as rb
    >>> parts = [raskt.delayed(sorted)(text) for text in ("ba", "dc")]
    >>> rb.from_delayed(parts).compute(scheduler="sync")
    ['a', 'b', 'c', 'd']
    """
    values = [values] if isinstance(values, Delayed) else list(values)
    for value in values:
        if not (is_dask_collection(value) or isinstance(value, Future)):
            raise TypeError(
                f"from_delayed takes lazy values, not {type(value).__name__}: use "
                "from_sequence"
            )
    values = [v if isinstance(v, Delayed) else delayed(v) for v in values]
    name = f"from-delayed-{tokenize('from-delayed', *values)}"
    step = Step(concrete, name="from-delayed")
    graph = {(name, place): (step, v.key) for place, v in enumerate(values)}
    return Bag(on_top(name, graph, values), name, len(values))
