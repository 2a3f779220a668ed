"""The order in which the tasks of a graph should run: few results held at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from raskt import _native
from raskt.core import getcycle, keys_in_tasks, reverse_dict, toposort

__all__ = ["Order", "OrderInfo", "diagnostics", "ndependencies", "order"]


class Order(NamedTuple):
    """The place of a task."""

    priority: int
    # Tasks with the same number follow each other in the graph and in the order.
    critical_path: int


class OrderInfo(NamedTuple):
    """What running in order means for one task."""

    order: int
    # How many tasks run while its result is held.
    age: int
    num_data_when_run: int
    num_data_when_released: int
    num_dependencies_freed: int


def order(
    dsk: Mapping,
    dependencies: Mapping[Any, Iterable] | None = None,
    *,
    return_stats: bool = False,
) -> dict[Any, Any]:
    """Number the tasks of a graph in the order in which they should run.

    All that run graphs break ties with it.

    Parameters
    ----------
    dsk : mapping
        The graph.
    dependencies : mapping, optional
        For each key, those that it needs, if known. Keys that are not in the graph are
        taken as computed already.
    return_stats : bool
        Give more than the number, for pictures?

    Returns
    -------
    dict
        For each key its number, from 0; or an :class:`Order`.

    Raises
    ------
    RuntimeError
        If there is a cycle; the message shows it.

    Examples
    --------
    >>> order({"total": (max, "a", "b"), "a": (abs, -1), "b": (abs, -2)})
    {'a': 0, 'b': 1, 'total': 2}
    """
    needs = _dependencies(dsk, dependencies)
    keys = list(dsk)
    # The core gets plain text as keys, and nothing but keys: any hashable will do here.
    names = {key: str(i) for i, key in enumerate(keys)}
    shadow = {name: (max, *map(names.get, needs[key])) for key, name in names.items()}
    used = {other for others in needs.values() for other in others}
    ends = [name for key, name in names.items() if key not in used]
    try:
        places = _native.order(shadow, ends)
    except RuntimeError:
        places = {}
    if len(places) < len(keys):
        cycle = [str(keys[int(name)]) for name in getcycle(shadow, list(shadow))]
        raise RuntimeError(f"Cycle detected in the graph: {'->'.join(cycle)}") from None
    in_order = sorted(places, key=places.__getitem__)
    result: dict = {keys[int(name)]: i for i, name in enumerate(in_order)}
    return _with_paths(result, needs) if return_stats else result


def _dependencies(dsk: Mapping, given: Mapping[Any, Iterable] | None) -> dict:
    """Give what each key needs, as dicts: unlike sets, they are always in one order."""
    if given is None:
        return {
            key: dict.fromkeys(keys_in_tasks(dsk, [task], as_list=True))
            for key, task in dsk.items()
        }
    place = {key: i for i, key in enumerate(dsk)}
    return {
        key: dict.fromkeys(sorted(place.keys() & set(given[key]), key=place.get))
        for key in dsk
    }


def _with_paths(
    places: dict[Any, int], needs: Mapping[Any, Mapping]
) -> dict[Any, Order]:
    found = {}
    path = 0
    previous: Any = None
    for place, key in enumerate(places):
        path += place == 0 or previous not in needs[key]
        found[key] = Order(place, path)
        previous = key
    return found


def diagnostics(
    dsk: Mapping,
    o: Mapping[Any, int] | None = None,
    dependencies: Mapping[Any, Iterable] | None = None,
) -> tuple[dict[Any, OrderInfo], list[int]]:
    """Play through a graph in order, and watch what is held.

    A result is held until all tasks that use it have run; one that nothing uses is not
    held at all.

    Parameters
    ----------
    dsk : mapping
        The graph.
    o : mapping, optional
        The order. Default: that of :func:`order`.
    dependencies : mapping, optional
        For each key, those that it needs, if known.

    Returns
    -------
    info : dict of OrderInfo
        For each key, how long its result is held and how much is held with it.
    pressure : list of int
        How many results are held when the first, second ... task runs.

    Examples
    --------
    >>> info, pressure = diagnostics({"x": -1, "y": (abs, "x"), "z": (abs, "y")})
    >>> pressure, info["x"].age
    ([0, 1, 1], 1)
    """
    needs = _dependencies(dsk, dependencies)
    o = order(dsk, dependencies) if o is None else o
    dependents = reverse_dict(needs)
    waiting = {key: len(users) for key, users in dependents.items()}
    held = 0
    pressure = []
    started, released, freed = {}, {}, {}
    for place, key in enumerate(sorted(dsk, key=o.__getitem__)):
        pressure.append(held)
        started[key] = place
        if not dependents[key]:
            released[key] = place
        for other in needs[key]:
            waiting[other] -= 1
        done = [other for other in needs[key] if waiting[other] == 0]
        released.update(dict.fromkeys(done, place))
        freed[key] = len(done)
        held += bool(dependents[key]) - len(done)
    info = {
        key: OrderInfo(
            order=place,
            age=released[key] - place,
            num_data_when_run=pressure[place],
            num_data_when_released=pressure[released[key]],
            num_dependencies_freed=freed[key],
        )
        for key, place in started.items()
    }
    return info, pressure


def ndependencies(
    dependencies: Mapping[Any, set], dependents: Mapping[Any, set]
) -> tuple[dict[Any, int], dict[Any, int]]:
    """Count what keys need: directly, and in all.

    What is needed on two ways counts twice.

    Parameters
    ----------
    dependencies, dependents : mapping of sets
        As :func:`raskt.core.get_deps` gives them.

    Examples
    --------
    >>> from raskt.core import get_deps
    >>> ndependencies(*get_deps({"x": -1, "y": (abs, "x")}))
    ({'x': 0, 'y': 1}, {'x': 1, 'y': 2})
    """
    total: dict[Any, int] = {}
    for key in toposort(dependencies, dependencies):
        total[key] = 1 + sum(total[other] for other in dependencies[key])
    return {key: len(needs) for key, needs in dependencies.items()}, total
