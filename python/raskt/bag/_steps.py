"""What the tasks of bags call: functions of partitions.

A partition is anything that can be iterated. Steps that are next to each other run as
one task and hand on item after item, so that there is no list between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, repeat, starmap
from typing import Any

from raskt.utils import funcname


class Missing:
    """Stands for what is not there: the class itself, which travels by its name."""


class Step:
    """A function of partitions together with its other arguments.

    Parameters
    ----------
    func : callable
        It is called with `args` and then with what the task's inputs give.
    *args : object
        They are not searched for keys and tasks.
    name : str, optional
        What to call the step; default: the name of the function.
    gives_items : bool
        Does the function give an iterator? The result of the task is a list.
    reads_once : bool
        Does the function go through its inputs once, from the front? Then it may be
        given iterators instead of lists.
    """

    __slots__ = ("__name__", "args", "func", "gives_items", "reads_once")

    def __init__(
        self,
        func: Callable,
        *args: Any,
        name: str | None = None,
        gives_items: bool = False,
        reads_once: bool = False,
    ):
        self.func = func
        self.args = args
        self.__name__ = name or funcname(func)
        self.gives_items = gives_items
        self.reads_once = reads_once

    def __call__(self, *inputs: Any) -> Any:
        result = self.func(*self.args, *inputs)
        if not self.gives_items:
            return result
        items = list(result)
        if items and isinstance(items[0], Iterator):
            items = [concrete(item) for item in items]
        return items

    def __dask_tokenize__(self) -> Any:
        return type(self).__name__, self.func, self.args

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.__name__}>"


def stream(task: Any) -> Any:
    """Give a task without the lists between steps that can do without."""
    if type(task) is list:
        return [stream(item) for item in task]
    if type(task) is not tuple or not task or not callable(task[0]):
        return task
    func, *inputs = task
    inputs = [stream(item) for item in inputs]
    if isinstance(func, Step) and func.reads_once:
        inputs = [_opened(item) for item in inputs]
    return (func, *inputs)


def _opened(task: Any) -> Any:
    """Give a task that gives its items one by one, if it can."""
    if type(task) is tuple and task and isinstance(task[0], Step):
        step, *inputs = task
        if step.gives_items:
            return (partial(step.func, *step.args), *inputs)
    return task


class Arguments:
    """Arguments of a function, some of which are known only when the task runs.

    Parameters
    ----------
    args, kwargs
        The arguments, with anything in the places of those that come later.
    places : sequence of int and str
        Positions and names of those that come later.
    """

    __slots__ = ("args", "kwargs", "places")

    def __init__(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        places: Sequence[int | str],
    ):
        self.args = args
        self.kwargs = kwargs
        self.places = places

    def __dask_tokenize__(self) -> Any:
        return type(self).__name__, self.args, self.kwargs, self.places

    def filled(self, values: Iterable[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Give all arguments."""
        args, kwargs = list(self.args), dict(self.kwargs)
        for place, value in zip(self.places, values, strict=True):
            if isinstance(place, str):
                kwargs[place] = value
            else:
                args[place] = value
        return args, kwargs


def map_items(
    func: Callable, arguments: Arguments, each: Sequence[int | str], *inputs: Any
) -> Iterator[Any]:
    """Call a function for the items of partitions, side by side.

    The last inputs are the partitions, and `each` has the places of their items among
    the arguments. The other inputs are the same for all items.
    """
    shared = len(inputs) - len(each)
    args, kwargs = arguments.filled(inputs[:shared])
    parts = inputs[shared:]
    if each == [0]:
        func = partial(func, **kwargs) if kwargs else func
        return map(func, *parts, *map(repeat, args[1:]))
    item_arguments = Arguments(args, kwargs, each)

    def call(*items: Any) -> Any:
        args, kwargs = item_arguments.filled(items)
        return func(*args, **kwargs)

    return starmap(call, zip(*parts, strict=True))


def star_items(func: Callable, arguments: Arguments, *inputs: Any) -> Iterator[Any]:
    """Call a function with the parts of each item as its arguments."""
    *shared, part = inputs
    _, kwargs = arguments.filled(shared)
    return starmap(partial(func, **kwargs), part)


def call_partitions(func: Callable, arguments: Arguments, *inputs: Any) -> Any:
    """Call a function with whole partitions."""
    args, kwargs = arguments.filled(inputs)
    return concrete(func(*args, **kwargs))


def concrete(result: Any) -> Any:
    """Give a list instead of an iterator, which could be read only once."""
    return list(result) if isinstance(result, Iterator) else result


def pluck_items(key: Any, default: Any, part: Iterable[Any]) -> Iterator[Any]:
    """Give what each item has under a key, or under each of a list of keys."""
    if isinstance(key, list):
        return (tuple(_get(item, k, default) for k in key) for item in part)
    return (_get(item, key, default) for item in part)


def _get(item: Any, key: Any, default: Any) -> Any:
    if default is Missing:
        return item[key]
    try:
        return item[key]
    except (KeyError, IndexError):
        return default


def flatten_items(part: Iterable[Iterable[Any]]) -> Iterator[Any]:
    """Give the items of the items."""
    return chain.from_iterable(part)
