"""The bag collection: :class:`Bag`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, filterfalse, islice
from operator import itemgetter
from typing import Any

from raskt.bag import _reduce
from raskt.bag._steps import Missing, Step, flatten_items, pluck_items, star_items
from raskt.bag.item import Collection, Item, as_delayed, layered, on_top
from raskt.delayed import Delayed
from raskt.tokenize import tokenize
from raskt.utils import funcname, key_split, takes_multiple_arguments

__all__ = ["Bag", "Item"]


class Bag(Collection):
    """A lazy collection of any Python objects, in partitions.

    By default bags are computed in processes, since Python code runs on one core of a
    process at a time.

    Parameters
    ----------
    dsk : mapping
        A graph.
    name : str
        The partitions have the keys ``(name, 0)``, ``(name, 1)`` ...
    npartitions : int
        How many there are.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> numbers = rb.range(6, npartitions=2)
    >>> squares = numbers.map(lambda x: x * x).filter(lambda x: x % 2)
    >>> squares.compute(scheduler="sync")
    [1, 9, 25]

    Of a graph:

    >>> graph = {("x", 0): (range, 3), ("x", 1): [8, 9]}
    >>> Bag(graph, "x", npartitions=2).sum().compute(scheduler="sync")
    20
    """

    def __init__(self, dsk: Mapping, name: str, npartitions: int):
        self.dask = layered(dsk, name)
        self.name = name
        self.npartitions = npartitions

    def __dask_tokenize__(self) -> str:
        return self.name

    def __dask_keys__(self) -> list:
        return [(self.name, i) for i in range(self.npartitions)]

    def __dask_layers__(self) -> tuple[str]:
        return (self.name,)

    def __dask_postcompute__(self) -> tuple[Callable, tuple]:
        return _joined, ()

    def __dask_postpersist__(self) -> tuple[Callable, tuple]:
        return _rebuilt, (self.name, self.npartitions)

    def __repr__(self) -> str:
        return f"raskt.bag<{key_split(self.name)}, npartitions={self.npartitions}>"

    def __iter__(self) -> Iterator:
        return iter(self.compute())

    # --- item by item -----------------------------------------------------------

    def map(self, func: Callable, *args: Any, **kwargs: Any) -> Bag:
        """Call a function for each item. See :func:`raskt.bag.map`.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> numbers = rb.range(4, npartitions=2)
        >>> numbers.map(pow, 2).compute(scheduler="sync")
        [0, 1, 4, 9]
        >>> numbers.map(max, numbers.mean()).compute(scheduler="sync")
        [1.5, 1.5, 2, 3]
        """
        from raskt.bag.elementwise import map

        return map(func, self, *args, **kwargs)

    def starmap(self, func: Callable, **kwargs: Any) -> Bag:
        """Call a function for each item, with its parts as arguments.

        Parameters
        ----------
        func : callable
            The function.
        **kwargs
            Further arguments; items and lazy values as well.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> pairs = rb.from_sequence([(2, 5), (3, 2)])
        >>> pairs.starmap(pow).compute(scheduler="sync")
        [32, 9]
        """
        from raskt.bag.elementwise import Given

        given = Given((), kwargs)
        if given.bags:
            raise TypeError("starmap takes no bags as arguments: zip them, or use map")
        step = Step(
            star_items,
            func,
            given.arguments(given.shared),
            name=funcname(func),
            gives_items=True,
            reads_once=True,
        )
        name = f"{funcname(func)}-{tokenize(self, func, 'starmap', kwargs)}"
        keys = [value.key for value in given.shared.values()]
        graph = {
            (name, i): (step, *keys, (self.name, i)) for i in range(self.npartitions)
        }
        return Bag(
            on_top(name, graph, [self, *given.shared.values()]), name, self.npartitions
        )

    def filter(self, predicate: Callable | None) -> Bag:
        """Keep the items for which a function gives something true.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> odd = rb.range(5, npartitions=2).filter(lambda x: x % 2)
        >>> odd.compute(scheduler="sync")
        [1, 3]
        """
        return self._each(f"filter-{funcname(predicate)}", filter, predicate)

    def remove(self, predicate: Callable | None) -> Bag:
        """Leave out the items for which a function gives something true.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> even = rb.range(5, npartitions=2).remove(lambda x: x % 2)
        >>> even.compute(scheduler="sync")
        [0, 2, 4]
        """
        return self._each(f"remove-{funcname(predicate)}", filterfalse, predicate)

    def pluck(self, key: Any, default: Any = Missing) -> Bag:
        """Give what items have under a key or position.

        Parameters
        ----------
        key : object or list
            For a list, tuples are given.
        default : object, optional
            What to give for items without it. Default: that is an error.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> people = rb.from_sequence([{"name": "Ada", "born": 1815}, {"name": "Bo"}])
        >>> people.pluck("name").compute(scheduler="sync")
        ['Ada', 'Bo']
        >>> people.pluck(["name", "born"], None).compute(scheduler="sync")
        [('Ada', 1815), ('Bo', None)]
        """
        return self._each("pluck", pluck_items, key, default)

    def flatten(self) -> Bag:
        """Give the items of the items.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> rb.from_sequence([[1], [2, 3]]).flatten().compute(scheduler="sync")
        [1, 2, 3]
        """
        return self._each("flatten", flatten_items)

    def map_partitions(self, func: Callable, *args: Any, **kwargs: Any) -> Bag:
        """Call a function for each partition. See :func:`raskt.bag.map_partitions`.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> rb.range(6, npartitions=2).map_partitions(len).compute(scheduler="sync")
        [3, 3]
        """
        from raskt.bag.elementwise import map_partitions

        return map_partitions(func, self, *args, **kwargs)

    def take(
        self, k: int, npartitions: int = 1, compute: bool = True, warn: bool = True
    ) -> Any:
        """Give the first items.

        Parameters
        ----------
        k : int
            How many.
        npartitions : int
            How many partitions to look at; -1: all.
        compute : bool
            Compute them now? Otherwise, a bag is given.
        warn : bool
            Warn if there are fewer?

        Returns
        -------
        tuple or Bag

        Examples
        --------
        >>> import raskt
        >>> import raskt.bag as rb
        >>> with raskt.config.set(scheduler="sync"):
        ...     rb.range(6, npartitions=2).take(4, npartitions=-1)
        (0, 1, 2, 3)
        """
        if npartitions == -1:
            npartitions = self.npartitions
        if npartitions > self.npartitions:
            raise ValueError(
                f"there are only {self.npartitions} partitions to take from, "
                f"not {npartitions}"
            )
        name = f"take-{tokenize(self, k, npartitions)}"
        first = Step(first_items, k, name="take", gives_items=True, reads_once=True)
        graph: dict = {
            (f"{name}-part", i): (first, (self.name, i)) for i in range(npartitions)
        }
        parts = list(graph)
        graph[name, 0] = (Step(first_of_parts, k, name="take"), parts)
        bag = Bag(on_top(name, graph, [self]), name, 1)
        if not compute:
            return bag
        items = tuple(bag.compute())
        if warn and len(items) < k:
            warnings.warn(
                f"{k} items were to be taken, but only {len(items)} are there: look at "
                "more partitions with npartitions=",
                stacklevel=2,
            )
        return items

    def _each(self, kind: str, func: Callable, *args: Any) -> Bag:
        """Give a bag with a function of one partition that gives its items."""
        name = f"{kind}-{tokenize(self, kind, *args)}"
        label, *_ = kind.split("-")
        step = Step(func, *args, name=label, gives_items=True, reads_once=True)
        graph = {(name, i): (step, (self.name, i)) for i in range(self.npartitions)}
        return Bag(on_top(name, graph, [self]), name, self.npartitions)

    # --- all items together -----------------------------------------------------

    def reduction(
        self,
        perpartition: Callable,
        aggregate: Callable,
        split_every: int | bool | None = None,
        out_type: type = Item,
        name: str | None = None,
    ) -> Any:
        """Reduce partitions, and then what they gave, in a tree.

        Parameters
        ----------
        perpartition : callable
            It is called with each partition that has items.
        aggregate : callable
            It is called with lists of what was given so far.
        split_every : int or False, optional
            How many results to put together at once; False: all. Default: 8.
        out_type : type
            ``Item``, or ``Bag`` if items are given.
        name : str, optional
            What keys begin with. Default: the name of the function.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> rb.range(5, npartitions=2).reduction(sum, sum).compute(scheduler="sync")
        10
        """
        name = name or funcname(perpartition)
        steps = Step(perpartition), Step(aggregate)
        return self._reduced(name, *steps, split_every, out_type)

    def fold(
        self,
        binop: Callable,
        combine: Callable | None = None,
        initial: Any = Missing,
        split_every: int | bool | None = None,
        out_type: type = Item,
    ) -> Any:
        """Put items together two by two, as :func:`functools.reduce` does.

        Parameters
        ----------
        binop : callable
            It gets what there is so far, and an item.
        combine : callable, optional
            It gets two results of partitions. Default: as `binop`.
        initial : object, optional
            What each partition begins with. Default: its first item.
        split_every, out_type
            See :meth:`reduction`.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> numbers = rb.range(5, npartitions=2)
        >>> numbers.fold(lambda x, y: x + y).compute(scheduler="sync")
        10
        >>> with_item = lambda seen, x: seen | {x}
        >>> numbers.fold(with_item, set.union, set()).compute(scheduler="sync")
        {0, 1, 2, 3, 4}
        """
        fold = _reduce.fold_items
        perpartition = Step(fold, binop, initial, name="fold", reads_once=True)
        aggregate = Step(fold, combine or binop, Missing, name="fold")
        return self._reduced("fold", perpartition, aggregate, split_every, out_type)

    def frequencies(
        self, split_every: int | bool | None = None, sort: bool = False
    ) -> Bag:
        """Count equal items.

        Parameters
        ----------
        split_every
            See :meth:`reduction`.
        sort : bool
            Most frequent first?

        Returns
        -------
        Bag
            Pairs of item and count.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> letters = rb.from_sequence("abacab", npartitions=2)
        >>> letters.frequencies(sort=True).compute(scheduler="sync")
        [('a', 3), ('b', 2), ('c', 1)]
        """
        counts = self._own_reduction(
            "frequencies", _reduce.item_counts, _reduce.merge_counts, split_every, Bag
        )
        pairs = _reduce.sorted_counts if sort else dict.items
        return counts._each("frequencies", pairs)

    def topk(
        self, k: int, key: Any = None, split_every: int | bool | None = None
    ) -> Bag:
        """Give the largest items, the largest first.

        Parameters
        ----------
        k : int
            How many.
        key : callable or object, optional
            What to compare: what it gives for an item, or what an item has under it.
        split_every
            See :meth:`reduction`.

        Examples
        --------
        >>> import raskt.bag as rb
        >>> rb.from_sequence([10, 3, 7, 11]).topk(2).compute(scheduler="sync")
        [11, 10]
        """
        if key is not None and not callable(key):
            key = itemgetter(key)
        elif key is not None and takes_multiple_arguments(key):
            key = _Spread(key)
        perpartition = Step(_reduce.largest_items, k, key, name="topk", reads_once=True)
        aggregate = Step(_reduce.largest_of, k, key, name="topk")
        return self._reduced("topk", perpartition, aggregate, split_every, Bag)

    def sum(self, split_every: int | bool | None = None) -> Item:
        """Add up the items."""
        return self._own_reduction("sum", sum, sum, split_every)

    def count(self, split_every: int | bool | None = None) -> Item:
        """Count the items."""
        return self._own_reduction("count", _reduce.count_items, sum, split_every)

    def min(self, split_every: int | bool | None = None) -> Item:
        """Give the smallest item."""
        return self._own_reduction("min", min, min, split_every)

    def max(self, split_every: int | bool | None = None) -> Item:
        """Give the largest item."""
        return self._own_reduction("max", max, max, split_every)

    def any(self, split_every: int | bool | None = None) -> Item:
        """Tell whether any item is true."""
        return self._own_reduction("any", any, any, split_every)

    def all(self, split_every: int | bool | None = None) -> Item:
        """Tell whether all items are true."""
        return self._own_reduction("all", all, all, split_every)

    def mean(self) -> Item:
        """Give the mean of the items."""
        pair = self._own_reduction(
            "mean", _reduce.sum_and_count, _reduce.add_pairs, None
        )
        return pair.apply(_reduce.mean_of)

    def var(self, ddof: int = 0) -> Item:
        """Give the variance of the items.

        Parameters
        ----------
        ddof : int
            What to subtract from the number of items before dividing by it.
        """
        return self._moments(_reduce.variance_of, ddof)

    def std(self, ddof: int = 0) -> Item:
        """Give the standard deviation of the items. See :meth:`var`."""
        return self._moments(_reduce.deviation_of, ddof)

    def _moments(self, func: Callable, ddof: int) -> Item:
        moments = self._own_reduction(
            "moments", _reduce.moments, _reduce.merge_moments, None
        )
        return moments.apply(Step(func, ddof))

    def _own_reduction(
        self,
        name: str,
        perpartition: Callable,
        aggregate: Callable,
        split_every: int | bool | None,
        out_type: type = Item,
    ) -> Any:
        steps = (
            Step(perpartition, name=name, reads_once=True),
            Step(aggregate, name=name),
        )
        return self._reduced(name, *steps, split_every, out_type)

    def _reduced(
        self,
        name: str,
        perpartition: Step,
        aggregate: Step,
        split_every: int | bool | None,
        out_type: type,
    ) -> Any:
        token = tokenize(self, perpartition, aggregate, split_every)
        final = f"{name}-aggregate-{token}"
        key = (final, 0) if issubclass(out_type, Bag) else final
        graph = _reduce.reduction_tree(
            self.__dask_keys__(), perpartition, aggregate, split_every, name, token, key
        )
        layered = on_top(final, graph, [self])
        return out_type(layered, *((final, 1) if key != final else (final,)))

    # --- other kinds ------------------------------------------------------------

    def to_delayed(self, optimize_graph: bool = True) -> list[Delayed]:
        """Give a lazy value for each partition."""
        return as_delayed(self, optimize_graph)


class _Spread:
    """Calls a function with the parts of an item as its arguments."""

    def __init__(self, func: Callable):
        self.func = func

    def __call__(self, item: Any) -> Any:
        return self.func(*item)

    def __dask_tokenize__(self) -> Any:
        return type(self).__name__, self.func


def first_items(k: int, part: Iterable[Any]) -> Iterator[Any]:
    """Give the first items of a partition."""
    return islice(part, k)


def first_of_parts(k: int, parts: Iterable[list[Any]]) -> list[Any]:
    """Give the first items of several partitions."""
    return list(islice(chain.from_iterable(parts), k))


def _joined(partitions: list[Any]) -> list[Any]:
    """Give the items of all partitions, or the partitions if they have no items."""
    if not partitions:
        return []
    if isinstance(partitions[0], str) or not isinstance(partitions[0], Iterable):
        return partitions
    return list(chain.from_iterable(partitions))


def _rebuilt(
    graph: Mapping, name: str, npartitions: int, *, rename: Mapping | None = None
) -> Bag:
    return Bag(graph, (rename or {}).get(name, name), npartitions)
