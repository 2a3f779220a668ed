"""What tasks ask for besides their inputs, as the native client takes it."""

from __future__ import annotations

import math
from typing import Any

from raskt._annotations import get_annotations
from raskt.distributed._client_base import names_of_workers

__all__ = ["terms_of"]

_KNOWN = frozenset(
    {"workers", "allow_other_workers", "resources", "retries", "priority", "executor"}
)


def terms_of(
    workers: Any = None,
    allow_other_workers: Any = None,
    resources: dict[str, float] | None = None,
    retries: int | None = None,
    priority: Any = None,
    actor: bool = False,
) -> dict[str, Any]:
    """Give the terms for tasks: what is asked for, and what annotations ask for.

    Parameters
    ----------
    workers, allow_other_workers, resources, retries, priority
        As for :meth:`Client.submit`; what is None may come from
        :func:`raskt.annotate`.
    actor : bool
        Is the result an actor?

    Examples
    --------
    >>> terms_of(workers="alice", retries=2)
    {'workers': ['alice'], 'retries': 2}
    """
    if allow_other_workers not in (True, False, None):
        raise TypeError("allow_other_workers= must be True or False")
    given = {
        "workers": workers,
        "allow_other_workers": allow_other_workers or None,
        "resources": resources,
        "retries": retries,
        "priority": priority or None,
    }
    around = get_annotations()
    terms = {name: around[name] for name in around.keys() & _KNOWN}
    terms.update((name, value) for name, value in given.items() if value is not None)
    if "workers" in terms:
        terms["workers"] = names_of_workers(terms["workers"])
    if "priority" in terms:
        terms["priority"] = _whole(terms["priority"])
    if actor:
        terms["actor"] = True
    others = {name: around[name] for name in around.keys() - _KNOWN}
    if others:
        terms["annotations"] = others
    return terms


def _whole(priority: Any) -> int:
    if isinstance(priority, tuple | list):
        priority = priority[0]
    return math.floor(priority)
