"""Making one task of several that are used only by each other."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raskt import config
from raskt._nodes import substitute, used_by_objects
from raskt.core import get_dependencies, key_list, keys_in_tasks, toposort

# Deeper tasks could exhaust the stack of whoever reads, prints or pickles them.
MAX_DEPTH = 200

MAX_KEY_LENGTH = 120

_FUSIBLE = (tuple, list, str, bytes, int, float, complex, bool)

_default: Any = object()


def fuse(
    dsk: Mapping,
    keys: Any = None,
    dependencies: Mapping | None = None,
    ave_width: float = _default,
    max_width: float | None = _default,
    max_height: float | None = _default,
    max_depth_new_edges: float | None = _default,
    rename_keys: bool | Callable = _default,
) -> tuple[Mapping, Any]:
    """Make one task of tasks that are used by one other only: chains and reductions.

    Fewer tasks are fewer to schedule, but less can run at the same time.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or collection of keys, optional
        Tasks that stay.
    dependencies : mapping, optional
        Accepted, and given back if the option ``optimization.fuse.active`` is False;
        otherwise dependencies are counted anew.
    ave_width : float, optional
        How many tasks the levels below a fused task may have on average. Default: the
        option ``optimization.fuse.ave-width``, which is 1: only chains.
    max_width : float, optional
        How many branches a fused task may have. Default: the option
        ``optimization.fuse.max-width``, or no limit.
    max_height : float, optional
        How many levels a fused task may have, chains not counted. Default: the option
        ``optimization.fuse.max-height``; None is ``1.5 + ave_width * log(ave_width +
        1)``.
    max_depth_new_edges : float, optional
        How many levels there may be if the fused task needs what it did not before.
        Default: the option ``optimization.fuse.max-depth-new-edges``, or ``1.5 *
        ave_width``.
    rename_keys : bool or callable, optional
        Give fused tasks new keys, made of the old ones? Their old keys become other
        names. A function gets the list of keys, the last to run last. Default: the
        option ``optimization.fuse.rename-keys``.

    Returns
    -------
    graph : dict
        The graph with fewer tasks.
    dependencies : dict of sets
        For each key, those that it needs.

    Examples
    --------
    >>> graph = {"x": -1, "y": (abs, "x"), "z": (max, "y", 2)}
    >>> graph, dependencies = fuse(graph, rename_keys=False)
    >>> dependencies
    {'z': set()}
    """
    if config.get("optimization.fuse.active", None) is False:
        return dsk, dependencies
    limits = _Limits.of(ave_width, max_width, max_height, max_depth_new_edges)
    groups = _grouped(dsk, keys, limits.allow)
    if rename_keys is _default:
        rename_keys = config.get("optimization.fuse.rename-keys", True)
    rename = default_fused_keys_renamer if rename_keys is True else rename_keys
    graph: dict = {}
    for key, group in groups.items():
        name = rename(group.members) if rename and len(group.members) > 1 else None
        if name is None or name in dsk or name in graph:
            graph[key] = group.task
        else:
            graph[key] = name
            graph[name] = group.task
    return graph, {key: get_dependencies(graph, key) for key in graph}


def fuse_linear(
    dsk: Mapping,
    keys: Any = None,
    dependencies: Mapping | None = None,
    rename_keys: bool | Callable = True,
) -> tuple[dict, dict[Any, set]]:
    """Make one task of each chain of tasks.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or collection of keys, optional
        Tasks that stay.
    dependencies : mapping, optional
        Accepted and ignored: dependencies are counted anew.
    rename_keys : bool or callable
        As for :func:`fuse`, but a function gets the list with the last to run first.

    Returns
    -------
    graph : dict
        The graph with fewer tasks.
    dependencies : dict of sets
        For each key, those that it needs.

    Examples
    --------
    >>> graph, _ = fuse_linear({"x": -1, "y": (abs, "x"), "z": (max, "y", 2)})
    >>> graph["z"]
    'x-y-z'
    """
    groups = _grouped(dsk, keys, lambda group: len(group.needs) + len(group.kids) <= 1)
    rename = default_fused_linear_keys_renamer if rename_keys is True else rename_keys
    names: dict = {}
    taken = set(dsk)
    for key, group in groups.items():
        chain = group.members[::-1]
        name = rename(chain) if rename and len(chain) > 1 else None
        if name is not None and name not in taken:
            names[key] = name
            taken.add(name)
    graph: dict = {}
    for key, group in groups.items():
        graph[names.get(key, key)] = substitute(group.task, names)
    # The old keys become other names.
    graph.update(names)
    return graph, {key: get_dependencies(graph, key) for key in graph}


@dataclass(slots=True)
class _Group:
    """A task and what was put into it. A chain counts as one task."""

    task: Any
    # What it needs besides `kids`, the groups that might be put into it.
    needs: set
    kids: list = field(default_factory=list)
    # In the order in which they run.
    members: list = field(default_factory=list)
    size: int = 1
    width: int = 1
    height: int = 1
    # References that its tasks had not before they were put together.
    new_needs: int = 0
    depth: int = 1
    # Kids of its own were too many: it may become part of a chain only.
    is_closed: bool = False

    def gained(self) -> int:
        """Count what all of it would wait for with its kids, and only they do now."""
        if not self.needs:
            return 0
        return len(set().union(*[kid.needs for kid in self.kids]) - self.needs)

    def is_chain(self) -> bool:
        """Tell whether its one kid only makes it longer."""
        return len(self.kids) == 1 and self.gained() == 0


@dataclass(slots=True)
class _Limits:
    ave_width: float
    max_width: float
    max_height: float
    max_depth_new_edges: float

    @classmethod
    def of(cls, ave_width: Any, max_width: Any, height: Any, depth: Any) -> _Limits:
        def chosen(value: Any, name: str, default: Any) -> Any:
            if value is _default:
                value = config.get(f"optimization.fuse.{name}", None)
            return default if value is None else value

        ave_width = chosen(ave_width, "ave-width", 1)
        return cls(
            ave_width,
            chosen(max_width, "max-width", math.inf),
            chosen(height, "max-height", 1.5 + ave_width * math.log(ave_width + 1)),
            chosen(depth, "max-depth-new-edges", 1.5 * ave_width),
        )

    def allow(self, group: _Group) -> bool:
        """Tell whether a group may take its kids."""
        if group.is_chain():
            return True
        gained = group.gained()
        height = max(kid.height for kid in group.kids)
        cost = sum(kid.size + kid.new_needs for kid in group.kids) + gained
        return (
            cost <= self.ave_width * height
            and sum(kid.width for kid in group.kids) <= self.max_width
            and height < self.max_height
            and (not gained or height <= self.max_depth_new_edges)
        )


def _grouped(dsk: Mapping, keys: Any, allow: Callable) -> dict[Any, _Group]:
    """Put tasks together where ``allow`` says so; give the groups by their last key."""
    # Into task objects nothing can be put.
    kept = used_by_objects(dsk.values())
    kept.update(key_list(keys) if keys is not None else [])
    uses = {key: keys_in_tasks(dsk, [dsk[key]], as_list=True) for key in dsk}
    count = Counter(other for others in uses.values() for other in others)
    groups: dict[Any, _Group] = {}
    for key in toposort(dsk, uses):
        group = _Group(dsk[key], set(uses[key]), members=[key])
        if type(group.task) in (tuple, list, str):
            kids = [
                other
                for other in dict.fromkeys(uses[key])
                if count[other] == 1
                and other not in kept
                and type(dsk[other]) in _FUSIBLE
                and groups[other].depth < MAX_DEPTH
            ]
            if len(group.needs) > 1:
                group.is_closed = any(groups[kid].is_closed for kid in kids)
                kids = [kid for kid in kids if not groups[kid].is_closed]
            group.needs.difference_update(kids)
            group.kids = [groups[kid] for kid in kids]
            if kids and allow(group):
                _take(group, kids)
                for kid in kids:
                    del groups[kid]
            elif kids:
                group.needs.update(kids)
                group.is_closed = True
        group.kids = []
        groups[key] = group
    return groups


def _take(group: _Group, keys: list) -> None:
    kids = group.kids
    new_level = not group.is_chain()
    group.task = substitute(
        group.task, {key: kid.task for key, kid in zip(keys, kids, strict=True)}
    )
    group.members = [key for kid in kids for key in kid.members] + group.members
    group.new_needs = sum(kid.new_needs for kid in kids) + group.gained()
    group.depth = 1 + max(kid.depth for kid in kids)
    group.width = sum(kid.width for kid in kids)
    group.size = sum(kid.size for kid in kids) + new_level
    group.height = max(kid.height for kid in kids) + new_level
    for kid in kids:
        group.needs |= kid.needs
        group.is_closed |= kid.is_closed


def default_fused_keys_renamer(
    keys: list, max_fused_key_length: int | None = MAX_KEY_LENGTH
) -> Any:
    """Make the key of a fused task: the names of its parts, and the last key.

    Parameters
    ----------
    keys : list
        The keys of the parts, the last to run last.
    max_fused_key_length : int, optional
        Longer ones are cut and get a hash; None: no limit.

    Returns
    -------
    key or None
        None if the last key is neither a str nor a tuple that begins with one.

    Examples
    --------
    >>> default_fused_keys_renamer(["load-1", "inc-2", ("sum-3", 0)])
    ('inc-load-sum-3', 0)
    """
    from raskt.utils import key_split

    *others, last = keys
    names = sorted({key_split(key) for key in others} - {key_split(last)})
    return _joined(names, last, max_fused_key_length)


def default_fused_linear_keys_renamer(keys: list) -> Any:
    """Make the key of a fused chain: the names of its parts in order, and the last key.

    Parameters
    ----------
    keys : list
        The keys of the parts, the last to run first.

    Examples
    --------
    >>> default_fused_linear_keys_renamer(["sum-3", "inc-2", "load-1"])
    'load-inc-sum-3'
    """
    from raskt.utils import key_split

    last, *others = keys
    return _joined([key_split(key) for key in others[::-1]], last, MAX_KEY_LENGTH)


def _joined(names: Iterable[str], last: Any, max_length: int | None) -> Any:
    if isinstance(last, tuple) and last and isinstance(last[0], str):
        return (_joined(names, last[0], max_length), *last[1:])
    if not isinstance(last, str):
        return None
    name = "-".join([*names, last])
    if max_length is None or len(name) <= max_length:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{name[: max_length - len(digest) - 1]}-{digest}"
