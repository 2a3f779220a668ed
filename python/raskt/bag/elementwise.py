"""Bags side by side: ``map``, ``map_partitions``, ``zip``, and ``concat``."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from raskt.bag._steps import Arguments, Step, call_partitions, map_items
from raskt.bag.core import Bag
from raskt.bag.item import Item, on_top
from raskt.base import unpack_collections
from raskt.delayed import Delayed, delayed
from raskt.tokenize import tokenize
from raskt.utils import funcname


def map(func: Callable, *args: Any, **kwargs: Any) -> Bag:
    """Call a function for the items of bags, side by side.

    Parameters
    ----------
    func : callable
        The function.
    *args, **kwargs
        Its arguments. Of bags, the items, one after the other. Items and lazy values
        are computed first, and the same for all items, as anything else.

    Raises
    ------
    ValueError
        If there is no bag, or bags have different numbers of partitions; when it is
        computed, if two partitions have different numbers of items.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> b = rb.range(4, npartitions=2)
    >>> rb.map(pow, b, b).compute(scheduler="sync")
    [1, 1, 4, 27]
    """
    given = Given(args, kwargs)
    step = Step(
        map_items,
        func,
        given.arguments(given.shared),
        list(given.bags),
        name=funcname(func),
        gives_items=True,
        reads_once=True,
    )
    return given.bag(step, f"{funcname(func)}-{tokenize(func, 'map', args, kwargs)}")


def map_partitions(func: Callable, *args: Any, **kwargs: Any) -> Bag:
    """Call a function for the partitions of bags, side by side.

    Parameters
    ----------
    func : callable
        It should give a list or something else that can be iterated.
    *args, **kwargs
        Its arguments. Of bags, the partitions, one after the other. Items and lazy
        values are computed first, and the same for all partitions, as anything else.

    Raises
    ------
    ValueError
        If there is no bag, or bags have different numbers of partitions.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> b = rb.range(4, npartitions=2)
    >>> share = lambda part, total: [x / total for x in part]
    >>> rb.map_partitions(share, b, total=b.max()).compute(scheduler="sync")
    [0.0, 0.3333333333333333, 0.6666666666666666, 1.0]
    """
    given = Given(args, kwargs)
    arguments = given.arguments({**given.shared, **given.bags})
    step = Step(call_partitions, func, arguments, name=funcname(func))
    token = tokenize(func, "map-partitions", args, kwargs)
    return given.bag(step, f"{funcname(func)}-{token}")


def zip(*bags: Bag) -> Bag:
    """Give tuples of the items of bags, partition by partition.

    Of partitions with different numbers of items, the longer one loses its last items.

    Raises
    ------
    ValueError
        If there is no bag, or they have different numbers of partitions.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> b = rb.from_sequence("ab", npartitions=2)
    >>> rb.zip(b, b.map(str.upper)).compute(scheduler="sync")
    [('a', 'A'), ('b', 'B')]
    """
    step = Step(builtins.zip, name="zip", gives_items=True, reads_once=True)
    return Given(bags, {}).bag(step, f"zip-{tokenize('zip', *bags)}")


def concat(bags: Iterable[Bag]) -> Bag:
    """Give the items of one bag after those of the other.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> b = rb.range(2, npartitions=1)
    >>> rb.concat([b, b]).compute(scheduler="sync")
    [0, 1, 0, 1]
    """
    bags = list(bags)
    name = f"concat-{tokenize('concat', *bags)}"
    keys = [key for bag in bags for key in bag.__dask_keys__()]
    graph = {(name, place): key for place, key in enumerate(keys)}
    return Bag(on_top(name, graph, bags), name, len(keys))


class Given:
    """Arguments of a call: which are bags, and which are lazy otherwise."""

    def __init__(self, args: tuple, kwargs: Mapping[str, Any]):
        self.args = list(args)
        self.kwargs = dict(kwargs)
        self.bags: dict[int | str, Bag] = {}
        self.shared: dict[int | str, Item | Delayed] = {}
        for place, value in chain(enumerate(args), kwargs.items()):
            if isinstance(value, Bag):
                self.bags[place] = value
            elif isinstance(value, (Item, Delayed)):
                self.shared[place] = value
            elif unpack_collections(value)[0]:
                self.shared[place] = delayed(value)
            else:
                continue
            # The graph has it; as an argument it would travel once more.
            if isinstance(place, str):
                self.kwargs[place] = None
            else:
                self.args[place] = None

    def arguments(self, later: Iterable[int | str]) -> Arguments:
        """Give them without those that come later, in these places."""
        return Arguments(self.args, self.kwargs, list(later))

    def bag(self, step: Step, name: str) -> Bag:
        """Give the bag of a step that gets what is shared, and then the partitions."""
        counts = {bag.npartitions for bag in self.bags.values()}
        if len(counts) != 1:
            raise ValueError(
                f"bags side by side must have one number of partitions, not "
                f"{' and '.join(builtins.map(str, sorted(counts)))}"
                if counts
                else "one of the arguments must be a bag"
            )
        (npartitions,) = counts
        shared = [value.key for value in self.shared.values()]
        names = [bag.name for bag in self.bags.values()]
        graph = {
            (name, i): (step, *shared, *((other, i) for other in names))
            for i in range(npartitions)
        }
        below = [*self.shared.values(), *self.bags.values()]
        return Bag(on_top(name, graph, below), name, npartitions)
