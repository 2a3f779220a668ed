"""Reductions: each partition on its own, then the results in a tree."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from heapq import nlargest
from itertools import chain, count
from math import sqrt
from typing import Any

from raskt.bag._steps import Missing, Step, concrete

DEFAULT_SPLIT_EVERY = 8


def reduction_tree(
    keys: list[Any],
    perpartition: Step,
    aggregate: Step,
    split_every: int | bool | None,
    name: str,
    token: str,
    last: Any,
) -> dict[Any, Any]:
    """Give the tasks of a reduction.

    Parameters
    ----------
    keys : list
        The keys of the partitions.
    perpartition, aggregate : Step
        What is called with each partition, and with lists of results.
    split_every : int, False or None
        How many results to put together at once; False: all; None: 8.
    name, token : str
        What the new keys are made of.
    last : key
        The key of the result.

    Raises
    ------
    ValueError
        If `split_every` is less than 2.
    """
    if split_every is None:
        split_every = DEFAULT_SPLIT_EVERY
    elif split_every is False:
        split_every = max(2, len(keys))
    if type(split_every) is not int or split_every < 2:
        raise ValueError(
            f"split_every must be False or at least 2, not {split_every!r}"
        )
    graph: dict[Any, Any] = {}
    parts = []
    is_only = len(keys) == 1
    for place, key in enumerate(keys):
        parts.append((f"{name}-part-{token}", place))
        graph[parts[-1]] = (_guarded(reduce_partition, perpartition, is_only), key)
    level = 0
    while len(parts) > split_every:
        groups = [
            parts[start : start + split_every]
            for start in range(0, len(parts), split_every)
        ]
        parts = [(f"{name}-combine-{level}-{token}", i) for i in range(len(groups))]
        step = _guarded(reduce_results, aggregate, False)
        graph.update(
            (key, (step, group)) for key, group in zip(parts, groups, strict=True)
        )
        level += 1
    graph[last] = (_guarded(reduce_results, aggregate, True), parts)
    return graph


def _guarded(guard: Callable, step: Step, is_last: bool) -> Step:
    return Step(guard, step, is_last, name=step.__name__, reads_once=step.reads_once)


def reduce_partition(func: Callable, is_only: bool, part: Any) -> Any:
    """Call a function with a partition that has items, or is the only one."""
    if isinstance(part, Iterator):
        first = next(part, Missing)
        is_empty = first is Missing
        part = iter(()) if is_empty else chain([first], part)
        del first
    else:
        try:
            is_empty = len(part) == 0
        except TypeError:
            is_empty = False
    return Missing if is_empty and not is_only else concrete(func(part))


def reduce_results(func: Callable, is_last: bool, results: list[Any]) -> Any:
    """Call a function with what partitions gave, those without items left out."""
    found = [result for result in results if result is not Missing]
    return concrete(func(found)) if found or is_last else Missing


# --- what reductions call -------------------------------------------------------------


def fold_items(binop: Callable, initial: Any, part: Iterable[Any]) -> Any:
    """Put items together, from the left."""
    if initial is Missing:
        return reduce(binop, part)
    # The function may change what it is given, and partitions run at the same time.
    return reduce(binop, part, copy.deepcopy(initial))


def count_items(part: Iterable[Any]) -> int:
    """Count the items."""
    # A list knows, and a dict of them need not be made.
    return len(part) if hasattr(part, "__len__") else sum(1 for _ in part)


def item_counts(part: Iterable[Any]) -> dict[Any, int]:
    """Count equal items."""
    return dict(Counter(part))


def merge_counts(counts: Iterable[dict[Any, int]]) -> dict[Any, int]:
    """Add up counts."""
    total: Counter = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def sorted_counts(counts: dict[Any, int]) -> list[tuple[Any, int]]:
    """Give items and their counts, the most frequent first."""
    return sorted(counts.items(), key=lambda pair: pair[1], reverse=True)


def largest_items(k: int, key: Callable | None, part: Iterable[Any]) -> list[Any]:
    """Give the largest items, the largest first."""
    return nlargest(k, part, key)


def largest_of(k: int, key: Callable | None, parts: Iterable[list[Any]]) -> list[Any]:
    """Give the largest items of several partitions, the largest first."""
    return nlargest(k, chain.from_iterable(parts), key)


def moments(part: Iterable[Any]) -> tuple[int, Any, Any]:
    """Give count, mean, and the sum of the squares of the distances to the mean."""
    items = list(part)
    if not items:
        return 0, 0, 0
    mean = sum(items) / len(items)
    return len(items), mean, sum((item - mean) ** 2 for item in items)


def merge_moments(parts: Iterable[tuple[int, Any, Any]]) -> tuple[int, Any, Any]:
    """Give the moments of partitions together."""
    size, mean, squares = 0, 0.0, 0.0
    for its_size, its_mean, its_squares in parts:
        if its_size:
            distance = its_mean - mean
            share = its_size / (size + its_size)
            squares += its_squares + distance**2 * size * share
            mean += distance * share
            size += its_size
    return size, mean, squares


def sum_and_count(part: Iterable[Any]) -> tuple[Any, int]:
    """Give the sum and how many there are, reading once."""
    places = count()
    total = sum(item for item, _ in zip(part, places, strict=False))
    return total, next(places)


def add_pairs(pairs: Iterable[tuple[Any, int]]) -> tuple[Any, int]:
    """Add up sums and counts."""
    totals, counts = zip(*pairs, strict=True) if pairs else ((), ())
    return sum(totals), sum(counts)


def mean_of(pair: tuple[Any, int]) -> Any:
    """Give the mean."""
    total, size = pair
    if not size:
        raise ValueError("a bag without items has no mean")
    return total / size


def variance_of(ddof: int, result: tuple[int, Any, Any]) -> Any:
    """Give the variance."""
    size, _, squares = result
    if size <= ddof:
        raise ValueError(f"a bag with {size} items has no variance with ddof={ddof}")
    return squares / (size - ddof)


def deviation_of(ddof: int, result: tuple[int, Any, Any]) -> float:
    """Give the standard deviation."""
    return sqrt(variance_of(ddof, result))
